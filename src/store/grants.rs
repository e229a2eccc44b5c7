//! What keys grant: looked up for every request, so by statements that are prepared once.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};

use super::connection::Db;
use super::error::StoreError;
use super::schema::accounts;
use super::settle_rows::strictest;
use super::statement::statement;
use crate::domain::controls::Freeze;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::keys::{KeyDigest, KeyKind};
use crate::ledger::command::Authority;

/// What a key grants, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which kind of key it is.
    pub kind: KeyKind,
    /// Its wallet.
    pub wallet: WalletId,
    /// The wallet's user.
    pub user: UserId,
    /// The generation of the wallet's keys that it belongs to.
    pub keys_version: i64,
}

/// The query of both databases.
macro_rules! select_grant {
    () => {
        "SELECT k.kind, w.id, w.user_id, a.keys_version, a.frozen_by_manager, a.frozen_by_operator \
         FROM wallet_keys AS k INNER JOIN wallets AS w ON w.id = k.wallet_id INNER JOIN accounts AS a ON a.id = w.id \
         WHERE k.digest = ? AND a.closed_at_ms IS NULL"
    };
}

/// The columns of the query.
type Found = (String, Vec<u8>, Vec<u8>, i64, Option<String>, Option<String>);

statement!(
    /// What a key grants, on SQLite.
    SelectGrantSqlite on SqliteConnection,
    (digest: &'a [u8] as Binary) -> (Text, Binary, Binary, BigInt, Nullable<Text>, Nullable<Text>),
    select_grant!()
);

statement!(
    /// What a key grants, on PostgreSQL.
    SelectGrantPostgres on PgConnection,
    (digest: &'a [u8] as Binary) -> (Text, Binary, Binary, BigInt, Nullable<Text>, Nullable<Text>),
    select_grant!()
);

/// What a key grants; `None` for one that is unknown or revoked. The key of a wallet that is
/// frozen for everything is refused.
pub fn grant_of(connection: &mut Db, digest: &KeyDigest) -> Result<Option<Grant>, StoreError> {
    let digest = digest.as_bytes().as_slice();
    let found: Option<Found> = match connection {
        Db::Sqlite(c) => SelectGrantSqlite { digest }.get_result(c).optional()?,
        Db::Postgres(c) => SelectGrantPostgres { digest }.get_result(c).optional()?,
    };
    let Some((kind, wallet, user, keys_version, by_manager, by_operator)) = found else { return Ok(None) };
    refuse_frozen(by_manager.as_deref(), by_operator.as_deref())?;
    Ok(Some(Grant {
        kind: KeyKind::from_stored(&kind).ok_or_else(|| StoreError::Broken(format!("a key of kind {kind:?}")))?,
        wallet: WalletId::from_slice(&wallet)?,
        user: UserId::from_slice(&user)?,
        keys_version,
    }))
}

/// The keys of a wallet that is frozen for everything do nothing.
fn refuse_frozen(by_manager: Option<&str>, by_operator: Option<&str>) -> Result<(), StoreError> {
    if strictest(by_manager, by_operator)? == Some(Freeze::Everything) { Err(StoreError::Frozen) } else { Ok(()) }
}

/// Makes sure that a key which was proved before has been neither revoked nor frozen since.
pub fn authorize(connection: &mut Db, authority: Authority) -> Result<(), StoreError> {
    let freezes: Option<(Option<String>, Option<String>)> = accounts::table
        .filter(accounts::id.eq(authority.account.as_bytes().as_slice()))
        .filter(accounts::keys_version.eq(authority.keys_version))
        .filter(accounts::closed_at_ms.is_null())
        .select((accounts::frozen_by_manager, accounts::frozen_by_operator))
        .first(connection)
        .optional()?;
    let (by_manager, by_operator) = freezes.ok_or(StoreError::Revoked)?;
    refuse_frozen(by_manager.as_deref(), by_operator.as_deref())
}
