-- The tenant of a payment's two sides, so that a tenant's payments are listed as fast as a wallet's:
-- for an invoice the payee's tenant, for a transfer the payer's, each as it stands with the account,
-- which never changes its tenant. NULL is issuance, which belongs to none.
ALTER TABLE invoices ADD COLUMN tenant BYTEA;
UPDATE invoices SET tenant = a.tenant FROM accounts AS a WHERE a.id = invoices.wallet_id AND a.tenant IS NOT NULL;
CREATE INDEX invoices_by_tenant ON invoices (tenant, id);

-- A transfer between tenants also names the payee's, zeros for issuance: what comes in from elsewhere
-- is found by the time of payment. Within a tenant it is NULL, and no part of the index.
ALTER TABLE transfers DISABLE TRIGGER transfers_are_not_changed;
ALTER TABLE transfers ADD COLUMN tenant BYTEA;
ALTER TABLE transfers ADD COLUMN payee_tenant BYTEA;
UPDATE transfers SET
    tenant = payer.tenant,
    payee_tenant = CASE WHEN payer.tenant IS DISTINCT FROM payee.tenant
        THEN COALESCE(payee.tenant, '\x00000000000000000000000000000000'::BYTEA) END
FROM accounts AS payer, accounts AS payee
WHERE payer.id = transfers.debit_account AND payee.id = transfers.credit_account;
ALTER TABLE transfers ENABLE TRIGGER transfers_are_not_changed;
CREATE INDEX transfers_by_tenant ON transfers (tenant, id);
CREATE INDEX transfers_into_tenant ON transfers (payee_tenant, id) WHERE payee_tenant IS NOT NULL;

-- What the accounts of a tenant hold; and its wallets, oldest first, a page of which is found without
-- sorting all of them.
CREATE INDEX accounts_by_tenant ON accounts (tenant);
ALTER TABLE wallets ADD COLUMN tenant BYTEA;
UPDATE wallets SET tenant = a.tenant FROM accounts AS a WHERE a.id = wallets.id;
CREATE INDEX wallets_by_tenant ON wallets (tenant, created_at_ms, id) WHERE deleted_at_ms IS NULL;

-- How many payments a tenant has on either side, of those whose rows come before one of this id: no
-- row is added there, so that they are counted once. Where rows go away, `changes` is counted, so that
-- no count is kept that began before.
CREATE TABLE payment_counts (
    tenant BYTEA NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('in', 'out')),
    before_id BYTEA NOT NULL,
    payments BIGINT NOT NULL,
    changes BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, side)
);
INSERT INTO payment_counts (tenant, side, before_id, payments)
SELECT i.tenant, 'in', n.id, count(*) FROM invoices AS i, (SELECT decode(lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || repeat('0', 20), 'hex') AS id) AS n
WHERE i.tenant IS NOT NULL AND i.id < n.id GROUP BY i.tenant, n.id;
INSERT INTO payment_counts (tenant, side, before_id, payments)
SELECT t.tenant, 'out', n.id, count(*) FROM transfers AS t, (SELECT decode(lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || repeat('0', 20), 'hex') AS id) AS n
WHERE t.tenant IS NOT NULL AND t.id < n.id GROUP BY t.tenant, n.id;

DROP VIEW payments;
DROP VIEW payments_in;
DROP VIEW payments_out;
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
CREATE VIEW payments AS
SELECT * FROM payments_in
UNION ALL
SELECT * FROM payments_out;
