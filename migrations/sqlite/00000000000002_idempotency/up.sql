-- Requests that were answered under an idempotency key, written with their effect. What a
-- payment answered is made again from its rows (the ids, 16 bytes each); any other answer
-- is kept, sealed.
CREATE TABLE idempotency (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    key_digest BLOB NOT NULL,
    request_digest BLOB NOT NULL,
    payment_ids BLOB,
    answer_sealed BLOB,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, key_digest)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);
