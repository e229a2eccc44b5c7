//! What keys grant. Looked up for most requests, so the statements are prepared once.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};

use crate::domain::api_keys::{KeyDigest, KeyKind};
use crate::domain::consumer::Consumer;
use crate::domain::controls::Freeze;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::Msat;
use crate::ledger::command::Authority;
use crate::store::db::columns::read_columns;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, users, wallets};
use crate::store::db::statement::statement;
use crate::store::lookup_batcher::Found;
use crate::store::settlement::rows::freezes;

/// What a key grants, and on which wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The kind of key.
    pub kind: KeyKind,
    /// Its wallet.
    pub wallet: WalletId,
    /// The wallet's user.
    pub user: UserId,
    /// The wallet's tenant: the manager who created the user, or the manager itself.
    pub tenant: Option<UserId>,
    /// The root manager, to whom all usage is charged.
    pub root: Option<UserId>,
    /// Whether the key's user may create users: a root manager, or one permitted by its manager.
    pub may_create_users: bool,
    /// The generation of the wallet's keys that it belongs to.
    pub keys_version: i64,
}

impl Grant {
    /// What the ledger checks again.
    pub const fn authority(&self) -> Authority {
        Authority { account: self.wallet.account(), keys_version: self.keys_version, manager: None }
    }

    /// The consumer that the key's usage is charged to.
    pub fn consumer(&self) -> Consumer {
        self.root.map_or(Consumer::NOBODY, |root| Consumer::of(root, self.user))
    }
}

/// A key's grant, with its wallet's name and balance.
#[derive(Clone, Debug)]
pub struct Holder {
    /// What the key grants.
    pub grant: Grant,
    /// The wallet's name.
    pub name: String,
    /// What the wallet can spend: its balance without what is held.
    pub balance: Msat,
    /// What is held of it.
    pub held: Msat,
    /// The code of the currency that the wallet's payments are also told in, where it has one.
    pub currency: Option<String>,
}

read_columns!(
    /// The columns read for a key, including its wallet and user.
    struct HolderColumns, HolderTypes, holder_columns {
        digest: Vec<u8> as Binary = "k.digest",
        kind: String as Text = "k.kind",
        wallet_id: Vec<u8> as Binary = "w.id",
        user_id: Vec<u8> as Binary = "w.user_id",
        tenant: Option<Vec<u8>> as Nullable<Binary> = "a.tenant",
        root_id: Option<Vec<u8>> as Nullable<Binary> = "a.root_id",
        may_create_users: bool as Bool = "u.may_create_users",
        name: String as Text = "w.name",
        balance_msat: i64 as BigInt = "a.balance_msat",
        held_msat: i64 as BigInt = "a.held_msat",
        currency: Option<String> as Nullable<Text> = "w.currency",
        keys_version: i64 as BigInt = "a.keys_version",
        frozen_by_manager: Option<String> as Nullable<Text> = "a.frozen_by_manager",
        frozen_by_operator: Option<String> as Nullable<Text> = "a.frozen_by_operator",
        deactivated: bool as Bool = "a.deactivated",
    }
);

