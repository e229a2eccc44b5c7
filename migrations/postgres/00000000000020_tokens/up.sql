-- Tokens that managers have made for their programs, by digest; a revoked one has no row. What a
-- token may do is a set of bits.
CREATE TABLE tokens (
    id BYTEA NOT NULL PRIMARY KEY,
    token_digest BYTEA NOT NULL UNIQUE,
    user_id BYTEA NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    scopes BIGINT NOT NULL CHECK (scopes > 0),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT
);
CREATE INDEX tokens_by_user ON tokens (user_id, created_at_ms, id);
CREATE INDEX tokens_by_end ON tokens (expires_at_ms);
