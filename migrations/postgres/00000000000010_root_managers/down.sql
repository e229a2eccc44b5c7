UPDATE deliveries SET consumer = substring(consumer FROM 1 FOR 16);
ALTER TABLE deliveries RENAME COLUMN consumer TO tenant;
ALTER TABLE accounts DROP COLUMN root_id;
DROP INDEX users_who_create;
DROP INDEX users_who_create_by_manager;
ALTER TABLE users DROP COLUMN may_create_users;
ALTER TABLE users DROP COLUMN root_id;
