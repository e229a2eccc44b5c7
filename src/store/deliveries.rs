//! Deliveries on their way: claimed by whoever sends them, for a while, and recorded.
//!
//! A claim is a time in the future at which the delivery is due again: whoever dies with it
//! loses nothing. Any number of processes claim at once; each takes what no other one has
//! (PostgreSQL: `FOR UPDATE SKIP LOCKED`; SQLite has one writer).

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};

use super::connection::Db;
use super::error::StoreError;
use super::events::{lock_lines, row_id, stored_kind};
use super::schema::deliveries;
use super::statement::statement;
use crate::domain::events::{EventKind, OwnerKind};
use crate::domain::ids::{AccountId, DeliveryId, EventId};
use crate::domain::time::UnixMs;

/// A delivery that is this process's to send, for a while.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Its id.
    pub id: DeliveryId,
    /// The event's.
    pub event: EventId,
    /// What has happened.
    pub kind: EventKind,
    /// Whose it is.
    pub owner: [u8; 16],
    /// Which of the two an owner can be.
    pub owner_kind: OwnerKind,
    /// To which wallet it has happened.
    pub account: Option<AccountId>,
    /// The payment's row.
    pub row: Option<[u8; 16]>,
    /// What to tell, where no row tells it.
    pub payload: Option<String>,
    /// Host and port of the target.
    pub place: String,
    /// In which line it stands first.
    pub line: Option<[u8; 16]>,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// Until when it is this process's.
    pub until: UnixMs,
    /// When it happened.
    pub created_at: UnixMs,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived.
    Delivered,
    /// It is tried again at a time, and holds its line up until then or not.
    Retry {
        /// When.
        at: UnixMs,
        /// Whether those behind it wait.
        holds_line: bool,
    },
    /// It was tried often enough.
    Parked,
    /// It was not tried, and is looked at again at a time, at the place that it has now.
    Postponed(UnixMs),
}

/// An attempt, and what came of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The delivery.
    pub delivery: Claimed,
    /// What becomes of it.
    pub verdict: Verdict,
    /// When it was made.
    pub at: UnixMs,
    /// How long it took.
    pub duration_ms: i64,
    /// The status of the answer.
    pub status_code: Option<u16>,
    /// The first part of the answer.
    pub answer: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A host that has something due.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct DuePlace {
    /// Host and port.
    #[diesel(sql_type = Text)]
    pub host: String,
    /// When the first of it is due.
    #[diesel(sql_type = BigInt)]
    pub next_at_ms: i64,
}

/// The hosts that something is on its way to, in order, from behind one on: two looks into an
/// index for each, however much there is for any of them.
pub fn places(connection: &mut Db, after: &str, limit: i64) -> Result<Vec<DuePlace>, StoreError> {
    let query = diesel::sql_query(
        "WITH RECURSIVE places (host) AS (
            SELECT (SELECT d.host FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.host > $1
                    ORDER BY d.host LIMIT 1)
            UNION ALL
            SELECT (SELECT d.host FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.host > places.host
                    ORDER BY d.host LIMIT 1)
            FROM places WHERE places.host IS NOT NULL
        )
        SELECT p.host, (SELECT d.next_at_ms FROM deliveries AS d WHERE d.host = p.host AND d.next_at_ms IS NOT NULL
                        ORDER BY d.next_at_ms LIMIT 1) AS next_at_ms
        FROM places AS p WHERE p.host IS NOT NULL LIMIT $2",
    )
    .bind::<Text, _>(after)
    .bind::<BigInt, _>(limit);
    Ok(match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    })
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    event_id: Vec<u8>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Binary)]
    owner_id: Vec<u8>,
    #[diesel(sql_type = Text)]
    owner_kind: String,
    #[diesel(sql_type = Nullable<Binary>)]
    account_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>, column_name = row_id)]
    payment: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    payload: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    line: Option<Vec<u8>>,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
    #[diesel(sql_type = BigInt)]
    created_at_ms: i64,
}

/// Claims what is due at a host, the longest due first.
pub fn claim(
    connection: &mut Db,
    place: &str,
    limit: i64,
    now: UnixMs,
    until: UnixMs,
) -> Result<Vec<Claimed>, StoreError> {
    let sql = |lock: &str| {
        format!(
            "UPDATE deliveries SET next_at_ms = $1, attempts = attempts + 1
             WHERE id {lock}
             RETURNING id, event_id, kind, owner_id, owner_kind, account_id, row_id, payload, line, attempts,
                created_at_ms"
        )
    };
    let due = "SELECT id FROM deliveries WHERE host = $2 AND next_at_ms <= $3 ORDER BY next_at_ms LIMIT $4";
    let bound = |sql: String| {
        diesel::sql_query(sql)
            .bind::<BigInt, _>(until.get())
            .bind::<Text, _>(place.to_owned())
            .bind::<BigInt, _>(now.get())
            .bind::<BigInt, _>(limit)
    };
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => bound(sql(&format!("IN ({due})"))).load(c)?,
        Db::Postgres(c) => bound(sql(&format!("= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))"))).load(c)?,
    };
    rows.into_iter().map(|row| claimed(row, place, until)).collect()
}

