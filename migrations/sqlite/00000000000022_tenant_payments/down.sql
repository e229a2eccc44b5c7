DROP VIEW payments;
DROP VIEW payments_in;
DROP VIEW payments_out;
CREATE VIEW payments_in AS
SELECT
    i.id, i.wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    i.amount_msat, i.memo, i.state, i.webhook, i.extra, i.tag,
    i.created_at_ms, i.expires_at_ms, i.paid_at_ms, i.external_id
FROM invoices AS i;
CREATE VIEW payments_out AS
SELECT
    t.id, t.debit_account AS wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    CAST(-t.amount_msat AS BIGINT) AS amount_msat, i.memo, i.state, t.webhook, t.extra, t.tag,
    t.created_at_ms, i.expires_at_ms, t.created_at_ms AS paid_at_ms, t.external_id
FROM transfers AS t
INNER JOIN invoices AS i ON i.id = t.invoice_id;
CREATE VIEW payments AS
SELECT * FROM payments_in
UNION ALL
SELECT * FROM payments_out;
DROP TABLE payment_counts;
DROP INDEX wallets_by_tenant;
ALTER TABLE wallets DROP COLUMN tenant;
DROP INDEX accounts_by_tenant;
DROP INDEX transfers_into_tenant;
DROP INDEX transfers_by_tenant;
DROP INDEX invoices_by_tenant;
ALTER TABLE transfers DROP COLUMN payee_tenant;
ALTER TABLE transfers DROP COLUMN tenant;
ALTER TABLE invoices DROP COLUMN tenant;
