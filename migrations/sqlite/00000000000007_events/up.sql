-- Whose events those of an account are: the manager of its user; for a manager's own wallets
-- the manager itself.
ALTER TABLE accounts ADD COLUMN tenant BLOB;
UPDATE accounts SET tenant = (
    SELECT COALESCE(u.manager_id, u.id) FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id
    WHERE w.id = accounts.id
);

-- Which kinds of events any of a manager's endpoints asks for, as bits: read with every
-- account that is settled, so one small row for each manager who has endpoints.
CREATE TABLE subscriptions (
    manager_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    kinds BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE endpoints (
    id BLOB NOT NULL PRIMARY KEY,
    manager_id BLOB NOT NULL REFERENCES users (id),
    url TEXT NOT NULL,
    kinds BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    paused_at_ms BIGINT,
    deleted_at_ms BIGINT
);
CREATE INDEX endpoints_by_manager ON endpoints (manager_id, created_at_ms, id);

-- What signs: an endpoint's secret, or a wallet's for the webhooks of its own invoices.
CREATE TABLE webhook_secrets (
    owner_id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('endpoint', 'wallet')),
    sealed BLOB NOT NULL
) WITHOUT ROWID;

-- What has happened and is not handed to its targets yet, written in the transaction in
-- which it happens. A payment is told from its rows (row_id, as in the view payments).
CREATE TABLE events (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    account_id BLOB,
    row_id BLOB,
    manager_id BLOB,
    payload TEXT,
    created_at_ms BIGINT NOT NULL
) WITHOUT ROWID;

-- One event on its way to one target, and afterwards the log of it. The owner is an endpoint,
-- or a wallet for the webhook of its own invoice, whose id the delivery then has. Where
-- next_at_ms is set, the delivery is due then; where line is, it stands in the line of those
-- that go to one target from one wallet, of which the first alone is due.
CREATE TABLE deliveries (
    id BLOB NOT NULL PRIMARY KEY,
    event_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    owner_id BLOB NOT NULL,
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('endpoint', 'wallet')),
    account_id BLOB,
    row_id BLOB,
    payload TEXT,
    host TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'parked')),
    line BLOB,
    next_at_ms BIGINT,
    attempts BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    attempted_at_ms BIGINT,
    delivered_at_ms BIGINT,
    status_code BIGINT,
    duration_ms BIGINT,
    answer TEXT,
    error TEXT
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (host, next_at_ms) WHERE next_at_ms IS NOT NULL;
CREATE INDEX deliveries_in_line ON deliveries (line, event_id) WHERE line IS NOT NULL;
CREATE INDEX deliveries_by_owner ON deliveries (owner_id, event_id);

-- Invoices whose time is over are found by it, marked, and told of, once.
ALTER TABLE invoices ADD COLUMN expired_at_ms BIGINT;
CREATE INDEX invoices_by_expiry ON invoices (expires_at_ms, id);

-- How far walks have come that all processes do together.
CREATE TABLE walks (
    name TEXT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    id BLOB NOT NULL
) WITHOUT ROWID;
INSERT INTO walks (name, at_ms, id) VALUES ('expiry', 0, x'');
