ALTER TABLE users DROP COLUMN deleting_until_ms;
