DROP TABLE pay_links;
DROP INDEX invoices_origin;
ALTER TABLE invoices DROP COLUMN origin;
