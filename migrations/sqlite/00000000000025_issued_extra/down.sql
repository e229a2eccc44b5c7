ALTER TABLE invoices DROP COLUMN issued_extra;
