-- A Lightning node behind the ledger. What leaves for the network or comes from it, what the operator
-- earns, and what the operator loses or gains where a payment ended otherwise than was told.
ALTER TABLE holds ADD COLUMN bolt11 TEXT;
-- What a payment sends to its payee; and what it costs beside: what is reserved while it is under way.
ALTER TABLE holds ADD COLUMN sent_msat BIGINT;
ALTER TABLE holds ADD COLUMN fee_msat BIGINT;
ALTER TABLE holds ADD COLUMN preimage_sealed BYTEA;
-- Whether the invoice stands at the node as well: 'open' while somebody has to look after it there.
ALTER TABLE invoices ADD COLUMN at_node TEXT CHECK (at_node IN ('open', 'settled', 'cancelled'));
CREATE INDEX invoices_watched ON invoices (expires_at_ms, id) WHERE at_node = 'open';
CREATE INDEX invoices_to_cancel ON invoices (id) WHERE at_node = 'open' AND state IN ('paid', 'cancelled');
-- The tap behind a payment that has failed.
CREATE INDEX hits_transfer ON hits (transfer_id) WHERE transfer_id IS NOT NULL;

-- More kinds of accounts and of transfers, and holds that are for an invoice of another node.
ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('wallet', 'issuance', 'lightning', 'fees', 'adjustments'));
ALTER TABLE transfers DROP CONSTRAINT transfers_kind_check;
ALTER TABLE transfers ADD CONSTRAINT transfers_kind_check
    CHECK (kind IN ('payment', 'transfer', 'credit', 'sweep', 'capture', 'received', 'sent', 'service_fee'));
ALTER TABLE holds DROP CONSTRAINT holds_of_somebody;
ALTER TABLE holds ADD CONSTRAINT holds_of_somebody
    CHECK ((manager_id IS NULL) = (invoice_id IS NOT NULL OR bolt11 IS NOT NULL));

INSERT INTO accounts (id, kind) VALUES
('\x73797374656d2f6c696768746e696e67', 'lightning'),
('\x73797374656d2f666565732f2f2f2f2f', 'fees'),
('\x73797374656d2f61646a757374696e67', 'adjustments');

-- Payments to other nodes, each with the hold that reserves its money. What a worker knows of one, and what
-- it will do next.
CREATE TABLE sends (
    hold_id BYTEA NOT NULL PRIMARY KEY REFERENCES holds (id),
    payment_hash BYTEA NOT NULL,
    wallet_id BYTEA NOT NULL REFERENCES accounts (id),
    tenant BYTEA,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'sending', 'in_flight', 'settled', 'failed')),
    reserved_msat BIGINT NOT NULL CHECK (reserved_msat > 0),
    -- For an invoice that names no amount.
    amount_msat BIGINT,
    fee_max_msat BIGINT NOT NULL CHECK (fee_max_msat >= 0),
    service_fee_msat BIGINT NOT NULL CHECK (service_fee_msat >= 0),
    -- The node that was asked to pay, and the attempt of this hash that it had seen fail before.
    node TEXT,
    earlier_attempt BIGINT,
    tries BIGINT NOT NULL DEFAULT 0,
    sent_at_ms BIGINT,
    -- Who works on it until when, and when to look again.
    owner BYTEA,
    due_at_ms BIGINT NOT NULL,
    -- The last thing that was heard of it, for the operator.
    note TEXT,
    created_at_ms BIGINT NOT NULL,
    ended_at_ms BIGINT,
    -- Whether it has arrived after it had been reported as failed, and is booked.
    is_late BOOLEAN NOT NULL DEFAULT FALSE,
    CONSTRAINT sends_ended_at CHECK ((state IN ('settled', 'failed')) = (ended_at_ms IS NOT NULL))
) WITH (fillfactor = 80);
-- Promise I12: of one payment hash at most one that has not failed.
CREATE UNIQUE INDEX sends_once ON sends (payment_hash) WHERE state <> 'failed';
CREATE INDEX sends_by_hash ON sends (payment_hash);
CREATE INDEX sends_due ON sends (due_at_ms, hold_id) WHERE state IN ('reserved', 'sending', 'in_flight');
CREATE INDEX sends_under_way ON sends (tenant, wallet_id) WHERE state IN ('reserved', 'sending', 'in_flight');

