-- Whom an invoice was issued for that no key asked for: a pay link, or a tap of a card that is paid back.
ALTER TABLE invoices ADD COLUMN origin BLOB;
CREATE INDEX invoices_origin ON invoices (origin, id) WHERE origin IS NOT NULL;

-- Links that anybody may pay (LUD-06), and Lightning addresses (LUD-16).
CREATE TABLE pay_links (
    id BLOB NOT NULL PRIMARY KEY,
    -- What stands in URLs: text, because links that come from elsewhere keep theirs.
    public_id TEXT NOT NULL UNIQUE,
    wallet_id BLOB NOT NULL REFERENCES wallets (id),
    description TEXT NOT NULL,
    -- In sat, or in the currency: decimal numbers.
    min TEXT NOT NULL,
    max TEXT NOT NULL,
    currency TEXT,
    fiat_base_multiplier BIGINT NOT NULL,
    comment_chars BIGINT NOT NULL,
    username TEXT UNIQUE,
    webhook_url TEXT,
    -- Sealed, because headers carry tokens.
    webhook_headers_sealed BLOB,
    webhook_body TEXT,
    success_text TEXT,
    success_url TEXT,
    domain TEXT,
    disposable BOOLEAN NOT NULL,
    served_meta BIGINT NOT NULL DEFAULT 0,
    served_pr BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX pay_links_wallet ON pay_links (wallet_id, created_at_ms, id);
