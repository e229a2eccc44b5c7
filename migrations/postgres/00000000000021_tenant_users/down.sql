ALTER TABLE accounts DROP COLUMN moved_at_ms;
-- Who is deactivated stays frozen.
UPDATE accounts SET frozen_by_manager = 'everything' WHERE deactivated;
ALTER TABLE accounts DROP COLUMN deactivated;
ALTER TABLE users DROP COLUMN deactivated_at_ms;
DROP INDEX users_external_id;
DROP INDEX users_username_in_tenant;
DROP INDEX users_username;
UPDATE users SET username = NULL WHERE manager_id IS NOT NULL;
CREATE UNIQUE INDEX users_username ON users (username) WHERE deleted_at_ms IS NULL;
ALTER TABLE users DROP COLUMN external_id;
