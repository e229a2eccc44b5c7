//! Operators: they administer managers and their money, and have no wallets.

use diesel::prelude::*;

use crate::domain::ids::UserId;
use crate::domain::text::Username;
use crate::domain::time::UnixMs;
use crate::store::access::sessions;
use crate::store::access::sessions::Role;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::users;

/// Creates an operator.
pub fn create(
    connection: &mut Db,
    id: UserId,
    username: &Username,
    password_hash: &str,
    now: UnixMs,
) -> Result<(), StoreError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id.as_bytes().as_slice()),
            users::name.eq(username.as_str()),
            users::username.eq(username.as_str()),
            users::role.eq(Role::Operator.as_str()),
            users::root_id.eq(id.as_bytes().as_slice()),
            users::password_hash.eq(password_hash),
            users::created_at_ms.eq(now.get()),
            users::updated_at_ms.eq(now.get()),
        ))
        .execute(connection)?;
    Ok(())
}

/// The operators, by user name.
pub fn list(connection: &mut Db) -> Result<Vec<(UserId, String)>, StoreError> {
    let rows: Vec<(Vec<u8>, String)> = users::table
        .filter(users::role.eq(Role::Operator.as_str()))
        .filter(users::deleted_at_ms.is_null())
        .order(users::username)
        .select((users::id, users::name))
        .load(connection)?;
    rows.into_iter().map(|(id, username)| Ok((UserId::from_slice(&id)?, username))).collect()
}

fn find(connection: &mut Db, username: &Username) -> Result<UserId, StoreError> {
    let id: Vec<u8> = users::table
        .filter(users::role.eq(Role::Operator.as_str()))
        .filter(users::username.eq(username.as_str()))
        .filter(users::deleted_at_ms.is_null())
        .select(users::id)
        .first(connection)?;
    Ok(UserId::from_slice(&id)?)
}

/// Sets an operator's password, which ends all sessions under the old one.
pub fn set_password(connection: &mut Db, username: &Username, hash: &str, now: UnixMs) -> Result<(), StoreError> {
    let id = find(connection, username)?;
    diesel::update(users::table.filter(users::id.eq(id.as_bytes().as_slice())))
        .set((users::password_hash.eq(hash), users::updated_at_ms.eq(now.get())))
        .execute(connection)?;
    sessions::end_all(connection, id)
}

/// Removes an operator, and ends all of its sessions.
pub fn remove(connection: &mut Db, username: &Username, now: UnixMs) -> Result<(), StoreError> {
    let id = find(connection, username)?;
    diesel::update(users::table.filter(users::id.eq(id.as_bytes().as_slice())))
        .set((users::deleted_at_ms.eq(now.get()), users::updated_at_ms.eq(now.get())))
        .execute(connection)?;
    sessions::end_all(connection, id)
}
