-- Whose delivery it is, so that no tenant's targets hold up another's; zeros where it is
-- nobody's. What is due is found tenant by tenant, and host by host.
ALTER TABLE deliveries ADD COLUMN tenant BYTEA NOT NULL DEFAULT '\x00000000000000000000000000000000';
UPDATE deliveries SET tenant = COALESCE(
    (SELECT e.manager_id FROM endpoints AS e WHERE e.id = deliveries.owner_id),
    (SELECT a.tenant FROM accounts AS a WHERE a.id = deliveries.owner_id),
    tenant
);
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (tenant, host, next_at_ms) WHERE next_at_ms IS NOT NULL;

-- Attempts that failed. The one that succeeded, or the last one, stands in the delivery itself.
CREATE TABLE failures (
    delivery_id BYTEA NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status_code BIGINT,
    answer TEXT,
    error TEXT,
    PRIMARY KEY (delivery_id, at_ms)
);
