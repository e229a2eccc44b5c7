//! Finds the events to hand over next: a walk along their key, consumer by consumer. Each step
//! takes some events of some consumers, the oldest of each, so that nobody waits for another's
//! backlog to clear (promise I14).

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};

use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, EventId, PaymentRow, UserId};
use crate::domain::time::UnixMs;
use crate::fairness::parts::parts;
use crate::store::db::columns::read_columns;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;
use crate::store::webhooks::events::{Event, stored_kind};

/// Consumers whose events one step takes.
const CONSUMERS_MAX: usize = 64;
/// [`EVENTS_MAX`], as a literal.
macro_rules! events_max {
    () => {
        200
    };
}

/// Events that one step takes: the same number from each consumer that has that many, and more if
/// others have fewer.
const EVENTS_MAX: usize = events_max!();
const _: () = assert!(EVENTS_MAX >= CONSUMERS_MAX, "each consumer gets something");

/// The position of the walk.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The consumer after which the next step begins; empty for the first one.
    after: Vec<u8>,
}

impl Walk {
    /// Takes a step, and returns the events to hand over now: the oldest ones of each consumer, in
    /// order.
    pub fn step(&mut self, connection: &mut Db) -> Result<Vec<Event>, StoreError> {
        // One more than is taken, to know for certain whether this is the end.
        let mut waiting = waiting(connection, &self.after, CONSUMERS_MAX + 1)?;
        let is_last = waiting.len() <= CONSUMERS_MAX;
        waiting.truncate(CONSUMERS_MAX);
        let last = waiting.last().map(|(consumer, _)| consumer.clone());
        self.after = last.filter(|_| !is_last).unwrap_or_default();
        let counts: Vec<_> = waiting.iter().map(|(_, count)| usize::try_from(*count).unwrap_or_default()).collect();
        let consumers = waiting.into_iter().map(|(consumer, _)| consumer);
        oldest(connection, &consumers.zip(parts(&counts, EVENTS_MAX)).collect::<Vec<_>>())
    }

    /// Whether there are consumers that the walk has not reached yet.
    pub fn is_under_way(&self) -> bool {
        !self.after.is_empty()
    }
}

/// The consumers that have events, in order, after a given one, and how many each has, counted up
/// to a limit. They are counted in order, so that PostgreSQL does not search all of one consumer's
/// events for the few of another.
const WAITING: &str = "WITH RECURSIVE consumers (consumer) AS (
        SELECT (SELECT e.consumer FROM events AS e WHERE e.consumer > ? ORDER BY e.consumer LIMIT 1)
        UNION ALL
        SELECT (SELECT e.consumer FROM events AS e WHERE e.consumer > c.consumer ORDER BY e.consumer LIMIT 1)
        FROM consumers AS c WHERE c.consumer IS NOT NULL
    )
    SELECT c.consumer,
        (SELECT count(*) FROM (SELECT 1 FROM events AS e WHERE e.consumer = c.consumer ORDER BY e.id LIMIT ?) AS o)
    FROM consumers AS c WHERE c.consumer IS NOT NULL LIMIT ?";

