//! Guesses of passwords, counted across restarts and replicas.

use diesel::prelude::*;

use super::connection::Db;
use super::error::StoreError;
use super::schema::guesses;
use crate::domain::guesses::{Guesses, Wait};
use crate::domain::time::UnixMs;

/// Counts a try at a subject, or says how long it must wait. Run in a transaction.
pub fn attempt(connection: &mut Db, subject: &[u8], now: UnixMs) -> Result<Result<(), Wait>, StoreError> {
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
    let after = match before.attempt(now) {
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
