-- Links by which anybody who has one is paid (LUD-03).
CREATE TABLE withdraw_links (
    id BLOB NOT NULL PRIMARY KEY,
    -- What clients know it by: text, because links that come from elsewhere keep theirs.
    public_id TEXT NOT NULL UNIQUE,
    -- What stands in its URL: whoever knows it is paid. It is found by the digest, and shown from the
    -- sealed one.
    secret_digest BLOB NOT NULL UNIQUE,
    secret_sealed BLOB NOT NULL,
    wallet_id BLOB NOT NULL REFERENCES wallets (id),
    title TEXT NOT NULL,
    min_msat BIGINT NOT NULL CHECK (min_msat > 0),
    max_msat BIGINT NOT NULL CHECK (max_msat >= min_msat),
    uses BIGINT NOT NULL,
    used BIGINT NOT NULL DEFAULT 0 CHECK (used >= 0 AND used <= uses),
    -- The numbers of the uses that are left, with commas between, and the next one to be given.
    uses_left TEXT NOT NULL,
    next_use BIGINT NOT NULL,
    -- How long it pays nobody after a use.
    wait_s BIGINT NOT NULL,
    -- Whether each use has a link of its own.
    is_unique BOOLEAN NOT NULL,
    enabled BOOLEAN NOT NULL,
    webhook_url TEXT,
    -- Sealed, because headers carry tokens.
    webhook_headers_sealed BLOB,
    webhook_body TEXT,
    custom_url TEXT,
    last_used_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX withdraw_links_wallet ON withdraw_links (wallet_id, created_at_ms, id);
-- Of which a wallet has only so many.
CREATE INDEX withdraw_links_unspent ON withdraw_links (wallet_id) WHERE used < uses;

-- What was paid by them: each id is good for one payment.
CREATE TABLE withdrawals (
    id BLOB NOT NULL PRIMARY KEY,
    -- The link may be gone by now.
    link_id BLOB NOT NULL,
    wallet_id BLOB NOT NULL REFERENCES wallets (id),
    transfer_id BLOB NOT NULL UNIQUE,
    amount_msat BIGINT NOT NULL CHECK (amount_msat > 0),
    -- Which use it has taken, and when the link was used before: a payment to another node that fails gives
    -- it back.
    number BIGINT NOT NULL,
    last_used_before_ms BIGINT,
    failed BOOLEAN NOT NULL DEFAULT FALSE,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX withdrawals_link ON withdrawals (link_id);
