DROP TABLE walks;
DROP INDEX invoices_by_expiry;
ALTER TABLE invoices DROP COLUMN expired_at_ms;
DROP TABLE deliveries;
DROP TABLE events;
DROP TABLE webhook_secrets;
DROP TABLE endpoints;
DROP TABLE subscriptions;
ALTER TABLE accounts DROP COLUMN tenant;
