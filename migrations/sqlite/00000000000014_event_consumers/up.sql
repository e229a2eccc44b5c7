-- Whose share handing an event over is charged to, as with deliveries; zeros where it is nobody's.
-- Events are found consumer by consumer, so that nobody's wait for those of others.
ALTER TABLE events RENAME TO events_before;
CREATE TABLE events (
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    account_id BLOB,
    row_id BLOB,
    manager_id BLOB,
    payload TEXT,
    created_at_ms BIGINT NOT NULL,
    consumer BLOB NOT NULL DEFAULT x'0000000000000000000000000000000000',
    PRIMARY KEY (consumer, id)
) WITHOUT ROWID;
INSERT INTO events (id, kind, account_id, row_id, manager_id, payload, created_at_ms, consumer)
SELECT e.id, e.kind, e.account_id, e.row_id, e.manager_id, e.payload, e.created_at_ms, COALESCE(
    (SELECT unhex(hex(u.root_id) || iif(u.id = u.root_id, '00', '01'))
     FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = e.account_id),
    (SELECT unhex(hex(u.root_id) || iif(u.id = u.root_id, '00', '01'))
     FROM users AS u WHERE u.id = e.manager_id),
    x'0000000000000000000000000000000000'
)
FROM events_before AS e;
DROP TABLE events_before;

-- What came to its end is found without a look at what is waiting, however much that is: to be
-- sent again, and to be forgotten.
CREATE INDEX deliveries_ended ON deliveries (owner_id, event_id) WHERE state <> 'waiting';
CREATE INDEX deliveries_ended_by_age ON deliveries (created_at_ms) WHERE state <> 'waiting';
