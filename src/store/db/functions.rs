//! SQL functions that queries call on both databases: registered here on SQLite's connections, and
//! created by a migration on PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, SqliteConnection};

use crate::domain::search;

diesel::define_sql_function! {
    /// Whether a text contains another one, ignoring case; not if it is NULL.
    fn satkeep_contains(text: Nullable<Text>, part: Text) -> Bool;
}

diesel::define_sql_function! {
    /// A condition that always holds, for queries that may read many rows. On SQLite, which has no
    /// query time limits, it aborts the query when the connection's [`Deadline`] has passed.
    /// PostgreSQL has such limits, so there it is left out.
    fn satkeep_in_time() -> Bool;
}

/// Rows between two checks of the clock. No row takes longer than some tens of microseconds.
const ROWS_UNWATCHED: u32 = 16;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// The time by which the queries of a connection must be done, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Deadline(Arc<Times>);

#[derive(Debug)]
struct Times {
    made_at: Instant,
    /// In milliseconds after `made_at`.
    over_at_ms: AtomicU64,
}

impl Deadline {
    /// No deadline yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Times { made_at: Instant::now(), over_at_ms: AtomicU64::new(NEVER) }))
    }

    /// Sets the deadline to this long from now.
    pub(crate) fn set(&self, limit: Duration) {
        // Rounded up: what is aborted must be seen to have taken the whole limit.
        let over_at_ms = (self.0.made_at.elapsed() + limit).as_millis().saturating_add(1);
        let over_at_ms = u64::try_from(over_at_ms).unwrap_or(NEVER);
        self.0.over_at_ms.store(over_at_ms, Ordering::Relaxed);
    }

    /// Removes the deadline.
    pub(crate) fn lift(&self) {
        self.0.over_at_ms.store(NEVER, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        let over_at_ms = self.0.over_at_ms.load(Ordering::Relaxed);
        over_at_ms != NEVER && self.0.made_at.elapsed().as_millis() >= u128::from(over_at_ms)
    }
}

/// The implementation of `satkeep_in_time` on SQLite.
#[derive(Debug)]
struct InTime(bool);

impl ToSql<Bool, Sqlite> for InTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        if !self.0 {
            return Err("the query takes too long".into());
        }
        out.set_value(1_i32);
        Ok(IsNull::No)
    }
}

/// Registers the functions on a SQLite connection.
pub(crate) fn register(connection: &mut SqliteConnection, deadline: Deadline) -> QueryResult<()> {
    satkeep_contains_utils::register_impl(connection, |text: Option<String>, part: String| {
        text.is_some_and(|text| search::contains(&text, &part))
    })?;
    let mut rows = 0_u32;
    satkeep_in_time_utils::register_nondeterministic_impl(connection, move || {
        rows = rows.wrapping_add(1);
        InTime(!rows.is_multiple_of(ROWS_UNWATCHED) || !deadline.is_over())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_over_no_sooner_than_its_limit() {
        let (deadline, limit) = (Deadline::new(), Duration::from_millis(2));
        for _ in 0..50 {
            let began = Instant::now();
            deadline.set(limit);
            while !deadline.is_over() {
                std::thread::yield_now();
            }
            assert!(began.elapsed() >= limit, "{:?}", began.elapsed());
        }
        deadline.lift();
        assert!(!deadline.is_over());
    }
}
