-- Requests that were answered under an idempotency key, written with their effect. What a
-- payment answered is made again from its rows (the ids, 16 bytes each); any other answer
-- is kept, sealed.
CREATE TABLE idempotency (
    account_id BYTEA NOT NULL REFERENCES accounts (id),
    key_digest BYTEA NOT NULL,
    request_digest BYTEA NOT NULL,
    payment_ids BYTEA,
    answer_sealed BYTEA,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, key_digest)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);
