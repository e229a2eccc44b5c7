DROP INDEX deliveries_ended_by_age;
DROP INDEX deliveries_ended;
ALTER TABLE events RENAME TO events_before;
CREATE TABLE events (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    account_id BLOB,
    row_id BLOB,
    manager_id BLOB,
    payload TEXT,
    created_at_ms BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO events (id, kind, account_id, row_id, manager_id, payload, created_at_ms)
SELECT id, kind, account_id, row_id, manager_id, payload, created_at_ms FROM events_before;
DROP TABLE events_before;