fn claimed(row: Row, place: &str, until: UnixMs) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        id: DeliveryId::from_slice(&row.id)?,
        event: EventId::from_slice(&row.event_id)?,
        kind: stored_kind(&row.kind)?,
        owner: row_id(&row.owner_id)?,
        owner_kind: stored_owner(&row.owner_kind)?,
        account: row.account_id.map(|id| AccountId::from_slice(&id)).transpose()?,
        row: row.payment.as_deref().map(row_id).transpose()?,
        payload: row.payload,
        place: place.to_owned(),
        line: row.line.as_deref().map(row_id).transpose()?,
        attempts: row.attempts,
        until,
        created_at: UnixMs::new(row.created_at_ms),
    })
}

pub(super) fn stored_owner(name: &str) -> Result<OwnerKind, StoreError> {
    OwnerKind::from_stored(name).ok_or_else(|| StoreError::Broken(format!("a delivery of a {name:?}")))
}

statement!(
    /// What came of an attempt, where the claim still holds, on SQLite.
    RecordSqlite on SqliteConnection,
    (
        state: &'a str as Text,
        leaves_line: bool as Bool,
        next_at_ms: Option<i64> as Nullable<BigInt>,
        attempted_at_ms: i64 as BigInt,
        delivered_at_ms: Option<i64> as Nullable<BigInt>,
        status_code: Option<i64> as Nullable<BigInt>,
        duration_ms: i64 as BigInt,
        answer: Option<&'a str> as Nullable<Text>,
        error: Option<&'a str> as Nullable<Text>,
        id: &'a [u8] as Binary,
        until_ms: i64 as BigInt,
    ) -> (),
    "UPDATE deliveries SET state = ?, line = CASE WHEN ? THEN NULL ELSE line END, next_at_ms = ?, \
     attempted_at_ms = ?, delivered_at_ms = ?, status_code = ?, duration_ms = ?, answer = ?, error = ? \
     WHERE id = ? AND next_at_ms = ?"
);

statement!(
    /// The first of a line is due, on SQLite.
    PromoteSqlite on SqliteConnection,
    (now_ms: i64 as BigInt, line: &'a [u8] as Binary) -> (),
    "UPDATE deliveries SET next_at_ms = ? WHERE next_at_ms IS NULL AND state = 'waiting' \
     AND id = (SELECT id FROM deliveries WHERE line = ? ORDER BY event_id LIMIT 1)"
);

statement!(
    /// What came of attempts, where the claims still hold, on PostgreSQL.
    RecordPostgres on PgConnection,
    (
        states: Vec<&'a str> as Array<Text>,
        leave_line: Vec<bool> as Array<Bool>,
        next_at_ms: Vec<Option<i64>> as Array<Nullable<BigInt>>,
        attempted_at_ms: Vec<i64> as Array<BigInt>,
        delivered_at_ms: Vec<Option<i64>> as Array<Nullable<BigInt>>,
        status_codes: Vec<Option<i64>> as Array<Nullable<BigInt>>,
        durations_ms: Vec<i64> as Array<BigInt>,
        answers: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        errors: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        ids: Vec<&'a [u8]> as Array<Binary>,
        until_ms: Vec<i64> as Array<BigInt>,
    ) -> (),
    "UPDATE deliveries AS d SET state = n.state, line = CASE WHEN n.leaves_line THEN NULL ELSE d.line END,
        next_at_ms = n.next_at_ms, attempted_at_ms = n.attempted_at_ms, delivered_at_ms = n.delivered_at_ms,
        status_code = n.status_code, duration_ms = n.duration_ms, answer = n.answer, error = n.error
     FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS n (state, leaves_line, next_at_ms, attempted_at_ms,
        delivered_at_ms, status_code, duration_ms, answer, error, id, until_ms)
     WHERE d.id = n.id AND d.next_at_ms = n.until_ms"
);

statement!(
    /// The first of each line is due, on PostgreSQL.
    PromotePostgres on PgConnection,
    (now_ms: i64 as BigInt, lines: Vec<&'a [u8]> as Array<Binary>) -> (),
    "UPDATE deliveries SET next_at_ms = ? WHERE next_at_ms IS NULL AND state = 'waiting' AND id = ANY(ARRAY(
        SELECT (SELECT d.id FROM deliveries AS d WHERE d.line = l.line ORDER BY d.event_id LIMIT 1)
        FROM unnest(?) AS l (line)))"
);