-- What has arrived at the node and is credited: promise I13. The transfer is the last one that it has made.
CREATE TABLE receipts (
    node TEXT NOT NULL,
    payment_hash BYTEA NOT NULL,
    amount_msat BIGINT NOT NULL CHECK (amount_msat > 0),
    received_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (node, payment_hash)
);

-- The nodes that were ever connected: up to where each was read, and who reads it.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    cursor_place BIGINT NOT NULL,
    first_seen_at_ms BIGINT NOT NULL,
    leader BYTEA,
    leads_until_ms BIGINT NOT NULL DEFAULT 0
);

DROP INDEX holds_listed;
DROP INDEX holds_listed_by_tenant;
CREATE INDEX holds_listed ON holds (wallet_id, id)
WHERE state = 'open' OR (state IN ('voided', 'expired') AND invoice_id IS NOT NULL) OR bolt11 IS NOT NULL;
CREATE INDEX holds_listed_by_tenant ON holds (tenant, id)
WHERE state = 'open' OR (state IN ('voided', 'expired') AND invoice_id IS NOT NULL) OR bolt11 IS NOT NULL;
-- What is counted beside transfers and invoices: a payment that was sent has a transfer.
CREATE INDEX holds_open_by_tenant ON holds (tenant) WHERE state = 'open';
CREATE INDEX holds_failed_by_tenant ON holds (tenant) WHERE state IN ('voided', 'expired') AND manager_id IS NULL;

DROP VIEW payments;
DROP VIEW payments_held;
DROP VIEW payments_out;
DROP VIEW payments_in;
CREATE VIEW payments_in AS
SELECT
    i.id, i.wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    i.amount_msat, CAST(0 AS BIGINT) AS fee_msat, i.memo, i.state, i.webhook, i.extra, i.tag,
    i.created_at_ms, i.expires_at_ms, i.paid_at_ms, i.external_id, i.tenant
FROM invoices AS i;
CREATE VIEW payments_out AS
SELECT
    t.id, t.debit_account AS wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    CAST(-t.amount_msat AS BIGINT) AS amount_msat, CAST(0 AS BIGINT) AS fee_msat, i.memo, i.state, t.webhook, t.extra,
    t.tag, t.created_at_ms, i.expires_at_ms, t.created_at_ms AS paid_at_ms, t.external_id, t.tenant
FROM transfers AS t
INNER JOIN invoices AS i ON i.id = t.invoice_id
WHERE t.kind <> 'sent';
-- A payment to another node is shown by its hold, from the beginning to the end: what it costs is held
-- while it is under way, and nothing once it has failed.
CREATE VIEW payments_held AS
SELECT
    h.id, h.wallet_id, h.payment_hash, CAST(COALESCE(h.invoice_id, h.id) AS BYTEA) AS invoice_id, h.preimage_sealed,
    CAST(COALESCE(h.bolt11, i.bolt11) AS TEXT) AS bolt11,
    CAST(CASE WHEN h.bolt11 IS NULL THEN h.captured_msat - h.amount_msat ELSE -h.sent_msat END AS BIGINT) AS amount_msat,
    CAST(CASE WHEN h.bolt11 IS NULL THEN 0 ELSE -h.fee_msat END AS BIGINT) AS fee_msat, h.memo,
    CAST(CASE h.state WHEN 'open' THEN 'held' WHEN 'captured' THEN 'paid' ELSE 'cancelled' END AS TEXT) AS state, h.webhook,
    CAST(CASE WHEN h.manager_id IS NOT NULL THEN '{"tag":"hold","hold":"' || encode(h.id, 'hex') || '"}' ELSE h.extra END AS TEXT) AS extra,
    CAST(CASE WHEN h.manager_id IS NOT NULL THEN 'hold' ELSE h.tag END AS TEXT) AS tag,
    h.created_at_ms, h.expires_at_ms, CAST(CASE h.state WHEN 'captured' THEN h.closed_at_ms END AS BIGINT) AS paid_at_ms,
    h.external_id, h.tenant
FROM holds AS h
LEFT JOIN invoices AS i ON i.id = h.invoice_id
WHERE h.state = 'open' OR (h.state IN ('voided', 'expired') AND h.invoice_id IS NOT NULL) OR h.bolt11 IS NOT NULL;
CREATE VIEW payments AS
SELECT * FROM payments_in
UNION ALL
SELECT * FROM payments_out
UNION ALL
SELECT * FROM payments_held;
