-- Only where nothing was ever sent to another node or received from one: what is under way cannot be told
-- without these tables.
CREATE TABLE nothing_was_sent_or_received (found BIGINT NOT NULL CHECK (found = 0));
INSERT INTO nothing_was_sent_or_received (found) SELECT (SELECT count(*) FROM sends) + (SELECT count(*) FROM receipts);
DROP TABLE nothing_was_sent_or_received;
DROP VIEW payments;
DROP VIEW payments_held;
DROP VIEW payments_out;
DROP VIEW payments_in;
DROP TABLE nodes;
DROP TABLE receipts;
DROP TABLE sends;
DROP INDEX holds_listed;
DROP INDEX holds_listed_by_tenant;
DROP INDEX holds_open_by_tenant;
DROP INDEX holds_failed_by_tenant;
DROP INDEX invoices_watched;
DROP INDEX invoices_to_cancel;
DROP INDEX hits_transfer;
ALTER TABLE holds DROP CONSTRAINT holds_of_somebody;
ALTER TABLE holds ADD CONSTRAINT holds_of_somebody CHECK ((manager_id IS NULL) = (invoice_id IS NOT NULL));
ALTER TABLE holds DROP COLUMN bolt11;
ALTER TABLE holds DROP COLUMN sent_msat;
ALTER TABLE holds DROP COLUMN fee_msat;
ALTER TABLE holds DROP COLUMN preimage_sealed;
ALTER TABLE invoices DROP COLUMN at_node;
CREATE INDEX holds_listed ON holds (wallet_id, id)
WHERE state = 'open' OR (state IN ('voided', 'expired') AND invoice_id IS NOT NULL);
CREATE INDEX holds_listed_by_tenant ON holds (tenant, id)
WHERE state = 'open' OR (state IN ('voided', 'expired') AND invoice_id IS NOT NULL);
DELETE FROM accounts WHERE kind IN ('lightning', 'fees', 'adjustments');
CREATE VIEW payments_in AS
SELECT
    i.id, i.wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    i.amount_msat, i.memo, i.state, i.webhook, i.extra, i.tag,
    i.created_at_ms, i.expires_at_ms, i.paid_at_ms, i.external_id, i.tenant
FROM invoices AS i;
CREATE VIEW payments_out AS
SELECT
    t.id, t.debit_account AS wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    CAST(-t.amount_msat AS BIGINT) AS amount_msat, i.memo, i.state, t.webhook, t.extra, t.tag,
    t.created_at_ms, i.expires_at_ms, t.created_at_ms AS paid_at_ms, t.external_id, t.tenant
FROM transfers AS t
INNER JOIN invoices AS i ON i.id = t.invoice_id;
CREATE VIEW payments_held AS
SELECT
    h.id, h.wallet_id, h.payment_hash, CAST(COALESCE(h.invoice_id, h.id) AS BYTEA) AS invoice_id, CAST(NULL AS BYTEA) AS preimage_sealed,
    i.bolt11, CAST(h.captured_msat - h.amount_msat AS BIGINT) AS amount_msat, h.memo,
    CAST(CASE h.state WHEN 'open' THEN 'held' ELSE 'cancelled' END AS TEXT) AS state, h.webhook,
    CAST(CASE WHEN h.invoice_id IS NULL THEN '{"tag":"hold","hold":"' || encode(h.id, 'hex') || '"}' ELSE h.extra END AS TEXT) AS extra,
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
