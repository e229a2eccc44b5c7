//! Guesses of passwords, counted across restarts and replicas.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::Db;
use super::error::StoreError;
use super::schema::guesses;
use crate::domain::guesses::{Guesses, Throttle, Wait};
use crate::domain::time::UnixMs;

/// Rows that are forgotten in one go.
const FORGET_ROWS: i64 = 5000;

/// Something that is guessed at, and how.
#[derive(Clone, Debug)]
pub struct Subject {
    /// By what it is found.
    pub id: Vec<u8>,
    /// How fast it may be guessed at.
    pub throttle: Throttle,
}

fn so_far(connection: &mut Db, subject: &Subject) -> Result<Option<Guesses>, StoreError> {
    let row: Option<(i64, i64)> = guesses::table
        .filter(guesses::subject.eq(subject.id.as_slice()))
        .select((guesses::failures, guesses::last_at_ms))
        .first(connection)
        .optional()?;
    Ok(row.map(|(failures, last_at_ms)| Guesses { failures, last_at: UnixMs::new(last_at_ms) }))
}

/// Says how long a try must wait, without counting it: so that one that must costs no lock.
pub fn check(connection: &mut Db, subjects: &[Subject], now: UnixMs) -> Result<Result<(), Wait>, StoreError> {
    for subject in subjects {
        if let Err(wait) = so_far(connection, subject)?.unwrap_or_default().check(subject.throttle, now) {
            return Ok(Err(wait));
        }
    }
    Ok(Ok(()))
}

/// Counts a try at subjects, or says how long it must wait. Run in a transaction; everybody who
/// counts at several does so in the same order of kinds.
pub fn attempt(connection: &mut Db, subjects: &[Subject], now: UnixMs) -> Result<Result<(), Wait>, StoreError> {
    for subject in subjects {
        let row = guesses::table.filter(guesses::subject.eq(subject.id.as_slice()));
        // The update is the lock: tries at one subject take turns.
        let known = diesel::update(row).set(guesses::failures.eq(guesses::failures)).execute(connection)? > 0;
        let before = so_far(connection, subject)?.unwrap_or_default();
        let after = match before.attempt(subject.throttle, now) {
            Ok(after) => after,
            Err(wait) => return Ok(Err(wait)),
        };
        let counted = (guesses::failures.eq(after.failures), guesses::last_at_ms.eq(after.last_at.get()));
        if known {
            diesel::update(row).set(counted).execute(connection)?;
        } else {
            let row = (guesses::subject.eq(subject.id.as_slice()), counted.0, counted.1);
            diesel::insert_into(guesses::table).values(row).execute(connection)?;
        }
    }
    Ok(Ok(()))
}

/// Forgets the tries at a subject, after one has succeeded.
pub fn forget(connection: &mut Db, subject: &[u8]) -> Result<(), StoreError> {
    diesel::delete(guesses::table.filter(guesses::subject.eq(subject))).execute(connection)?;
    Ok(())
}

/// Takes one try back, after it has succeeded: for a subject whose other tries still count.
pub fn take_back(connection: &mut Db, subject: &[u8]) -> Result<(), StoreError> {
    diesel::update(guesses::table.filter(guesses::subject.eq(subject)).filter(guesses::failures.gt(0)))
        .set(guesses::failures.eq(guesses::failures - 1))
        .execute(connection)?;
    Ok(())
}

/// Forgets some of the tries that were made before a time; answers whether there may be more
/// of them.
pub fn forget_some(connection: &mut Db, before: UnixMs) -> Result<bool, StoreError> {
    let forget = |lock: &str| {
        diesel::sql_query(format!(
            "DELETE FROM guesses WHERE subject IN (
                SELECT subject FROM guesses WHERE last_at_ms < $1 ORDER BY last_at_ms LIMIT $2{lock})"
        ))
        .bind::<BigInt, _>(before.get())
        .bind::<BigInt, _>(FORGET_ROWS)
    };
    // Rows that somebody has locked are left, so that nobody waits in a circle.
    let forgotten = match connection {
        Db::Sqlite(c) => forget("").execute(c)?,
        Db::Postgres(c) => forget(" FOR UPDATE SKIP LOCKED").execute(c)?,
    };
    Ok(i64::try_from(forgotten).is_ok_and(|rows| rows >= FORGET_ROWS))
}
