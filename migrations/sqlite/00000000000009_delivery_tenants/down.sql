DROP TABLE failures;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (host, next_at_ms) WHERE next_at_ms IS NOT NULL;
ALTER TABLE deliveries DROP COLUMN tenant;
