//! Managers and their money, as the command line and the first start make them.

use crate::clock;
use crate::domain::ids::{AccountId, InvoiceId, TransferId, UserId, WalletId};
use crate::domain::keys::KeyPair;
use crate::domain::money::{Amount, Msat};
use crate::domain::node::Preimage;
use crate::domain::secret::Sealer;
use crate::domain::text::Name;
use crate::ledger::command::{Adjust, Command, Leg, NewInvoice};
use crate::ledger::settle::{SettleError, settle_batch};
use crate::ledger::state::{Outcome, Rejection};
use crate::store::users::{self, NewUser};
use crate::store::wallets::{self, NewWallet, StoredKeys, Wallet};
use crate::store::{Db, Store, StoreError, settings};

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
    /// The ledger came to an outcome that a credit cannot have.
    #[error("the ledger came to another outcome than was asked for")]
    Outcome,
}

/// Creates a manager: a user of nobody's tenant, with a wallet of its own.
pub fn create(store: &Store, sealer: &Sealer, name: &Name) -> Result<Manager, StoreError> {
    let (manager, new) = prepare(sealer, name);
    store.write_blocking(|connection| users::create(connection, &new))?;
    Ok(manager)
}

/// Creates the first manager, where the database has no users at all.
pub fn create_first(store: &Store, sealer: &Sealer, name: &Name) -> Result<Option<Manager>, StoreError> {
    let (manager, new) = prepare(sealer, name);
    store.write_blocking(|connection| {
        settings::lock(connection)?;
        if users::count_all(connection)? > 0 {
            return Ok(None);
        }
        users::create(connection, &new)?;
        Ok(Some(manager))
    })
}

fn prepare(sealer: &Sealer, name: &Name) -> (Manager, NewUser) {
    let manager = Manager { user: UserId::random(), wallet: WalletId::random(), keys: KeyPair::generate() };
    let created_at = clock::now();
    let keys = StoredKeys::new(sealer, manager.wallet, &manager.keys);
    let new = NewUser {
        id: manager.user,
        manager: None,
        name: name.clone(),
        email: None,
        password_hash: None,
        extra: None,
        wallet: NewWallet { id: manager.wallet, name: name.clone(), keys, created_at },
        created_at,
    };
    (manager, new)
}

/// The managers that the command line created, with their wallets.
pub fn list(connection: &mut Db) -> Result<Vec<(users::User, Vec<Wallet>)>, StoreError> {
    let managers = users::list_managers(connection)?;
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
        let is_manager = users::list_managers(connection)?.iter().any(|user| user.id == manager);
        if !is_manager {
            return Err(StoreError::NotFound);
        }
        let mut rotated = Vec::new();
        for wallet in wallets::of_users(connection, &[manager])? {
            let keys = KeyPair::generate();
            wallets::replace_keys(connection, wallet.id, &StoredKeys::new(sealer, wallet.id, &keys))?;
            rotated.push(Manager { user: manager, wallet: wallet.id, keys });
        }
        Ok(rotated)
    })
}

/// Credits a wallet from issuance, through the same ledger as every payment, and answers
/// the new balance. Safe beside a running server.
pub fn credit(store: &Store, sealer: &Sealer, wallet: WalletId, amount: Amount) -> Result<Msat, ManagerError> {
    let (id, preimage, now) = (InvoiceId::next(), Preimage::generate(), clock::now());
    let leg = Leg {
        transfer: TransferId::next(),
        from: AccountId::ISSUANCE,
        invoice: NewInvoice {
            id,
            payment_hash: preimage.payment_hash(),
            preimage: preimage.seal(sealer, id),
            payee: wallet.account(),
            bolt11: None,
            amount,
            memo: "Credit".to_owned(),
            webhook: None,
            extra: None,
            created_at: now,
            expires_at: now,
        },
    };
    let outcomes = settle_batch(&mut store.settlement(), &[Command::Adjust(Adjust { leg, claim: None })], &clock::now)?;
    match outcomes.into_iter().next() {
        Some(Ok(Outcome::Adjusted { balance })) => Ok(balance),
        Some(Err(rejection)) => Err(rejection.into()),
        Some(Ok(_)) | None => Err(ManagerError::Outcome),
    }
}
