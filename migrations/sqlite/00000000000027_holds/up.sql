-- Money on hold: promised before it moves. What is held of an account is still in its balance, and
-- cannot be spent otherwise.
ALTER TABLE accounts ADD COLUMN held_msat BIGINT NOT NULL DEFAULT 0
    CONSTRAINT accounts_held CHECK (held_msat >= 0 AND (kind <> 'wallet' OR held_msat <= balance_msat));

CREATE TABLE holds (
    id BLOB NOT NULL PRIMARY KEY,
    wallet_id BLOB NOT NULL REFERENCES accounts (id),
    tenant BLOB,
    manager_id BLOB REFERENCES users (id),
    group_name TEXT,
    payment_hash BLOB NOT NULL,
    invoice_id BLOB UNIQUE REFERENCES invoices (id),
    amount_msat BIGINT NOT NULL CHECK (amount_msat > 0),
    captured_msat BIGINT NOT NULL CHECK (captured_msat >= 0),
    released_msat BIGINT NOT NULL CHECK (released_msat >= 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'captured', 'voided', 'expired')),
    moves BIGINT NOT NULL,
    memo TEXT NOT NULL,
    extra TEXT,
    tag TEXT,
    webhook TEXT,
    external_id TEXT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT,
    CONSTRAINT holds_sums CHECK (
        captured_msat + released_msat <= amount_msat
        AND (state = 'open') = (captured_msat + released_msat < amount_msat)
    ),
    CONSTRAINT holds_closed_at CHECK ((state = 'open') = (closed_at_ms IS NULL)),
    CONSTRAINT holds_of_somebody CHECK ((manager_id IS NULL) = (invoice_id IS NOT NULL))
);
CREATE INDEX holds_by_hash ON holds (payment_hash);
CREATE INDEX holds_by_wallet ON holds (wallet_id, id);
CREATE INDEX holds_by_manager ON holds (manager_id, id);
CREATE INDEX holds_by_group ON holds (manager_id, group_name, id) WHERE group_name IS NOT NULL;
CREATE UNIQUE INDEX holds_external_id ON holds (wallet_id, external_id) WHERE external_id IS NOT NULL;
-- What is open: few, however many were closed.
CREATE INDEX holds_open ON holds (manager_id, group_name, id) WHERE state = 'open';
CREATE INDEX holds_open_by_expiry ON holds (expires_at_ms, id) WHERE state = 'open';
-- What lists of payments show, a wallet's and a tenant's.
CREATE INDEX holds_listed ON holds (wallet_id, id)
WHERE state = 'open' OR (state IN ('voided', 'expired') AND invoice_id IS NOT NULL);
CREATE INDEX holds_listed_by_tenant ON holds (tenant, id)
WHERE state = 'open' OR (state IN ('voided', 'expired') AND invoice_id IS NOT NULL);

-- Every step of a hold, numbered from 1. Never changed.
CREATE TABLE hold_moves (
    hold_id BLOB NOT NULL REFERENCES holds (id),
    n BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('placed', 'captured', 'released', 'voided', 'expired')),
    amount_msat BIGINT NOT NULL CHECK (amount_msat > 0),
    transfer_id BLOB,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (hold_id, n),
    CONSTRAINT hold_moves_transfer CHECK ((kind = 'captured') = (transfer_id IS NOT NULL))
) WITHOUT ROWID;
CREATE TRIGGER hold_moves_are_not_updated BEFORE UPDATE ON hold_moves
BEGIN
    SELECT RAISE(ABORT, 'moves of holds are append-only');
END;
CREATE TRIGGER hold_moves_are_not_deleted BEFORE DELETE ON hold_moves
BEGIN
    SELECT RAISE(ABORT, 'moves of holds are append-only');
END;

-- A capture is a kind of transfer of its own; a hold invoice is held before it is paid, and has no
-- preimage until then. SQLite changes such constraints only where it keeps the schema's text; what is
-- stored stays valid, because each of them allows more than before.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(
    sql,
    'CHECK (kind IN (''payment'', ''transfer'', ''credit'', ''sweep''))',
    'CHECK (kind IN (''payment'', ''transfer'', ''credit'', ''sweep'', ''capture''))'
) WHERE type = 'table' AND name = 'transfers';
UPDATE sqlite_schema SET sql = replace(
    replace(
        sql,
        'CHECK (state IN (''open'', ''paid'', ''cancelled''))',
        'CHECK (state IN (''open'', ''held'', ''paid'', ''cancelled''))'
    ),
    'preimage_sealed BLOB NOT NULL',
    'preimage_sealed BLOB'
) WHERE type = 'table' AND name = 'invoices';
PRAGMA writable_schema = RESET;

DROP VIEW payments;
CREATE VIEW payments_held AS
SELECT
    h.id, h.wallet_id, h.payment_hash, CAST(COALESCE(h.invoice_id, h.id) AS BLOB) AS invoice_id, CAST(NULL AS BLOB) AS preimage_sealed,
    i.bolt11, CAST(h.captured_msat - h.amount_msat AS BIGINT) AS amount_msat, h.memo,
    CAST(CASE h.state WHEN 'open' THEN 'held' ELSE 'cancelled' END AS TEXT) AS state, h.webhook,
    CAST(CASE WHEN h.invoice_id IS NULL THEN '{"tag":"hold","hold":"' || lower(hex(h.id)) || '"}' ELSE h.extra END AS TEXT) AS extra,
    CAST(CASE WHEN h.invoice_id IS NULL THEN 'hold' ELSE h.tag END AS TEXT) AS tag,
    h.created_at_ms, h.expires_at_ms, CAST(NULL AS BIGINT) AS paid_at_ms, h.external_id, h.tenant
FROM holds AS h
LEFT JOIN invoices AS i ON i.id = h.invoice_id
WHERE h.state = 'open' OR (h.state IN ('voided', 'expired') AND h.invoice_id IS NOT NULL);
CREATE VIEW payments AS
SELECT * FROM payments_in
UNION ALL
SELECT * FROM payments_out
UNION ALL
SELECT * FROM payments_held;
