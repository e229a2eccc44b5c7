-- What the webhooks of invoices look like, for managers that have chosen.
CREATE TABLE webhook_formats (
    manager_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    format TEXT NOT NULL CHECK (format IN ('reference', 'lnbits'))
) WITHOUT ROWID;
