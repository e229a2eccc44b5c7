-- The root manager of a user: the one above it that nobody has created; of that one, itself. All
-- shares are charged to it. And whether the user may create users: root managers may, others where
-- their manager says so. The first stands with the user's accounts as well, because it is read
-- with every payment.
ALTER TABLE users ADD COLUMN root_id BYTEA NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN may_create_users BOOLEAN NOT NULL DEFAULT FALSE;
WITH RECURSIVE roots (id, root_id) AS (
    SELECT id, id FROM users WHERE manager_id IS NULL
    UNION ALL
    SELECT u.id, r.root_id FROM users AS u INNER JOIN roots AS r ON u.manager_id = r.id
)
UPDATE users SET root_id = r.root_id, may_create_users = manager_id IS NULL AND role = 'user'
FROM roots AS r WHERE r.id = users.id;
-- A process of an earlier version cannot say it, and must not create a user without it.
ALTER TABLE users ALTER COLUMN root_id DROP DEFAULT;
CREATE INDEX users_who_create ON users (root_id) WHERE may_create_users;
CREATE INDEX users_who_create_by_manager ON users (manager_id) WHERE may_create_users;

ALTER TABLE accounts ADD COLUMN root_id BYTEA;
UPDATE accounts SET root_id = u.root_id
FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = accounts.id;

-- Whose share a delivery is charged to: the root manager's id, and a byte that says whether it is
-- the manager's own (0) or one of its users' (1).
ALTER TABLE deliveries RENAME COLUMN tenant TO consumer;
UPDATE deliveries SET consumer = COALESCE(
    (SELECT u.root_id || CASE WHEN u.id = u.root_id THEN '\x00'::BYTEA ELSE '\x01'::BYTEA END
     FROM endpoints AS e INNER JOIN users AS u ON u.id = e.manager_id WHERE e.id = deliveries.owner_id),
    (SELECT u.root_id || CASE WHEN u.id = u.root_id THEN '\x00'::BYTEA ELSE '\x01'::BYTEA END
     FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = deliveries.owner_id),
    '\x0000000000000000000000000000000000'::BYTEA
);
