//! Failed password attempts, counted across restarts and replicas.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::login_throttle::{FailedAttempts, Throttle, Wait};
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::prune::Prunable;
use crate::store::db::schema::login_attempts;

/// Rows pruned in one transaction.
const PRUNE_ROWS: i64 = 5000;

/// Something whose password can be guessed, and its throttle.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its key in the table.
    pub id: Vec<u8>,
    /// How many attempts it allows.
    pub throttle: Throttle,
}

fn so_far(connection: &mut Db, subject: &Subject) -> Result<Option<FailedAttempts>, StoreError> {
    let row: Option<(i64, i64)> = login_attempts::table
        .filter(login_attempts::subject.eq(subject.id.as_slice()))
        .select((login_attempts::failures, login_attempts::last_at_ms))
        .first(connection)
        .optional()?;
    Ok(row.map(|(failures, last_at_ms)| FailedAttempts { failures, last_at: UnixMs::new(last_at_ms) }))
}

/// Whether a subject has hardly any failed attempts.
pub fn is_newcomer(connection: &mut Db, subject: &Subject, now: UnixMs) -> Result<bool, StoreError> {
    Ok(so_far(connection, subject)?.unwrap_or_default().are_of_newcomer(now))
}

/// How long an attempt must wait, without counting it: an attempt that must wait then costs no
/// lock.
pub fn check(connection: &mut Db, subjects: &[Subject], now: UnixMs) -> Result<Result<(), Wait>, StoreError> {
    for subject in subjects {
        if let Err(wait) = so_far(connection, subject)?.unwrap_or_default().check(subject.throttle, now) {
            return Ok(Err(wait));
        }
    }
    Ok(Ok(()))
}

/// Counts an attempt for all of the subjects, or counts none and returns how long to wait. Runs in
/// a transaction; all callers count several subjects in the same order of kinds.
pub fn attempt(connection: &mut Db, subjects: &[Subject], now: UnixMs) -> Result<Result<(), Wait>, StoreError> {
    let mut counted = Vec::with_capacity(subjects.len());
    for subject in subjects {
        match locked(connection, subject)?.attempt(subject.throttle, now) {
            Ok(after) => counted.push((subject, after)),
            Err(wait) => return Ok(Err(wait)),
        }
    }
    for (subject, after) in counted {
        diesel::update(login_attempts::table.filter(login_attempts::subject.eq(subject.id.as_slice())))
            .set((login_attempts::failures.eq(after.failures), login_attempts::last_at_ms.eq(after.last_at.get())))
            .execute(connection)?;
    }
    Ok(Ok(()))
}

#[derive(diesel::QueryableByName)]
struct Locked {
    #[diesel(sql_type = BigInt)]
    failures: i64,
    #[diesel(sql_type = BigInt)]
    last_at_ms: i64,
}

/// The attempts so far for a subject, with its row locked until the transaction ends. Attempts on
/// one subject run one at a time, even the first ones; the row inserted for those counts as no
/// attempt.
fn locked(connection: &mut Db, subject: &Subject) -> Result<FailedAttempts, StoreError> {
    let lock = diesel::sql_query(
        "INSERT INTO login_attempts (subject, failures, last_at_ms) VALUES ($1, 0, 0)
        ON CONFLICT (subject) DO UPDATE SET failures = login_attempts.failures
        RETURNING failures, last_at_ms",
    )
    .bind::<Binary, _>(subject.id.as_slice());
    let Locked { failures, last_at_ms } = match connection {
        Db::Sqlite(c) => lock.get_result(c)?,
        Db::Postgres(c) => lock.get_result(c)?,
    };
    Ok(FailedAttempts { failures, last_at: UnixMs::new(last_at_ms) })
}

/// Deletes the attempts for a subject, after one has succeeded.
pub fn clear(connection: &mut Db, subject: &[u8]) -> Result<(), StoreError> {
    diesel::delete(login_attempts::table.filter(login_attempts::subject.eq(subject))).execute(connection)?;
    Ok(())
}

/// Takes back one attempt after it has succeeded, for a subject whose other attempts still count.
pub fn take_back(connection: &mut Db, subject: &[u8]) -> Result<(), StoreError> {
    diesel::update(
        login_attempts::table.filter(login_attempts::subject.eq(subject)).filter(login_attempts::failures.gt(0)),
    )
    .set(login_attempts::failures.eq(login_attempts::failures - 1))
    .execute(connection)?;
    Ok(())
}

/// Prunes some of the attempts made before a time. Returns whether there may be more.
pub fn prune(connection: &mut Db, before: UnixMs) -> Result<bool, StoreError> {
    let over = Prunable {
        table: "login_attempts",
        key: "subject",
        is_over: "last_at_ms < $1",
        oldest_by: "last_at_ms",
        rows_max: PRUNE_ROWS,
    };
    over.prune(connection, before)
}
