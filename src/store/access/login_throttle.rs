//! Failed password attempts, counted across restarts and replicas.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::login_throttle::{FailedTries, Throttle, Wait};
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::guesses;

/// Rows purged in one go.
const FORGET_ROWS: i64 = 5000;

/// Something whose password can be guessed, and its throttle.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its key in the table.
    pub id: Vec<u8>,
    /// How many attempts it allows.
    pub throttle: Throttle,
}

fn so_far(connection: &mut Db, subject: &Subject) -> Result<Option<FailedTries>, StoreError> {
    let row: Option<(i64, i64)> = guesses::table
        .filter(guesses::subject.eq(subject.id.as_slice()))
        .select((guesses::failures, guesses::last_at_ms))
        .first(connection)
        .optional()?;
    Ok(row.map(|(failures, last_at_ms)| FailedTries { failures, last_at: UnixMs::new(last_at_ms) }))
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
        diesel::update(guesses::table.filter(guesses::subject.eq(subject.id.as_slice())))
            .set((guesses::failures.eq(after.failures), guesses::last_at_ms.eq(after.last_at.get())))
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
fn locked(connection: &mut Db, subject: &Subject) -> Result<FailedTries, StoreError> {
    let lock = diesel::sql_query(
        "INSERT INTO guesses (subject, failures, last_at_ms) VALUES ($1, 0, 0)
        ON CONFLICT (subject) DO UPDATE SET failures = guesses.failures
        RETURNING failures, last_at_ms",
    )
    .bind::<Binary, _>(subject.id.as_slice());
    let Locked { failures, last_at_ms } = match connection {
        Db::Sqlite(c) => lock.get_result(c)?,
        Db::Postgres(c) => lock.get_result(c)?,
    };
    Ok(FailedTries { failures, last_at: UnixMs::new(last_at_ms) })
}

/// Deletes the attempts for a subject, after one has succeeded.
pub fn forget(connection: &mut Db, subject: &[u8]) -> Result<(), StoreError> {
    diesel::delete(guesses::table.filter(guesses::subject.eq(subject))).execute(connection)?;
    Ok(())
}

/// Takes back one attempt after it has succeeded, for a subject whose other attempts still count.
pub fn take_back(connection: &mut Db, subject: &[u8]) -> Result<(), StoreError> {
    diesel::update(guesses::table.filter(guesses::subject.eq(subject)).filter(guesses::failures.gt(0)))
        .set(guesses::failures.eq(guesses::failures - 1))
        .execute(connection)?;
    Ok(())
}

/// Purges some of the attempts made before a time. Returns whether there may be more.
pub fn forget_some(connection: &mut Db, before: UnixMs) -> Result<bool, StoreError> {
    let forget = |lock: &str| {
        diesel::sql_query(format!(
            "DELETE FROM guesses WHERE subject IN (
                SELECT subject FROM guesses WHERE last_at_ms < $1 ORDER BY last_at_ms LIMIT $2{lock})"
        ))
        .bind::<BigInt, _>(before.get())
        .bind::<BigInt, _>(FORGET_ROWS)
    };
    // Locked rows are skipped, so that this cannot deadlock.
    let forgotten = match connection {
        Db::Sqlite(c) => forget("").execute(c)?,
        Db::Postgres(c) => forget(" FOR UPDATE SKIP LOCKED").execute(c)?,
    };
    Ok(i64::try_from(forgotten).is_ok_and(|rows| rows >= FORGET_ROWS))
}
