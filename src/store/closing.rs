//! Deleting wallets and users, as part of a settled batch.
//!
//! Open invoices of a deleted wallet are left as they are: the ledger refuses to pay a wallet
//! that is closed, and who asks is told that they are cancelled.

use diesel::prelude::*;

use super::connection::Db;
use super::error::StoreError;
use super::schema::{accounts, users, wallet_keys, wallets};
use super::sessions;
use super::settlement::expect_rows;
use super::wallets::CHUNK_IDS;
use crate::domain::ids::{AccountId, UserId};
use crate::domain::keys::new_generation;
use crate::domain::time::UnixMs;
use crate::ledger::state::{Closure, User};

/// Users of one user that are told: more than are deleted at once.
const USERS_MAX: i64 = 1001;

/// Locks a user who is there, so that it gets no more users or wallets, and tells those that it
/// has.
pub(super) fn lock_user(connection: &mut Db, user: UserId) -> Result<Option<User>, StoreError> {
    // The update is the lock, on both stores alike.
    let here = users::table.filter(users::id.eq(user.as_bytes().as_slice())).filter(users::deleted_at_ms.is_null());
    let locked = diesel::update(here).set(users::updated_at_ms.eq(users::updated_at_ms)).execute(connection)?;
    if locked == 0 {
        return Ok(None);
    }
    let ids: Vec<Vec<u8>> = wallets::table
        .filter(wallets::user_id.eq(user.as_bytes().as_slice()))
        .filter(wallets::deleted_at_ms.is_null())
        .select(wallets::id)
        .load(connection)?;
    let wallets = ids.iter().map(|id| Ok(AccountId::from_slice(id)?)).collect::<Result<_, StoreError>>()?;
    let users: Vec<Vec<u8>> = users::table
        .filter(users::manager_id.eq(user.as_bytes().as_slice()))
        .filter(users::deleted_at_ms.is_null())
        .select(users::id)
        .limit(USERS_MAX)
        .load(connection)?;
    let users = users.iter().map(|id| Ok(UserId::from_slice(id)?)).collect::<Result<_, StoreError>>()?;
    Ok(Some(User { wallets, users }))
}

/// Deletes wallets, and the users who go as well. Their keys and sessions are gone with it.
pub(super) fn close(connection: &mut Db, closure: &Closure, at: UnixMs) -> Result<(), StoreError> {
    let now = at.get();
    for accounts_to_close in closure.accounts.chunks(CHUNK_IDS) {
        let ids = || accounts_to_close.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>();
        diesel::delete(wallet_keys::table.filter(wallet_keys::wallet_id.eq_any(ids()))).execute(connection)?;
        let closed = diesel::update(accounts::table.filter(accounts::id.eq_any(ids())))
            .filter(accounts::closed_at_ms.is_null())
            .filter(accounts::balance_msat.eq(0))
            .set((accounts::closed_at_ms.eq(now), accounts::keys_version.eq(new_generation())))
            .execute(connection)?;
        expect_rows("accounts to close", accounts_to_close.len(), closed)?;
        let deleted = diesel::update(wallets::table.filter(wallets::id.eq_any(ids())))
            .filter(wallets::deleted_at_ms.is_null())
            .set(wallets::deleted_at_ms.eq(now))
            .execute(connection)?;
        expect_rows("wallets to delete", accounts_to_close.len(), deleted)?;
    }
    for user in &closure.users {
        let deleted = diesel::update(users::table.filter(users::id.eq(user.as_bytes().as_slice())))
            .set((users::deleted_at_ms.eq(now), users::updated_at_ms.eq(now)))
            .execute(connection)?;
        expect_rows("users to delete", 1, deleted)?;
        sessions::end_all(connection, *user)?;
    }
    Ok(())
}
