//! Wallets and their keys.

pub(crate) mod controls;
mod list;

pub use list::{WalletFilter, holdings_of_tenant, list};

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use crate::crypto::secret::{Sealed, Sealer};
use crate::domain::api_keys::{KeyDigest, KeyKind, KeyPair, new_generation};
use crate::domain::controls::{Freeze, Limits};
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::Msat;
use crate::domain::search::{SearchText, contains};
use crate::domain::text::Name;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::ledger::state::AccountKind;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::functions::satkeep_in_time;
use crate::store::db::schema::{accounts, users, wallet_keys, wallets};
use crate::store::db::sums::{high, low, sum, whole};
use crate::store::settlement::rows::{freezes, limit};
use crate::store::users::deletions;
use crate::store::webhooks::events;

/// The most ids in one query: databases limit the parameters of a statement.
pub(crate) const CHUNK_IDS: usize = 500;

/// The most wallets of one user, not counting deleted ones: all of them are shown with the user.
/// Older versions had no limit.
pub const WALLETS_MAX: usize = 1000;

/// A stored wallet.
#[derive(Clone, Debug)]
pub struct Wallet {
    /// Its id.
    pub id: WalletId,
    /// Its user.
    pub user: UserId,
    /// The manager of its user.
    pub manager: Option<UserId>,
    /// Its name.
    pub name: String,
    /// What can be spent: its balance without what is held.
    pub balance: Msat,
    /// What is held of it.
    pub held: Msat,
    /// The freeze set by its manager, for the wallet itself or with its user.
    pub frozen_by_manager: Option<Freeze>,
    /// The freeze set by an operator.
    pub frozen_by_operator: Option<Freeze>,
    /// The spending limits of its own key.
    pub limits: Limits,
    /// The code of the currency that its payments are also told in, where it has one.
    pub currency: Option<String>,
    /// When it was created.
    pub created_at: UnixMs,
}

impl Wallet {
    /// Whether a text is somewhere in its name, whatever the case, or its id.
    pub fn is_called(&self, text: &SearchText) -> bool {
        contains(&self.name, text.as_str()) || text.as_str().trim().parse() == Ok(self.id)
    }
}

/// A new wallet, with its two keys.
#[derive(Clone, Debug)]
pub struct NewWallet {
    /// Its id.
    pub id: WalletId,
    /// Its name.
    pub name: Name,
    /// Its keys, as they are stored.
    pub keys: StoredKeys,
    /// The current time.
    pub created_at: UnixMs,
}

/// A stored key pair: digests to find the keys by, and the encrypted keys.
#[derive(Clone, Debug)]
pub struct StoredKeys([(KeyKind, KeyDigest, Sealed); 2]);

impl StoredKeys {
    /// Encrypts the keys of a wallet.
    pub fn new(sealer: &Sealer, wallet: WalletId, keys: &KeyPair) -> Self {
        Self(KeyKind::ALL.map(|kind| (kind, keys.of(kind).digest(), keys.of(kind).seal(sealer, wallet, kind))))
    }
}

/// The columns of a wallet's freezes and limits.
type ControlColumns = (Option<String>, Option<String>, bool, Option<i64>, Option<i64>);

type Columns = (Vec<u8>, Vec<u8>, Option<Vec<u8>>, String, i64, i64, ControlColumns, Option<String>, i64);

type Controls = (
    accounts::frozen_by_manager,
    accounts::frozen_by_operator,
    accounts::deactivated,
    accounts::payment_max_msat,
    accounts::day_max_msat,
);
const CONTROLS: Controls = (
    accounts::frozen_by_manager,
    accounts::frozen_by_operator,
    accounts::deactivated,
    accounts::payment_max_msat,
    accounts::day_max_msat,
);

const COLUMNS: (
    wallets::id,
    wallets::user_id,
    users::manager_id,
    wallets::name,
    accounts::balance_msat,
    accounts::held_msat,
    Controls,
    wallets::currency,
    wallets::created_at_ms,
) = (
    wallets::id,
    wallets::user_id,
    users::manager_id,
    wallets::name,
    accounts::balance_msat,
    accounts::held_msat,
    CONTROLS,
    wallets::currency,
    wallets::created_at_ms,
);

