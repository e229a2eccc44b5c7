DROP INDEX deliveries_ended_by_age;
DROP INDEX deliveries_ended;
ALTER TABLE events DROP CONSTRAINT events_pkey;
ALTER TABLE events ADD PRIMARY KEY (id);
ALTER TABLE events DROP COLUMN consumer;
