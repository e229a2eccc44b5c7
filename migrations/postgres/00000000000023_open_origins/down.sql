DROP INDEX invoices_open_origin;
ALTER TABLE invoices DROP COLUMN open_origin;