fn wallet(columns: Columns) -> Result<Wallet, StoreError> {
    let (id, user, manager, name, balance_msat, held_msat, controls, currency, created_at_ms) = columns;
    let (by_manager, by_operator, deactivated, payment_max, day_max) = controls;
    let freezes = freezes(by_manager.as_deref(), by_operator.as_deref(), deactivated)?;
    Ok(Wallet {
        frozen_by_manager: freezes.by_manager,
        frozen_by_operator: freezes.by_operator,
        limits: Limits { payment_max: limit(payment_max)?, day_max: limit(day_max)? },
        id: WalletId::from_slice(&id)?,
        user: UserId::from_slice(&user)?,
        manager: manager.map(|id| UserId::from_slice(&id)).transpose()?,
        name,
        balance: Msat::new(balance_msat).without(Msat::new(held_msat)),
        held: Msat::new(held_msat),
        currency,
        created_at: UnixMs::new(created_at_ms),
    })
}

/// Creates a wallet for a user that the same transaction has locked or created.
pub fn create(connection: &mut Db, user: UserId, new: &NewWallet) -> Result<(), StoreError> {
    if has_more_than(connection, &[user], WALLETS_MAX.saturating_sub(1))? {
        return Err(StoreError::TooManyWallets);
    }
    deletions::check(connection, user, new.created_at)?;
    let id = new.id.as_bytes().as_slice();
    let (manager, root, deactivated_at): (Option<Vec<u8>>, Vec<u8>, Option<i64>) = users::table
        .filter(users::id.eq(user.as_bytes().as_slice()))
        .select((users::manager_id, users::root_id, users::deactivated_at_ms))
        .first(connection)?;
    let tenant = manager.map_or(Ok(user), |id| UserId::from_slice(&id))?;
    diesel::insert_into(accounts::table)
        .values((
            accounts::id.eq(id),
            accounts::kind.eq(AccountKind::Wallet.as_str()),
            accounts::balance_msat.eq(0),
            accounts::entries.eq(0),
            accounts::keys_version.eq(1),
            accounts::tenant.eq(tenant.as_bytes().as_slice()),
            accounts::root_id.eq(root),
            accounts::deactivated.eq(deactivated_at.is_some()),
        ))
        .execute(connection)?;
    diesel::insert_into(wallets::table)
        .values((
            wallets::id.eq(id),
            wallets::user_id.eq(user.as_bytes().as_slice()),
            wallets::name.eq(new.name.as_str()),
            wallets::created_at_ms.eq(new.created_at.get()),
            wallets::updated_at_ms.eq(new.created_at.get()),
            wallets::tenant.eq(tenant.as_bytes().as_slice()),
        ))
        .execute(connection)?;
    insert_keys(connection, new.id, &new.keys)?;
    let payload = serde_json::json!({ "id": new.id, "name": new.name.as_str(), "user": user, "admin": tenant });
    events::tell(connection, EventKind::WalletCreated, tenant, Some(new.id.account()), &payload, new.created_at)
}

