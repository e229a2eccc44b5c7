-- Bolt Cards: NTAG424 tags that pay from a wallet.
CREATE TABLE cards (
    id BLOB NOT NULL PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    wallet_id BLOB NOT NULL REFERENCES wallets (id),
    -- The wallet's user, within whose cards a UID is unique.
    user_id BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    uid BLOB NOT NULL,
    -- What stands in the URL on the card.
    external_id TEXT NOT NULL UNIQUE,
    -- The counter of the last tap that was accepted.
    counter BIGINT NOT NULL,
    tx_limit_sat BIGINT NOT NULL,
    daily_limit_sat BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- k0, k1, k2, and those from before: sealed.
    keys_sealed BLOB NOT NULL,
    -- The code with which a programmer's app fetches the keys, once: its digest.
    otp_digest BLOB UNIQUE,
    otp_expires_at_ms BIGINT,
    -- What was spent on the last day (UTC) that anything was.
    spent_day BIGINT NOT NULL DEFAULT 0,
    spent_msat BIGINT NOT NULL DEFAULT 0 CHECK (spent_msat >= 0),
    created_at_ms BIGINT NOT NULL,
    UNIQUE (user_id, uid)
);
CREATE INDEX cards_wallet ON cards (wallet_id, created_at_ms, id);

-- Taps that were accepted, each good for one payment for a short while.
CREATE TABLE hits (
    id BLOB NOT NULL PRIMARY KEY,
    card_id BLOB NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    ip TEXT NOT NULL,
    useragent TEXT NOT NULL,
    old_counter BIGINT NOT NULL,
    new_counter BIGINT NOT NULL,
    -- Once it was spent: how much, by which transfer.
    amount_msat BIGINT,
    transfer_id BLOB,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    CHECK ((amount_msat IS NULL) = (transfer_id IS NULL))
);
CREATE INDEX hits_card ON hits (card_id, created_at_ms, id);
-- Those that came to nothing are forgotten.
CREATE INDEX hits_unspent ON hits (created_at_ms) WHERE transfer_id IS NULL;