impl Attempt {
    fn state(&self) -> &'static str {
        match self.verdict {
            Verdict::Delivered => "delivered",
            Verdict::Parked => "parked",
            Verdict::Retry { .. } | Verdict::Postponed(_) => "waiting",
        }
    }

    fn leaves_line(&self) -> bool {
        match self.verdict {
            Verdict::Delivered | Verdict::Parked => true,
            Verdict::Retry { holds_line, .. } => !holds_line,
            Verdict::Postponed(_) => false,
        }
    }

    fn next_at_ms(&self) -> Option<i64> {
        match self.verdict {
            Verdict::Delivered | Verdict::Parked => None,
            Verdict::Retry { at, .. } | Verdict::Postponed(at) => Some(at.get()),
        }
    }

    fn delivered_at_ms(&self) -> Option<i64> {
        (self.verdict == Verdict::Delivered).then_some(self.at.get())
    }
}

/// Records attempts, and makes those due that stood behind them. What another process has
/// claimed meanwhile, because this one was slow, is left to that one.
pub fn record(connection: &mut Db, attempts: &[Attempt], now: UnixMs) -> Result<(), StoreError> {
    lock_lines(connection)?;
    let (postponed, tried): (Vec<_>, Vec<_>) =
        attempts.iter().partition(|attempt| matches!(attempt.verdict, Verdict::Postponed(_)));
    for attempt in postponed {
        let Claimed { id, until, place, .. } = &attempt.delivery;
        diesel::update(deliveries::table.filter(deliveries::id.eq(id.as_bytes().as_slice())))
            .filter(deliveries::next_at_ms.eq(until.get()))
            .set((
                deliveries::host.eq(place),
                deliveries::next_at_ms.eq(attempt.next_at_ms()),
                deliveries::attempts.eq(deliveries::attempts - 1),
            ))
            .execute(connection)?;
    }
    let mut left: Vec<[u8; 16]> =
        tried.iter().filter(|attempt| attempt.leaves_line()).filter_map(|attempt| attempt.delivery.line).collect();
    left.sort_unstable();
    left.dedup();
    match connection {
        Db::Sqlite(c) => {
            for attempt in tried {
                RecordSqlite {
                    state: attempt.state(),
                    leaves_line: attempt.leaves_line(),
                    next_at_ms: attempt.next_at_ms(),
                    attempted_at_ms: attempt.at.get(),
                    delivered_at_ms: attempt.delivered_at_ms(),
                    status_code: attempt.status_code.map(i64::from),
                    duration_ms: attempt.duration_ms,
                    answer: attempt.answer.as_deref(),
                    error: attempt.error.as_deref(),
                    id: attempt.delivery.id.as_bytes(),
                    until_ms: attempt.delivery.until.get(),
                }
                .execute(c)?;
            }
            for line in &left {
                PromoteSqlite { now_ms: now.get(), line }.execute(c)?;
            }
        }
        Db::Postgres(c) => {
            if !tried.is_empty() {
                record_postgres(c, &tried)?;
            }
            if !left.is_empty() {
                let lines = left.iter().map(<[u8; 16]>::as_slice).collect();
                PromotePostgres { now_ms: now.get(), lines }.execute(c)?;
            }
        }
    }
    Ok(())
}

fn record_postgres(connection: &mut PgConnection, tried: &[&Attempt]) -> Result<(), StoreError> {
    RecordPostgres {
        states: tried.iter().map(|it| it.state()).collect(),
        leave_line: tried.iter().map(|it| it.leaves_line()).collect(),
        next_at_ms: tried.iter().map(|it| it.next_at_ms()).collect(),
        attempted_at_ms: tried.iter().map(|it| it.at.get()).collect(),
        delivered_at_ms: tried.iter().map(|it| it.delivered_at_ms()).collect(),
        status_codes: tried.iter().map(|it| it.status_code.map(i64::from)).collect(),
        durations_ms: tried.iter().map(|it| it.duration_ms).collect(),
        answers: tried.iter().map(|it| it.answer.as_deref()).collect(),
        errors: tried.iter().map(|it| it.error.as_deref()).collect(),
        ids: tried.iter().map(|it| it.delivery.id.as_bytes().as_slice()).collect(),
        until_ms: tried.iter().map(|it| it.delivery.until.get()).collect(),
    }
    .execute(connection)?;
    Ok(())
}

/// Rows that are forgotten in one go.
const FORGET_ROWS: i64 = 5000;

/// Forgets some of the deliveries that came to their end and are older than a time; answers
/// whether there may be more of them.
pub fn forget_some(connection: &mut Db, before: UnixMs) -> Result<bool, StoreError> {
    let query = diesel::sql_query(
        "DELETE FROM deliveries WHERE id IN (
            SELECT id FROM deliveries WHERE id < $1 AND created_at_ms < $2 AND state <> 'waiting' LIMIT $3)",
    )
    .bind::<Binary, _>(EventId::first_at(before).as_bytes().to_vec())
    .bind::<BigInt, _>(before.get())
    .bind::<BigInt, _>(FORGET_ROWS);
    let forgotten = match connection {
        Db::Sqlite(c) => query.execute(c)?,
        Db::Postgres(c) => query.execute(c)?,
    };
    Ok(i64::try_from(forgotten).is_ok_and(|rows| rows >= FORGET_ROWS))
}
