//! How far cards have counted that are not here any more, or have other keys or another unique id now:
//! a tap that was accepted once must not be accepted again when its card comes back.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::card::CardUid;
use crate::domain::card::sun::SunCounter;
use crate::domain::ids::UserId;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::card_counters;

/// What a tap proves: a unique id, under the keys that have this digest. To each user it is another
/// card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user of the card's wallet.
    pub user: UserId,
    /// The card's unique id.
    pub uid: CardUid,
    /// A digest of the keys that taps are read with.
    pub keys_digest: [u8; 32],
}

/// Keeps how far a card has counted, which is never less than what was kept before.
pub fn keep(connection: &mut Db, identity: &Identity, counter: SunCounter) -> Result<(), StoreError> {
    if counter == SunCounter::ZERO {
        return Ok(());
    }
    let Identity { user, uid, keys_digest } = identity;
    let keep = diesel::sql_query(
        "INSERT INTO card_counters (user_id, uid, keys_digest, counter) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, uid, keys_digest) DO UPDATE SET counter = excluded.counter
         WHERE card_counters.counter < excluded.counter",
    )
    .bind::<Binary, _>(user.as_bytes().to_vec())
    .bind::<Binary, _>(uid.as_bytes().to_vec())
    .bind::<Binary, _>(keys_digest.to_vec())
    .bind::<BigInt, _>(i64::from(counter.get()));
    match connection {
        Db::Sqlite(c) => keep.execute(c)?,
        Db::Postgres(c) => keep.execute(c)?,
    };
    Ok(())
}

/// How far a card had counted when it was here last; 0 if it was not.
pub fn last(connection: &mut Db, identity: &Identity) -> Result<SunCounter, StoreError> {
    let Identity { user, uid, keys_digest } = identity;
    let count: Option<i64> = card_counters::table
        .find((user.as_bytes().as_slice(), uid.as_bytes().as_slice(), keys_digest.as_slice()))
        .select(card_counters::counter)
        .first(connection)
        .optional()?;
    count.map_or(Ok(SunCounter::ZERO), super::counter_of)
}