/// The statement of both databases: `$digest` is what a key's digest is compared with.
macro_rules! holder_statement {
    ($(#[$doc:meta])* $name:ident on $connection:ty, ($($parameter:tt)*), $digest:literal) => {
        statement!(
            $(#[$doc])*
            $name on $connection,
            ($($parameter)*) -> HolderTypes,
            concat!(
                "SELECT ",
                holder_columns!(),
                " FROM wallet_keys AS k INNER JOIN wallets AS w ON w.id = k.wallet_id INNER JOIN accounts AS a ON a.id = w.id \
                 INNER JOIN users AS u ON u.id = w.user_id \
                 WHERE a.closed_at_ms IS NULL AND k.digest ",
                $digest
            )
        );
    };
}

holder_statement!(
    /// The holder of a key, on SQLite.
    SelectHolder on SqliteConnection,
    (digest: &'a [u8] as Binary),
    "= ?"
);

holder_statement!(
    /// The holders of keys, on PostgreSQL.
    SelectHolders on PgConnection,
    (digests: Vec<&'a [u8]> as Array<Binary>),
    "= ANY(?)"
);

/// The holders of keys, by digest; unknown and revoked keys are missing. The key of a completely
/// frozen wallet is refused.
pub(crate) fn find(connection: &mut Db, digests: &[KeyDigest]) -> Result<Found<KeyDigest, Option<Holder>>, StoreError> {
    let bytes = digests.iter().map(|digest| digest.as_bytes().as_slice());
    let rows: Vec<HolderColumns> = match connection {
        Db::Sqlite(c) => {
            let mut rows = Vec::with_capacity(digests.len());
            for digest in bytes {
                rows.extend(SelectHolder { digest }.get_result::<HolderColumns>(c).optional()?);
            }
            rows
        }
        Db::Postgres(c) => SelectHolders { digests: bytes.collect() }.load(c)?,
    };
    let with_digest = |row: HolderColumns| {
        let digest = KeyDigest::from_slice(&row.digest);
        digest
            .map(|digest| (digest, holder(row).map(Some)))
            .ok_or_else(|| StoreError::Broken("a key's digest".to_owned()))
    };
    rows.into_iter().map(with_digest).collect()
}

fn holder(row: HolderColumns) -> Result<Holder, StoreError> {
    refuse_frozen(row.frozen_by_manager.as_deref(), row.frozen_by_operator.as_deref(), row.deactivated)?;
    let kind = KeyKind::from_stored(&row.kind);
    let grant = Grant {
        kind: kind.ok_or_else(|| StoreError::Broken(format!("a key of kind {:?}", row.kind)))?,
        wallet: WalletId::from_slice(&row.wallet_id)?,
        user: UserId::from_slice(&row.user_id)?,
        tenant: row.tenant.map(|id| UserId::from_slice(&id)).transpose()?,
        root: row.root_id.map(|id| UserId::from_slice(&id)).transpose()?,
        may_create_users: row.may_create_users,
        keys_version: row.keys_version,
    };
    let held = Msat::new(row.held_msat);
    Ok(Holder {
        grant,
        name: row.name,
        balance: Msat::new(row.balance_msat).without(held),
        held,
        currency: row.currency,
    })
}

/// The keys of a completely frozen wallet cannot be used.
fn refuse_frozen(by_manager: Option<&str>, by_operator: Option<&str>, deactivated: bool) -> Result<(), StoreError> {
    if is_frozen(by_manager, by_operator, deactivated)? { Err(StoreError::Frozen) } else { Ok(()) }
}

/// Whether a wallet is completely frozen: by either party, or with its user.
pub(crate) fn is_frozen(
    by_manager: Option<&str>,
    by_operator: Option<&str>,
    deactivated: bool,
) -> Result<bool, StoreError> {
    Ok(freezes(by_manager, by_operator, deactivated)?.strictest() == Some(Freeze::Everything))
}

/// Checks that a key verified earlier has been neither revoked nor frozen since.
pub fn authorize(connection: &mut Db, authority: Authority) -> Result<(), StoreError> {
    let freezes: Option<(Option<String>, Option<String>, bool)> = accounts::table
        .filter(accounts::id.eq(authority.account.as_bytes().as_slice()))
        .filter(accounts::keys_version.eq(authority.keys_version))
        .filter(accounts::closed_at_ms.is_null())
        .select((accounts::frozen_by_manager, accounts::frozen_by_operator, accounts::deactivated))
        .first(connection)
        .optional()?;
    let (by_manager, by_operator, deactivated) = freezes.ok_or(StoreError::Revoked)?;
    refuse_frozen(by_manager.as_deref(), by_operator.as_deref(), deactivated)
}

/// Checks that the user of a key verified earlier may still create users.
pub fn authorize_manager(connection: &mut Db, authority: Authority) -> Result<(), StoreError> {
    // The right is read first: a user that is deleted in between loses it, but gets the answer that
    // the key is revoked.
    let may: bool = wallets::table
        .inner_join(users::table)
        .filter(wallets::id.eq(authority.account.as_bytes().as_slice()))
        .select(users::may_create_users)
        .first(connection)?;
    authorize(connection, authority)?;
    if may { Ok(()) } else { Err(StoreError::NotAManager) }
}

/// Checks that a user that has logged in may act for its tenant: that it may create users, and that
/// none of its own wallets is completely frozen, as [`authorize_manager`] does for a key.
pub fn authorize_manager_user(connection: &mut Db, user: UserId) -> Result<(), StoreError> {
    let may: bool = users::table
        .filter(users::id.eq(user.as_bytes().as_slice()))
        .filter(users::deleted_at_ms.is_null())
        .select(users::may_create_users)
        .first(connection)?;
    if is_user_frozen(connection, user)? {
        return Err(StoreError::Frozen);
    }
    if may { Ok(()) } else { Err(StoreError::NotAManager) }
}

/// Whether any wallet of a user is completely frozen.
pub(super) fn is_user_frozen(connection: &mut Db, user: UserId) -> Result<bool, StoreError> {
    let own = wallets::table.filter(wallets::user_id.eq(user.as_bytes().as_slice())).select(wallets::id);
    let is_controlled = accounts::frozen_by_manager
        .is_not_null()
        .or(accounts::frozen_by_operator.is_not_null())
        .or(accounts::deactivated);
    let controlled: Vec<(Option<String>, Option<String>, bool)> = accounts::table
        .filter(accounts::id.eq_any(own))
        .filter(accounts::closed_at_ms.is_null())
        .filter(is_controlled)
        .select((accounts::frozen_by_manager, accounts::frozen_by_operator, accounts::deactivated))
        .load(connection)?;
    for (by_manager, by_operator, deactivated) in controlled {
        if is_frozen(by_manager.as_deref(), by_operator.as_deref(), deactivated)? {
            return Ok(true);
        }
    }
    Ok(false)
}