fn insert_keys(connection: &mut Db, wallet: WalletId, keys: &StoredKeys) -> Result<(), StoreError> {
    for (kind, digest, sealed) in &keys.0 {
        diesel::insert_into(wallet_keys::table)
            .values((
                wallet_keys::digest.eq(digest.as_bytes().as_slice()),
                wallet_keys::wallet_id.eq(wallet.as_bytes().as_slice()),
                wallet_keys::kind.eq(kind.as_str()),
                wallet_keys::sealed.eq(sealed.as_bytes()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// A wallet of any tenant that is not deleted: for callers with its key, and for operators.
pub fn find(connection: &mut Db, id: WalletId) -> Result<Wallet, StoreError> {
    let columns: Columns = wallets::table
        .inner_join(users::table)
        .inner_join(accounts::table)
        .filter(wallets::id.eq(id.as_bytes().as_slice()))
        .filter(wallets::deleted_at_ms.is_null())
        .select(COLUMNS)
        .first(connection)?;
    wallet(columns)
}

/// A wallet of the tenant.
pub fn find_in_tenant(connection: &mut Db, tenant: UserId, id: WalletId) -> Result<Wallet, StoreError> {
    let wallet = find(connection, id)?;
    if wallet.manager == Some(tenant) { Ok(wallet) } else { Err(StoreError::NotFound) }
}

/// Those of these wallets that are not the tenant's, or are deleted.
pub(crate) fn outside_tenant(
    connection: &mut Db,
    tenant: UserId,
    ids: impl IntoIterator<Item = WalletId>,
) -> Result<HashSet<WalletId>, StoreError> {
    let mut ids: HashSet<_> = ids.into_iter().collect();
    let all: Vec<_> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
    for chunk in all.chunks(CHUNK_IDS) {
        let found: Vec<Vec<u8>> = wallets::table
            .inner_join(users::table)
            .filter(wallets::id.eq_any(chunk))
            .filter(wallets::deleted_at_ms.is_null())
            .filter(users::manager_id.eq(tenant.as_bytes().as_slice()))
            .select(wallets::id)
            .load(connection)?;
        for id in found {
            ids.remove(&WalletId::from_slice(&id)?);
        }
    }
    Ok(ids)
}

/// The wallets of users, oldest first.
pub fn of_users(connection: &mut Db, ids: &[UserId]) -> Result<Vec<Wallet>, StoreError> {
    let mut found = Vec::new();
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<Columns> = wallets::table
            .inner_join(users::table)
            .inner_join(accounts::table)
            .filter(wallets::user_id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(wallets::deleted_at_ms.is_null())
            .filter(satkeep_in_time())
            .order((wallets::created_at_ms, wallets::id))
            .select(COLUMNS)
            .load(connection)?;
        for row in rows {
            found.push(wallet(row)?);
        }
    }
    Ok(found)
}

/// At most `limit` wallets of users, each with its user, in no particular order.
pub fn ids_of_users(
    connection: &mut Db,
    users: &[UserId],
    limit: usize,
) -> Result<Vec<(UserId, WalletId)>, StoreError> {
    let mut found = Vec::new();
    for users in users.chunks(CHUNK_IDS) {
        let left = limit.saturating_sub(found.len());
        let rows: Vec<(Vec<u8>, Vec<u8>)> = wallets::table
            .filter(wallets::user_id.eq_any(users.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(wallets::deleted_at_ms.is_null())
            .filter(satkeep_in_time())
            .select((wallets::user_id, wallets::id))
            .limit(i64::try_from(left).unwrap_or(i64::MAX))
            .load(connection)?;
        for (user, id) in rows {
            found.push((UserId::from_slice(&user)?, WalletId::from_slice(&id)?));
        }
    }
    Ok(found)
}

/// Whether users have more than `count` wallets in total. No more are counted than necessary.
pub fn has_more_than(connection: &mut Db, users: &[UserId], count: usize) -> Result<bool, StoreError> {
    Ok(ids_of_users(connection, users, count.saturating_add(1))?.len() > count)
}

/// What a user has in all of its wallets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// How many wallets.
    pub wallets: i64,
    /// What these can spend together, in msat: without what is held.
    pub balance_msat: i128,
    /// What of their money is on hold, in msat.
    pub held_msat: i128,
    /// How often money has come into one of them or left it.
    pub movements: i64,
    /// When that was last.
    pub moved_at: Option<UnixMs>,
}

/// A user, how many wallets it has, what they can spend and what is held of them, each in two parts,
/// how often and when they have moved.
type HoldingColumns = (Vec<u8>, i64, i64, i64, i64, i64, i64, Option<i64>);

/// What users have. Those without a wallet are left out.
pub fn holdings_of(connection: &mut Db, ids: &[UserId]) -> Result<HashMap<UserId, Holdings>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<HoldingColumns> = wallets::table
            .inner_join(accounts::table)
            .filter(wallets::user_id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(wallets::deleted_at_ms.is_null())
            .filter(satkeep_in_time())
            .group_by(wallets::user_id)
            .select((
                wallets::user_id,
                diesel::dsl::count_star(),
                diesel::dsl::sql::<BigInt>(sum!(high!("(accounts.balance_msat - accounts.held_msat)"))),
                diesel::dsl::sql::<BigInt>(sum!(low!("(accounts.balance_msat - accounts.held_msat)"))),
                diesel::dsl::sql::<BigInt>(sum!(high!("accounts.held_msat"))),
                diesel::dsl::sql::<BigInt>(sum!(low!("accounts.held_msat"))),
                diesel::dsl::sql::<BigInt>(sum!("accounts.entries")),
                diesel::dsl::sql::<Nullable<BigInt>>("MAX(accounts.moved_at_ms)"),
            ))
            .load(connection)?;
        for (user, wallets, high, low, held_high, held_low, movements, moved_at_ms) in rows {
            let (balance_msat, held_msat) = (whole(high, low), whole(held_high, held_low));
            let moved_at = moved_at_ms.map(UnixMs::new);
            found
                .insert(UserId::from_slice(&user)?, Holdings { wallets, balance_msat, held_msat, movements, moved_at });
        }
    }
    Ok(found)
}

/// The encrypted keys of wallets, by wallet and kind.
pub fn sealed_keys(connection: &mut Db, ids: &[WalletId]) -> Result<HashMap<(WalletId, KeyKind), Vec<u8>>, StoreError> {
    let mut keys = HashMap::with_capacity(ids.len().saturating_mul(2));
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, String, Vec<u8>)> = wallet_keys::table
            .filter(wallet_keys::wallet_id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(satkeep_in_time())
            .select((wallet_keys::wallet_id, wallet_keys::kind, wallet_keys::sealed))
            .load(connection)?;
        for (wallet, kind, sealed) in rows {
            let kind =
                KeyKind::from_stored(&kind).ok_or_else(|| StoreError::Broken(format!("a key of kind {kind:?}")))?;
            keys.insert((WalletId::from_slice(&wallet)?, kind), sealed);
        }
    }
    Ok(keys)
}

/// Renames a wallet.
pub fn rename(connection: &mut Db, id: WalletId, name: &Name, now: UnixMs) -> Result<(), StoreError> {
    let renamed = diesel::update(wallets::table.filter(wallets::id.eq(id.as_bytes().as_slice())))
        .filter(wallets::deleted_at_ms.is_null())
        .set((wallets::name.eq(name.as_str()), wallets::updated_at_ms.eq(now.get())))
        .execute(connection)?;
    if renamed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Sets the currency that a wallet's payments are also told in; `None` is none.
pub fn set_currency(connection: &mut Db, id: WalletId, currency: Option<&str>, now: UnixMs) -> Result<(), StoreError> {
    let changed = diesel::update(wallets::table.filter(wallets::id.eq(id.as_bytes().as_slice())))
        .filter(wallets::deleted_at_ms.is_null())
        .set((wallets::currency.eq(currency), wallets::updated_at_ms.eq(now.get())))
        .execute(connection)?;
    if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// The code of the currency that a wallet's payments are also told in, where it has one.
pub fn currency(connection: &mut Db, id: WalletId) -> Result<Option<String>, StoreError> {
    let found: Option<Option<String>> = wallets::table
        .filter(wallets::id.eq(id.as_bytes().as_slice()))
        .select(wallets::currency)
        .first(connection)
        .optional()?;
    Ok(found.flatten())
}

/// Replaces the keys of a wallet, and returns their generation number. The account's row is changed
/// first: this waits for a batch that has it locked, and makes every later batch see the new
/// generation.
pub fn replace_keys(connection: &mut Db, id: WalletId, keys: &StoredKeys) -> Result<i64, StoreError> {
    let bytes = id.as_bytes().as_slice();
    let generation = new_generation();
    let changed = diesel::update(accounts::table.filter(accounts::id.eq(bytes)))
        .filter(accounts::closed_at_ms.is_null())
        .set(accounts::keys_version.eq(generation))
        .execute(connection)?;
    if changed != 1 {
        return Err(StoreError::NotFound);
    }
    diesel::delete(wallet_keys::table.filter(wallet_keys::wallet_id.eq(bytes))).execute(connection)?;
    insert_keys(connection, id, keys)?;
    Ok(generation)
}
