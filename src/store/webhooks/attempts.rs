//! Results of delivery attempts: recorded if the claim still holds, with failures kept one by one.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};

use crate::domain::ids::LineId;
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::deliveries;
use crate::store::db::statement::statement;
use crate::store::webhooks::claims::Claimed;
use crate::store::webhooks::events::lock_queues;

/// What happens to a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was delivered.
    Delivered,
    /// It is retried, and may block its queue until then.
    Retry {
        /// When.
        at: UnixMs,
        /// Whether those behind it wait.
        holds_line: bool,
    },
    /// It has used up its attempts.
    Parked,
    /// It was not tried, and is checked again at this time, at its current destination.
    Postponed(UnixMs),
}

/// An attempt and its result.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The delivery.
    pub delivery: Claimed,
    /// What happens to it.
    pub verdict: Verdict,
    /// When it was made.
    pub at: UnixMs,
    /// How long it took.
    pub duration_ms: i64,
    /// The response status.
    pub status_code: Option<u16>,
    /// The first part of the response.
    pub answer: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

statement!(
    /// Records an attempt, if the claim still holds, on SQLite.
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
    /// Makes the first of a queue due, on SQLite.
    PromoteSqlite on SqliteConnection,
    (now_ms: i64 as BigInt, line: &'a [u8] as Binary) -> (),
    "UPDATE deliveries SET next_at_ms = ? WHERE next_at_ms IS NULL AND state = 'waiting' \
     AND id = (SELECT id FROM deliveries WHERE line = ? ORDER BY event_id LIMIT 1)"
);

statement!(
    /// Records attempts, if the claims still hold, on PostgreSQL.
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
    /// Makes the first of each queue due, on PostgreSQL.
    PromotePostgres on PgConnection,
    (now_ms: i64 as BigInt, lines: Vec<&'a [u8]> as Array<Binary>) -> (),
    "UPDATE deliveries SET next_at_ms = ? WHERE next_at_ms IS NULL AND state = 'waiting' AND id = ANY(ARRAY(
        SELECT (SELECT d.id FROM deliveries AS d WHERE d.line = l.line ORDER BY d.event_id LIMIT 1)
        FROM unnest(?) AS l (line)))"
);

statement!(
    /// A failed attempt, on SQLite.
    FailureSqlite on SqliteConnection,
    (
        at_ms: i64 as BigInt,
        duration_ms: i64 as BigInt,
        status_code: Option<i64> as Nullable<BigInt>,
        answer: Option<&'a str> as Nullable<Text>,
        error: Option<&'a str> as Nullable<Text>,
        id: &'a [u8] as Binary,
    ) -> (),
    "INSERT INTO failures (delivery_id, at_ms, duration_ms, status_code, answer, error) \
     SELECT id, ?, ?, ?, ?, ? FROM deliveries WHERE id = ? ON CONFLICT DO NOTHING"
);

statement!(
    /// Failed attempts, on PostgreSQL.
    FailuresPostgres on PgConnection,
    (
        at_ms: Vec<i64> as Array<BigInt>,
        durations_ms: Vec<i64> as Array<BigInt>,
        status_codes: Vec<Option<i64>> as Array<Nullable<BigInt>>,
        answers: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        errors: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        ids: Vec<&'a [u8]> as Array<Binary>,
    ) -> (),
    "INSERT INTO failures (delivery_id, at_ms, duration_ms, status_code, answer, error)
     SELECT d.id, n.at_ms, n.duration_ms, n.status_code, n.answer, n.error
     FROM unnest(?, ?, ?, ?, ?, ?) AS n (at_ms, duration_ms, status_code, answer, error, id)
     INNER JOIN deliveries AS d ON d.id = n.id ON CONFLICT DO NOTHING"
);

impl Attempt {
    /// Whether it was made but not delivered.
    pub fn has_failed(&self) -> bool {
        self.error.is_some()
    }

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

/// Records attempts, and makes those behind them due. A delivery that another process has claimed
/// in the meantime, because this one was slow, is left to that process.
pub fn record(connection: &mut Db, attempts: &[Attempt], now: UnixMs) -> Result<(), StoreError> {
    lock_queues(connection)?;
    let (postponed, tried): (Vec<_>, Vec<_>) =
        attempts.iter().partition(|attempt| matches!(attempt.verdict, Verdict::Postponed(_)));
    for attempt in postponed {
        let Claimed { id, until, destination, .. } = &attempt.delivery;
        diesel::update(deliveries::table.filter(deliveries::id.eq(id.as_bytes().as_slice())))
            .filter(deliveries::next_at_ms.eq(until.get()))
            .set((
                deliveries::host.eq(&destination.host),
                deliveries::next_at_ms.eq(attempt.next_at_ms()),
                deliveries::attempts.eq(deliveries::attempts - 1),
            ))
            .execute(connection)?;
    }
    let failed: Vec<_> = tried.iter().copied().filter(|attempt| attempt.has_failed()).collect();
    let mut left: Vec<LineId> =
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
            for attempt in failed {
                FailureSqlite {
                    at_ms: attempt.at.get(),
                    duration_ms: attempt.duration_ms,
                    status_code: attempt.status_code.map(i64::from),
                    answer: attempt.answer.as_deref(),
                    error: attempt.error.as_deref(),
                    id: attempt.delivery.id.as_bytes(),
                }
                .execute(c)?;
            }
            for line in &left {
                PromoteSqlite { now_ms: now.get(), line: line.as_bytes() }.execute(c)?;
            }
        }
        Db::Postgres(c) => {
            if !tried.is_empty() {
                record_postgres(c, &tried)?;
            }
            if !failed.is_empty() {
                failures_postgres(c, &failed)?;
            }
            if !left.is_empty() {
                let lines = left.iter().map(|line| line.as_bytes().as_slice()).collect();
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

fn failures_postgres(connection: &mut PgConnection, failed: &[&Attempt]) -> Result<(), StoreError> {
    FailuresPostgres {
        at_ms: failed.iter().map(|it| it.at.get()).collect(),
        durations_ms: failed.iter().map(|it| it.duration_ms).collect(),
        status_codes: failed.iter().map(|it| it.status_code.map(i64::from)).collect(),
        answers: failed.iter().map(|it| it.answer.as_deref()).collect(),
        errors: failed.iter().map(|it| it.error.as_deref()).collect(),
        ids: failed.iter().map(|it| it.delivery.id.as_bytes().as_slice()).collect(),
    }
    .execute(connection)?;
    Ok(())
}
