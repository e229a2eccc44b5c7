//! Guesses of passwords, counted across restarts and replicas.

use diesel::prelude::*;

use super::connection::Db;
use super::error::StoreError;
use super::schema::guesses;
use crate::domain::guesses::{Guesses, Wait};
use crate::domain::time::UnixMs;

/// Rows that are forgotten in one go.
const FORGET_ROWS: i64 = 5000;

/// Counts a try at a subject, `free` of which need not wait, or says how long it must wait. Run in a transaction.
pub fn attempt(connection: &mut Db, subject: &[u8], free: i64, now: UnixMs) -> Result<Result<(), Wait>, StoreError> {
    let row = guesses::table.filter(guesses::subject.eq(subject));
    // The update is the lock: tries at one subject take turns.
    let known = diesel::update(row).set(guesses::failures.eq(guesses::failures)).execute(connection)? > 0;
    let before = if known {
        let (failures, last_at_ms): (i64, i64) =
            row.select((guesses::failures, guesses::last_at_ms)).first(connection)?;
        Guesses { failures, last_at: UnixMs::new(last_at_ms) }
    } else {
        Guesses::default()
    };
    let after = match before.attempt(free, now) {
        Ok(after) => after,
        Err(wait) => return Ok(Err(wait)),
    };
    let counted = (guesses::failures.eq(after.failures), guesses::last_at_ms.eq(after.last_at.get()));
    if known {
        diesel::update(row).set(counted).execute(connection)?;
    } else {
        diesel::insert_into(guesses::table)
            .values((guesses::subject.eq(subject), counted.0, counted.1))
            .execute(connection)?;
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
    let old: Vec<Vec<u8>> = guesses::table
        .filter(guesses::last_at_ms.lt(before.get()))
        .order(guesses::last_at_ms)
        .select(guesses::subject)
        .limit(FORGET_ROWS)
        .load(connection)?;
    for subjects in old.chunks(super::wallets::CHUNK_IDS) {
        let forgotten = guesses::table.filter(guesses::subject.eq_any(subjects.to_vec()));
        diesel::delete(forgotten.filter(guesses::last_at_ms.lt(before.get()))).execute(connection)?;
    }
    Ok(i64::try_from(old.len()).is_ok_and(|rows| rows >= FORGET_ROWS))
}
