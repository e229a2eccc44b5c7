-- The origin of an invoice, while it is not paid: without a key anybody can ask for invoices, so those
-- of an origin are counted, and removed when they expire. A column of its own, empty once the invoice
-- is paid: an index that says `state = 'open'` would be written with every payment of any invoice.
ALTER TABLE invoices ADD COLUMN open_origin BLOB;
DELETE FROM invoices WHERE origin IS NOT NULL AND state <> 'paid'
    AND expires_at_ms <= (SELECT at_ms FROM walks WHERE name = 'expiry');
-- They were counted.
DELETE FROM payment_counts WHERE side = 'in';
UPDATE invoices SET open_origin = origin WHERE origin IS NOT NULL AND state <> 'paid';
CREATE INDEX invoices_open_origin ON invoices (open_origin, expires_at_ms) WHERE open_origin IS NOT NULL;
