//! Deleting wallets and users on PostgreSQL: one round trip per step, as in [`super::postgres`].

use std::collections::BTreeSet;

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary};

use crate::domain::api_keys::new_generation;
use crate::domain::ids::UserId;
use crate::domain::time::UnixMs;
use crate::ledger::state::Closure;
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;
use crate::store::settlement::closing::{
    Belongings, UserColumns, UserOfUserTypes, UserTypes, WalletOfUserTypes, belongings_max, user_columns, user_of_user,
    wallet_of_user,
};
use crate::store::settlement::expect_rows;

statement!(
    /// Existing users, locked in id order.
    LockUsers on PgConnection,
    (ids: Vec<&'a [u8]> as Array<Binary>) -> UserTypes,
    concat!("SELECT ", user_columns!(), " FROM users WHERE id = ANY(?) AND deleted_at_ms IS NULL ORDER BY id FOR NO KEY UPDATE")
);

statement!(
    /// Existing users who may create users. Whoever creates users takes the same shared lock, so
    /// the settler does not wait for them.
    LockManagers on PgConnection,
    (ids: Vec<&'a [u8]> as Array<Binary>) -> UserTypes,
    concat!(
        "SELECT ", user_columns!(), " FROM users
         WHERE id = ANY(?) AND deleted_at_ms IS NULL AND may_create_users ORDER BY id FOR SHARE"
    )
);

statement!(
    /// Some of the wallets of each of these users.
    SelectWallets on PgConnection,
    (users: Vec<&'a [u8]> as Array<Binary>, limit: i64 as BigInt) -> WalletOfUserTypes,
    concat!(
        "SELECT w.* FROM unnest(?) AS u (id) CROSS JOIN LATERAL (
            SELECT ", wallet_of_user!(), " FROM wallets WHERE user_id = u.id AND deleted_at_ms IS NULL LIMIT ?
        ) AS w"
    )
);

statement!(
    /// Some of the users of each of these users.
    SelectUsers on PgConnection,
    (managers: Vec<&'a [u8]> as Array<Binary>, limit: i64 as BigInt) -> UserOfUserTypes,
    concat!(
        "SELECT c.* FROM unnest(?) AS u (id) CROSS JOIN LATERAL (
            SELECT ", user_of_user!(), " FROM users WHERE manager_id = u.id AND deleted_at_ms IS NULL LIMIT ?
        ) AS c"
    )
);

statement!(
    /// Everything that a deletion changes. Returns the numbers of accounts, wallets and users.
    Delete on PgConnection,
    (
        keys_of: Vec<&'a [u8]> as Array<Binary>,
        closed_at: i64 as BigInt,
        generation: i64 as BigInt,
        accounts: Vec<&'a [u8]> as Array<Binary>,
        wallets_at: i64 as BigInt,
        wallets: Vec<&'a [u8]> as Array<Binary>,
        deleted_at: i64 as BigInt,
        updated_at: i64 as BigInt,
        users: Vec<&'a [u8]> as Array<Binary>,
        sessions_of: Vec<&'a [u8]> as Array<Binary>,
        tokens_of: Vec<&'a [u8]> as Array<Binary>,
    ) -> (BigInt, BigInt, BigInt),
    "WITH revoked AS (
        DELETE FROM wallet_keys WHERE wallet_id = ANY(?)
    ), closed AS (
        UPDATE accounts SET closed_at_ms = ?, keys_version = ?
        WHERE id = ANY(?) AND closed_at_ms IS NULL AND balance_msat = 0
        RETURNING 1
    ), emptied AS (
        UPDATE wallets SET deleted_at_ms = ? WHERE id = ANY(?) AND deleted_at_ms IS NULL
        RETURNING 1
    ), deleted AS (
        UPDATE users SET deleted_at_ms = ?, updated_at_ms = ?, may_create_users = FALSE WHERE id = ANY(?) AND deleted_at_ms IS NULL
        RETURNING 1
    ), ended AS (
        DELETE FROM sessions WHERE user_id = ANY(?)
    ), revoked_tokens AS (
        DELETE FROM tokens WHERE user_id = ANY(?)
    )
    SELECT (SELECT count(*) FROM closed), (SELECT count(*) FROM emptied), (SELECT count(*) FROM deleted)"
);

pub(crate) fn lock_users(
    connection: &mut PgConnection,
    ids: &BTreeSet<UserId>,
) -> Result<Vec<UserColumns>, StoreError> {
    let ids = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    Ok(LockUsers { ids }.load(connection)?)
}

pub(crate) fn lock_managers(
    connection: &mut PgConnection,
    ids: &BTreeSet<UserId>,
) -> Result<Vec<UserColumns>, StoreError> {
    let ids = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    Ok(LockManagers { ids }.load(connection)?)
}

/// The wallets and users of locked users.
pub(crate) fn belongings_of(connection: &mut PgConnection, ids: &[UserId]) -> Result<Belongings, StoreError> {
    let ids = || ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    let wallets = SelectWallets { users: ids(), limit: belongings_max() }.load(connection)?;
    let users = SelectUsers { managers: ids(), limit: belongings_max() }.load(connection)?;
    Ok((wallets, users))
}

pub(crate) fn close(connection: &mut PgConnection, closure: &Closure, at: UnixMs) -> Result<(), StoreError> {
    let accounts = || closure.accounts.iter().map(|id| id.as_bytes().as_slice()).collect();
    let users = || closure.users.iter().map(|id| id.as_bytes().as_slice()).collect();
    let now = at.get();
    let delete = Delete {
        keys_of: accounts(),
        closed_at: now,
        generation: new_generation(),
        accounts: accounts(),
        wallets_at: now,
        wallets: accounts(),
        deleted_at: now,
        updated_at: now,
        users: users(),
        sessions_of: users(),
        tokens_of: users(),
    };
    let (closed, emptied, deleted): (i64, i64, i64) = delete.get_result(connection)?;
    for (what, expected, written) in [
        ("accounts to close", closure.accounts.len(), closed),
        ("wallets to delete", closure.accounts.len(), emptied),
        ("users to delete", closure.users.len(), deleted),
    ] {
        expect_rows(what, expected, usize::try_from(written).unwrap_or_default())?;
    }
    Ok(())
}
