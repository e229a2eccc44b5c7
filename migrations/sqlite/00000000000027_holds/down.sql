-- What is open is given back: nothing is held any more.
DROP VIEW payments;
DROP VIEW payments_held;
CREATE VIEW payments AS
SELECT * FROM payments_in
UNION ALL
SELECT * FROM payments_out;
UPDATE invoices SET state = 'cancelled' WHERE state = 'held';
DROP TABLE hold_moves;
DROP TABLE holds;
ALTER TABLE accounts DROP COLUMN held_msat;
