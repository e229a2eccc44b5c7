-- Who may log in: managers and operators with a user name, kept in lower case.
ALTER TABLE users ADD COLUMN username TEXT;
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'operator'));
CREATE UNIQUE INDEX users_username ON users (username) WHERE deleted_at_ms IS NULL;

-- Logins that are under way, by the digest of their token; a revoked one has no row.
CREATE TABLE sessions (
    token_digest BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at_ms);
CREATE INDEX guesses_by_age ON guesses (last_at_ms);
