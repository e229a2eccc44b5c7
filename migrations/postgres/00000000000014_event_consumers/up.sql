-- Whose share handing an event over is charged to, as with deliveries; zeros where it is nobody's.
-- Events are found consumer by consumer, so that nobody's wait for those of others.
ALTER TABLE events ADD COLUMN consumer BYTEA NOT NULL DEFAULT '\x0000000000000000000000000000000000';
UPDATE events SET consumer = COALESCE(
    (SELECT u.root_id || CASE WHEN u.id = u.root_id THEN '\x00'::BYTEA ELSE '\x01'::BYTEA END
     FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = events.account_id),
    (SELECT u.root_id || CASE WHEN u.id = u.root_id THEN '\x00'::BYTEA ELSE '\x01'::BYTEA END
     FROM users AS u WHERE u.id = events.manager_id),
    '\x0000000000000000000000000000000000'::BYTEA
);
ALTER TABLE events DROP CONSTRAINT events_pkey;
ALTER TABLE events ADD PRIMARY KEY (consumer, id);

-- What came to its end is found without a look at what is waiting, however much that is: to be
-- sent again, and to be forgotten.
CREATE INDEX deliveries_ended ON deliveries (owner_id, event_id) WHERE state <> 'waiting';
CREATE INDEX deliveries_ended_by_age ON deliveries (created_at_ms) WHERE state <> 'waiting';
