-- What a manager calls its users: a user name, and their id in a system of its own. Each is unique
-- within its tenant. Managers and operators log in by their user names, which are unique among
-- themselves.
ALTER TABLE users ADD COLUMN external_id TEXT;
DROP INDEX users_username;
CREATE UNIQUE INDEX users_username ON users (username) WHERE deleted_at_ms IS NULL AND manager_id IS NULL;
CREATE UNIQUE INDEX users_username_in_tenant ON users (manager_id, username)
WHERE deleted_at_ms IS NULL AND username IS NOT NULL;
CREATE UNIQUE INDEX users_external_id ON users (manager_id, external_id)
WHERE deleted_at_ms IS NULL AND external_id IS NOT NULL;

-- Whether a user is deactivated. It stands with the user's accounts as well, which are frozen for
-- everything meanwhile, beside and above what they are frozen by themselves.
ALTER TABLE users ADD COLUMN deactivated_at_ms BIGINT;
ALTER TABLE accounts ADD COLUMN deactivated BOOLEAN NOT NULL DEFAULT FALSE;

-- When money last came into an account or left it.
ALTER TABLE accounts ADD COLUMN moved_at_ms BIGINT;
UPDATE accounts SET moved_at_ms = m.at_ms FROM (
    SELECT account, max(at_ms) AS at_ms FROM (
        SELECT debit_account AS account, max(created_at_ms) AS at_ms FROM transfers GROUP BY debit_account
        UNION ALL
        SELECT credit_account, max(created_at_ms) FROM transfers GROUP BY credit_account
    ) AS sides GROUP BY account
) AS m WHERE m.account = accounts.id;
