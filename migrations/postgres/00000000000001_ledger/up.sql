-- Ids are BYTEAs of 16 bytes, hashes and digests of 32. Times are milliseconds since 1970,
-- money is msat. The same tables and columns stand in migrations/sqlite.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Money and the right to move it: all that settling reads of a wallet, and nothing else.
-- Rows that are updated keep room on their page (fillfactor), so that an update touches no
-- index.
CREATE TABLE accounts (
    id BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('wallet', 'issuance')),
    balance_msat BIGINT NOT NULL DEFAULT 0,
    entries BIGINT NOT NULL DEFAULT 0,
    keys_version BIGINT NOT NULL DEFAULT 1,
    closed_at_ms BIGINT,
    CONSTRAINT accounts_no_overdraft CHECK (kind <> 'wallet' OR balance_msat >= 0)
) WITH (fillfactor = 50);

INSERT INTO accounts (id, kind) VALUES ('\x73797374656d2f69737375616e63652f', 'issuance');

CREATE TABLE users (
    id BYTEA NOT NULL PRIMARY KEY,
    manager_id BYTEA REFERENCES users (id),
    name TEXT NOT NULL,
    email TEXT,
    password_hash TEXT,
    extra TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    deleted_at_ms BIGINT
);
CREATE INDEX users_by_manager ON users (manager_id, created_at_ms, id);
CREATE UNIQUE INDEX users_email ON users (manager_id, lower(email)) WHERE deleted_at_ms IS NULL;

CREATE TABLE wallets (
    id BYTEA NOT NULL PRIMARY KEY REFERENCES accounts (id),
    user_id BYTEA NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    deleted_at_ms BIGINT
);
CREATE INDEX wallets_by_user ON wallets (user_id, created_at_ms, id);

-- Keys that work; a revoked key has no row.
CREATE TABLE wallet_keys (
    digest BYTEA NOT NULL PRIMARY KEY,
    wallet_id BYTEA NOT NULL REFERENCES wallets (id),
    kind TEXT NOT NULL CHECK (kind IN ('admin', 'invoice')),
    sealed BYTEA NOT NULL,
    UNIQUE (wallet_id, kind)
);

CREATE TABLE invoices (
    id BYTEA NOT NULL PRIMARY KEY,
    wallet_id BYTEA NOT NULL REFERENCES accounts (id),
    payment_hash BYTEA NOT NULL UNIQUE,
    preimage_sealed BYTEA NOT NULL,
    bolt11 TEXT,
    amount_msat BIGINT NOT NULL CHECK (amount_msat > 0),
    memo TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'cancelled')),
    webhook TEXT,
    extra TEXT,
    tag TEXT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    paid_at_ms BIGINT,
    CONSTRAINT invoices_paid_at CHECK ((state = 'paid') = (paid_at_ms IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX invoices_by_wallet ON invoices (wallet_id, id);

-- The ledger itself. The key lists what a wallet has paid in order of time; the unique
-- invoice is promise I4.
CREATE TABLE transfers (
    id BYTEA NOT NULL,
    invoice_id BYTEA NOT NULL UNIQUE REFERENCES invoices (id),
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'transfer', 'credit', 'sweep')),
    debit_account BYTEA NOT NULL REFERENCES accounts (id),
    credit_account BYTEA NOT NULL REFERENCES accounts (id),
    amount_msat BIGINT NOT NULL CHECK (amount_msat > 0),
    debit_balance_msat BIGINT NOT NULL,
    credit_balance_msat BIGINT NOT NULL,
    debit_entry BIGINT NOT NULL,
    credit_entry BIGINT NOT NULL,
    extra TEXT,
    tag TEXT,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (debit_account, id)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% are append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER transfers_are_not_changed BEFORE UPDATE OR DELETE ON transfers
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfers_are_not_truncated BEFORE TRUNCATE ON transfers
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the API shows of a transfer or an invoice to one wallet.
CREATE VIEW payments AS
SELECT
    i.id, i.wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    i.amount_msat, i.memo, i.state, i.webhook, i.extra, i.tag,
    i.created_at_ms, i.expires_at_ms, i.paid_at_ms
FROM invoices AS i
UNION ALL
SELECT
    t.id, t.debit_account, i.payment_hash, i.id, i.preimage_sealed, i.bolt11,
    -t.amount_msat, i.memo, i.state, NULL, t.extra, t.tag,
    t.created_at_ms, i.expires_at_ms, t.created_at_ms
FROM transfers AS t
INNER JOIN invoices AS i ON i.id = t.invoice_id;
