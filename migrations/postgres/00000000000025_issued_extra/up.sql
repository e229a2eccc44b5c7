-- The data that an invoice was issued with, where more was added to `extra` since: the same request
-- again is answered as it was. Everything else goes by `extra`, which has all of it.
ALTER TABLE invoices ADD COLUMN issued_extra TEXT;
