//! Small values that belong to the whole database.

use diesel::prelude::*;

use crate::domain::ids::AccountId;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, settings};

/// The name of the value that identifies the master key.
pub const MASTER_KEY_CHECK: &str = "master_key_check";
/// The name of the encrypted digest key.
pub const DIGEST_KEY: &str = "digest_key";
/// The name of the encrypted previous master keys.
pub const KEYS_BEFORE: &str = "master_keys_before";

/// The value with this name, if there is one.
pub fn get(connection: &mut Db, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(settings::table.filter(settings::name.eq(name)).select(settings::value).first(connection).optional()?)
}

/// Sets a value that does not exist yet.
pub fn insert(connection: &mut Db, name: &str, value: &[u8]) -> Result<(), StoreError> {
    diesel::insert_into(settings::table)
        .values((settings::name.eq(name), settings::value.eq(value)))
        .execute(connection)?;
    Ok(())
}

/// Sets a value, whether or not it exists. Run under [`lock`].
pub fn set(connection: &mut Db, name: &str, value: &[u8]) -> Result<(), StoreError> {
    let row = settings::table.filter(settings::name.eq(name));
    let updated = diesel::update(row).set(settings::value.eq(value)).execute(connection)?;
    if updated == 0 { insert(connection, name, value) } else { Ok(()) }
}

/// Makes other starting processes wait until the transaction ends, so that only one of them does
/// what is done once per database.
pub fn lock(connection: &mut Db) -> Result<(), StoreError> {
    diesel::update(accounts::table.filter(accounts::id.eq(AccountId::ISSUANCE.as_bytes().as_slice())))
        .set(accounts::entries.eq(accounts::entries))
        .execute(connection)?;
    Ok(())
}
