//! Managers and their money, as the command line and the first start make them.

use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::api_keys::KeyPair;
use crate::domain::ids::{AccountId, InvoiceId, TransferId, UserId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::domain::node::Preimage;
use crate::domain::text::Name;
use crate::ledger::command::{Adjust, Leg, NewInvoice};
use crate::ledger::outcome::Rejection;
use crate::ledger::settle::{SettleError, settle};
use crate::store::db::settings;
use crate::store::users::{self, NewUser};
use crate::store::wallets::{self, NewWallet, StoredKeys, Wallet};
use crate::store::{Db, Store, StoreError};

/// A manager with its wallet and keys.
#[derive(Debug)]
pub struct Manager {
    /// The manager's user id.
    pub user: UserId,
    /// The manager's wallet.
    pub wallet: WalletId,
    /// The wallet's keys.
    pub keys: KeyPair,
}

/// A wallet with new keys.
#[derive(Debug)]
pub struct Renewed {
    /// The wallet.
    pub wallet: Wallet,
    /// Its new keys.
    pub keys: KeyPair,
    /// The number of their generation.
    pub keys_version: i64,
}

/// What the command line asked for could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// The ledger refused it.
    #[error("refused: {0}")]
    Refused(#[from] Rejection),
    /// The ledger could not settle it.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates a manager: a user of nobody's tenant, with a wallet of its own.
pub fn create(store: &Store, sealer: &Sealer, name: &Name) -> Result<Manager, StoreError> {
    let (manager, new) = prepare(sealer, name.clone());
    store.write_blocking(|connection| users::create(connection, &new))?;
    Ok(manager)
}

/// Creates the first manager, where the database has no users at all.
pub fn create_first(store: &Store, sealer: &Sealer, name: &Name) -> Result<Option<Manager>, StoreError> {
    let (manager, new) = prepare(sealer, name.clone());
    store.write_blocking(|connection| {
        settings::lock(connection)?;
        if users::count_all(connection)? > 0 {
            return Ok(None);
        }
        users::create(connection, &new)?;
        Ok(Some(manager))
    })
}

/// A new manager with a wallet of the same name, and the rows to store.
pub fn prepare(sealer: &Sealer, name: Name) -> (Manager, NewUser) {
    let manager = Manager { user: UserId::random(), wallet: WalletId::random(), keys: KeyPair::generate() };
    let created_at = clock::now();
    let keys = StoredKeys::new(sealer, manager.wallet, &manager.keys);
    let new = NewUser {
        id: manager.user,
        manager: None,
        name: name.clone(),
        username: None,
        email: None,
        password_hash: None,
        extra: None,
        may_create_users: true,
        wallet: NewWallet { id: manager.wallet, name, keys, created_at },
        created_at,
    };
    (manager, new)
}

/// The managers that the command line created, with their wallets.
pub fn list(connection: &mut Db) -> Result<Vec<(users::User, Vec<Wallet>)>, StoreError> {
    let managers = users::list_managers(connection, None, 0, i64::MAX)?;
    let ids: Vec<_> = managers.iter().map(|manager| manager.id).collect();
    let wallets = wallets::of_users(connection, &ids)?;
    let with_wallets = managers.into_iter().map(|manager| {
        let own = wallets.iter().filter(|wallet| wallet.user == manager.id).cloned().collect();
        (manager, own)
    });
    Ok(with_wallets.collect())
}

/// Gives every wallet of a manager new keys; the old ones stop at once.
pub fn rotate_keys(store: &Store, sealer: &Sealer, manager: UserId) -> Result<Vec<Manager>, StoreError> {
    store.write_blocking(|connection| {
        users::find(connection, None, manager)?;
        let wallets = wallets::of_users(connection, &[manager])?;
        let rotated = rotate_wallets(connection, sealer, wallets)?;
        Ok(rotated
            .into_iter()
            .map(|Renewed { wallet, keys, .. }| Manager { user: manager, wallet: wallet.id, keys })
            .collect())
    })
}

/// Gives wallets new keys, in the order of their ids, which is the order of locks.
pub fn rotate_wallets(
    connection: &mut Db,
    sealer: &Sealer,
    mut wallets: Vec<Wallet>,
) -> Result<Vec<Renewed>, StoreError> {
    wallets.sort_unstable_by_key(|wallet| wallet.id);
    let mut rotated = Vec::with_capacity(wallets.len());
    for wallet in wallets {
        let keys = KeyPair::generate();
        let stored = StoredKeys::new(sealer, wallet.id, &keys);
        let keys_version = wallets::replace_keys(connection, wallet.id, &stored)?;
        rotated.push(Renewed { wallet, keys, keys_version });
    }
    Ok(rotated)
}

/// A movement that brings money into a wallet from issuance, or takes it out again.
pub fn adjustment(sealer: &Sealer, wallet: WalletId, amount: Amount, direction: Direction) -> Leg {
    let (id, preimage, now) = (InvoiceId::next(), Preimage::generate(), clock::now());
    let (from, payee, memo) = match direction {
        Direction::In => (AccountId::ISSUANCE, wallet.account(), "Credit"),
        Direction::Out => (wallet.account(), AccountId::ISSUANCE, "Debit"),
    };
    Leg {
        transfer: TransferId::next(),
        from,
        invoice: NewInvoice {
            id,
            payment_hash: preimage.payment_hash(),
            preimage: preimage.seal(sealer, id),
            payee,
            bolt11: None,
            amount,
            memo: memo.to_owned(),
            webhook: None,
            extra: None,
            created_at: now,
            expires_at: now,
        },
    }
}

/// Which way money goes between a wallet and issuance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into the wallet.
    In,
    /// Out of it.
    Out,
}

/// Credits a wallet from issuance, through the same ledger as every payment, and answers
/// the new balance. Safe beside a running server.
pub fn credit(store: &Store, sealer: &Sealer, wallet: WalletId, amount: Amount) -> Result<Msat, ManagerError> {
    let leg = adjustment(sealer, wallet, amount, Direction::In);
    let credit = Adjust { leg, session: None, claim: None };
    Ok(settle(&mut store.settlement(), credit, &clock::now)??.balance)
}
