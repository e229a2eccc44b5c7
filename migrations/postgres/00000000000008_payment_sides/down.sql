DROP VIEW payments;
DROP VIEW payments_in;
DROP VIEW payments_out;
CREATE VIEW payments AS
SELECT
    i.id, i.wallet_id, i.payment_hash, i.id AS invoice_id, i.preimage_sealed, i.bolt11,
    i.amount_msat, i.memo, i.state, i.webhook, i.extra, i.tag,
    i.created_at_ms, i.expires_at_ms, i.paid_at_ms
FROM invoices AS i
UNION ALL
SELECT
    t.id, t.debit_account, i.payment_hash, i.id, i.preimage_sealed, i.bolt11,
    CAST(-t.amount_msat AS BIGINT), i.memo, i.state, CAST(NULL AS TEXT), t.extra, t.tag,
    t.created_at_ms, i.expires_at_ms, t.created_at_ms
FROM transfers AS t
INNER JOIN invoices AS i ON i.id = t.invoice_id;