statement!(
    /// [`WAITING`], on SQLite.
    WaitingSqlite on SqliteConnection,
    (after: &'a [u8] as Binary, count_max: i64 as BigInt, consumers_max: i64 as BigInt) -> (Binary, BigInt),
    WAITING
);

statement!(
    /// [`WAITING`], on PostgreSQL.
    WaitingPostgres on PgConnection,
    (after: &'a [u8] as Binary, count_max: i64 as BigInt, consumers_max: i64 as BigInt) -> (Binary, BigInt),
    WAITING
);

fn waiting(connection: &mut Db, after: &[u8], max: usize) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
    let (count_max, consumers_max) = (count(EVENTS_MAX), count(max));
    Ok(match connection {
        Db::Sqlite(c) => WaitingSqlite { after, count_max, consumers_max }.load(c)?,
        Db::Postgres(c) => WaitingPostgres { after, count_max, consumers_max }.load(c)?,
    })
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

read_columns!(
    /// The columns read for an event, including the rows it is about.
    struct EventColumns, EventTypes, event_columns {
        id: Vec<u8> as Binary = "e.id",
        consumer: Vec<u8> as Binary = "e.consumer",
        kind: String as Text = "e.kind",
        account_id: Option<Vec<u8>> as Nullable<Binary> = "e.account_id",
        row_id: Option<Vec<u8>> as Nullable<Binary> = "e.row_id",
        manager_id: Option<Vec<u8>> as Nullable<Binary> = "COALESCE(e.manager_id, a.tenant)",
        root_id: Option<Vec<u8>> as Nullable<Binary> = "m.root_id",
        user_id: Option<Vec<u8>> as Nullable<Binary> = "w.user_id",
        payload: Option<String> as Nullable<Text> = "e.payload",
        webhook: Option<String> as Nullable<Text> = "COALESCE(i.webhook, t.webhook)",
        created_at_ms: i64 as BigInt = "e.created_at_ms",
    }
);

/// The statement of both databases, given the source of the events `e` and what follows.
macro_rules! events_statement {
    ($(#[$doc:meta])* $name:ident on $connection:ty, ($($parameter:tt)*), $from:expr, $rest:literal) => {
        statement!(
            $(#[$doc])*
            $name on $connection,
            ($($parameter)*) -> EventTypes,
            concat!(
                "SELECT ",
                event_columns!(),
                " FROM ",
                $from,
                " LEFT JOIN accounts AS a ON a.id = e.account_id \
                  LEFT JOIN wallets AS w ON w.id = e.account_id \
                  LEFT JOIN users AS m ON m.id = COALESCE(e.manager_id, a.tenant) \
                  LEFT JOIN invoices AS i ON i.id = e.row_id AND e.kind = 'payment.received' \
                  LEFT JOIN transfers AS t ON t.debit_account = e.account_id AND t.id = e.row_id \
                    AND e.kind = 'payment.sent' ",
                $rest
            )
        );
    };
}

events_statement!(
    /// The oldest events of one consumer, on SQLite.
    OldestSqlite on SqliteConnection,
    (consumer: &'a [u8] as Binary, events_max: i64 as BigInt),
    "events AS e",
    "WHERE e.consumer = ? ORDER BY e.id LIMIT ?"
);

events_statement!(
    /// Some of the oldest events of each consumer, on PostgreSQL. Together they are never more than
    /// one step takes. The statement says so, so that PostgreSQL looks up these few rows instead of
    /// reading whole tables.
    OldestPostgres on PgConnection,
    (consumers: Vec<&'a [u8]> as Array<Binary>, events_max: Vec<i64> as Array<BigInt>),
    concat!(
        "(SELECT o.* FROM unnest(?, ?) AS s (consumer, events_max) CROSS JOIN LATERAL ( \
            SELECT * FROM events AS o WHERE o.consumer = s.consumer ORDER BY o.id LIMIT s.events_max \
          ) AS o LIMIT ",
        events_max!(),
        ") AS e"
    ),
    "ORDER BY e.consumer, e.id"
);

/// Some of the oldest events of each consumer.
fn oldest(connection: &mut Db, shares: &[(Vec<u8>, usize)]) -> Result<Vec<Event>, StoreError> {
    let mut rows: Vec<EventColumns> = Vec::new();
    match connection {
        Db::Sqlite(c) => {
            for (consumer, share) in shares {
                rows.extend(OldestSqlite { consumer, events_max: count(*share) }.load::<EventColumns>(c)?);
            }
        }
        Db::Postgres(c) => {
            let consumers = shares.iter().map(|(consumer, _)| consumer.as_slice()).collect();
            let events_max = shares.iter().map(|(_, share)| count(*share)).collect();
            rows = OldestPostgres { consumers, events_max }.load(c)?;
        }
    }
    rows.into_iter().map(event).collect()
}

fn event(row: EventColumns) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId::from_slice(&row.id)?,
        consumer: Consumer::from_slice(&row.consumer)?,
        kind: stored_kind(&row.kind)?,
        account: row.account_id.map(|id| AccountId::from_slice(&id)).transpose()?,
        row: row.row_id.map(|id| PaymentRow::from_slice(&id)).transpose()?,
        manager: row.manager_id.map(|id| UserId::from_slice(&id)).transpose()?,
        root: row.root_id.map(|id| UserId::from_slice(&id)).transpose()?,
        user: row.user_id.map(|id| UserId::from_slice(&id)).transpose()?,
        payload: row.payload,
        webhook: row.webhook,
        created_at: UnixMs::new(row.created_at_ms),
    })
}
