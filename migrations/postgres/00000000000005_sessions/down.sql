DROP INDEX guesses_by_age;
DROP TABLE sessions;
DROP INDEX users_username;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users DROP COLUMN username;
