//! Deleting wallets and users as part of a settlement batch.
//!
//! A deleted wallet's open invoices are left as they are: the ledger refuses to pay a closed
//! wallet, and queries report the invoices as cancelled.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::SqliteConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::api_keys::new_generation;
use crate::domain::ids::{AccountId, UserId};
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::command::CLOSE_MAX;
use crate::ledger::state::{Closure, User};
use crate::store::db::columns::read_columns;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, sessions, tokens, users, wallet_keys, wallets};
use crate::store::db::statement::statement;
use crate::store::settlement::closing_postgres;
use crate::store::settlement::expect_rows;
use crate::store::wallets::CHUNK_IDS;

read_columns!(
    /// A user in a batch.
    pub(crate) struct UserColumns, UserTypes, user_columns {
        id: Vec<u8> as Binary,
    }
);

read_columns!(
    /// A user, and one of its wallets.
    pub(crate) struct WalletOfUser, WalletOfUserTypes, wallet_of_user {
        user_id: Vec<u8> as Binary,
        id: Vec<u8> as Binary,
    }
);

read_columns!(
    /// A user, and a user it has created.
    pub(crate) struct UserOfUser, UserOfUserTypes, user_of_user {
        manager_id: Vec<u8> as Binary,
        id: Vec<u8> as Binary,
    }
);

pub(crate) use {user_columns, user_of_user, wallet_of_user};

/// The wallets and the users that users have.
pub(crate) type Belongings = (Vec<WalletOfUser>, Vec<UserOfUser>);

/// The users in a batch, locked until the transaction ends: none of them is deleted or changed, and
/// those to be deleted get no more users or wallets.
#[derive(Default)]
pub(crate) struct LockedUsers {
    /// The users to delete, with what they have.
    pub(crate) users: HashMap<UserId, User>,
    /// Managers who may create users.
    pub(crate) managers: HashSet<UserId>,
}

statement!(
    /// An existing user.
    SelectUser on SqliteConnection,
    (id: &'a [u8] as Binary) -> UserTypes,
    concat!("SELECT ", user_columns!(), " FROM users WHERE id = ? AND deleted_at_ms IS NULL")
);

statement!(
    /// An existing user who may create users.
    SelectManager on SqliteConnection,
    (id: &'a [u8] as Binary) -> UserTypes,
    concat!("SELECT ", user_columns!(), " FROM users WHERE id = ? AND deleted_at_ms IS NULL AND may_create_users")
);

statement!(
    /// Some of the wallets of a user.
    SelectWallets on SqliteConnection,
    (user: &'a [u8] as Binary, limit: i64 as BigInt) -> WalletOfUserTypes,
    concat!("SELECT ", wallet_of_user!(), " FROM wallets WHERE user_id = ? AND deleted_at_ms IS NULL LIMIT ?")
);

statement!(
    /// Some of the users of a user.
    SelectUsers on SqliteConnection,
    (manager: &'a [u8] as Binary, limit: i64 as BigInt) -> UserOfUserTypes,
    concat!("SELECT ", user_of_user!(), " FROM users WHERE manager_id = ? AND deleted_at_ms IS NULL LIMIT ?")
);

/// The number of a user's wallets or users to read: just enough to see that there are more than one
/// deletion can name.
pub(crate) fn belongings_max() -> i64 {
    i64::try_from(CLOSE_MAX).unwrap_or(i64::MAX).saturating_add(1)
}

/// Locks the users in a batch.
pub(crate) fn lock_users(connection: &mut Db, read_set: &ReadSet) -> Result<LockedUsers, StoreError> {
    let mut locked = LockedUsers::default();
    if !read_set.managers.is_empty() {
        let found = match connection {
            Db::Sqlite(c) => find_each(c, &read_set.managers, |c, id| SelectManager { id }.get_result(c))?,
            Db::Postgres(c) => {
                if !read_set.users.is_empty() {
                    // All at once, as those to delete are: two batches that each delete a manager who
                    // asks in the other one would wait for each other.
                    let all = read_set.managers.union(&read_set.users).copied().collect();
                    closing_postgres::lock_users(c, &all)?;
                }
                closing_postgres::lock_managers(c, &read_set.managers)?
            }
        };
        locked.managers =
            found.iter().map(|user| Ok(UserId::from_slice(&user.id)?)).collect::<Result<_, StoreError>>()?;
    }
    if read_set.users.is_empty() {
        return Ok(locked);
    }
    let found = match connection {
        Db::Sqlite(c) => find_each(c, &read_set.users, |c, id| SelectUser { id }.get_result(c))?,
        Db::Postgres(c) => closing_postgres::lock_users(c, &read_set.users)?,
    };
    let ids = found.iter().map(|user| Ok(UserId::from_slice(&user.id)?)).collect::<Result<Vec<_>, StoreError>>()?;
    locked.users = ids.iter().map(|id| (*id, User::default())).collect();
    let (wallets, users) = match connection {
        Db::Sqlite(c) => belongings_of(c, &ids)?,
        Db::Postgres(c) => closing_postgres::belongings_of(c, &ids)?,
    };
    for WalletOfUser { user_id, id } in wallets {
        locked.users.entry(UserId::from_slice(&user_id)?).or_default().wallets.push(AccountId::from_slice(&id)?);
    }
    for UserOfUser { manager_id, id } in users {
        locked.users.entry(UserId::from_slice(&manager_id)?).or_default().users.push(UserId::from_slice(&id)?);
    }
    Ok(locked)
}

/// Looks a few rows up one by one. The transaction holds the only write lock.
fn find_each(
    connection: &mut SqliteConnection,
    ids: &BTreeSet<UserId>,
    find: impl Fn(&mut SqliteConnection, &[u8]) -> QueryResult<UserColumns>,
) -> Result<Vec<UserColumns>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(find(connection, id.as_bytes().as_slice()).optional()?);
    }
    Ok(found)
}

fn belongings_of(connection: &mut SqliteConnection, ids: &[UserId]) -> Result<Belongings, StoreError> {
    let (mut wallets, mut users) = (Vec::new(), Vec::new());
    for id in ids {
        let (id, limit) = (id.as_bytes().as_slice(), belongings_max());
        wallets.extend(SelectWallets { user: id, limit }.load::<WalletOfUser>(connection)?);
        users.extend(SelectUsers { manager: id, limit }.load::<UserOfUser>(connection)?);
    }
    Ok((wallets, users))
}

/// Deletes wallets, and the users to be deleted along with them, including their keys, sessions and
/// tokens.
pub(crate) fn close(connection: &mut Db, closure: &Closure, at: UnixMs) -> Result<(), StoreError> {
    match connection {
        Db::Sqlite(c) => close_sqlite(c, closure, at),
        Db::Postgres(c) => closing_postgres::close(c, closure, at),
    }
}

fn close_sqlite(connection: &mut SqliteConnection, closure: &Closure, at: UnixMs) -> Result<(), StoreError> {
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
    for users_to_delete in closure.users.chunks(CHUNK_IDS) {
        let ids = || users_to_delete.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>();
        let deleted = diesel::update(users::table.filter(users::id.eq_any(ids())))
            .filter(users::deleted_at_ms.is_null())
            .set((users::deleted_at_ms.eq(now), users::updated_at_ms.eq(now), users::may_create_users.eq(false)))
            .execute(connection)?;
        expect_rows("users to delete", users_to_delete.len(), deleted)?;
        diesel::delete(sessions::table.filter(sessions::user_id.eq_any(ids()))).execute(connection)?;
        diesel::delete(tokens::table.filter(tokens::user_id.eq_any(ids()))).execute(connection)?;
    }
    Ok(())
}
