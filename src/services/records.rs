//! Users and wallets as use cases answer them: with the keys of the wallets, unsealed.

use std::collections::HashMap;

use crate::crypto::secret::Sealer;
use crate::domain::api_keys::{ApiKey, KeyKind, KeyPair};
use crate::domain::ids::{UserId, WalletId};
use crate::store::users::User;
use crate::store::wallets::{self, WALLETS_MAX, Wallet};
use crate::store::{Db, StoreError};

/// A wallet and its keys. Which of these a caller may be shown is for who shows it to heed.
#[derive(Debug)]
pub struct WalletWithKeys {
    /// The wallet.
    pub wallet: Wallet,
    /// Its keys.
    pub keys: KeyPair,
}

/// A user and its wallets.
#[derive(Debug)]
pub struct UserWithWallets {
    /// The user.
    pub user: User,
    /// Its wallets, oldest first.
    pub wallets: Vec<WalletWithKeys>,
}

impl WalletWithKeys {
    /// Adds their keys to wallets.
    pub(super) fn list(connection: &mut Db, sealer: &Sealer, wallets: Vec<Wallet>) -> Result<Vec<Self>, StoreError> {
        let ids: Vec<_> = wallets.iter().map(|wallet| wallet.id).collect();
        let sealed = wallets::sealed_keys(connection, &ids)?;
        let key = |id: WalletId, kind: KeyKind| -> Result<Option<ApiKey>, StoreError> {
            Ok(sealed.get(&(id, kind)).map(|sealed| ApiKey::unseal(sealer, id, kind, sealed)).transpose()?)
        };
        let mut records = Vec::with_capacity(wallets.len());
        for wallet in wallets {
            // A wallet without keys was deleted between the two queries.
            if let (Some(admin), Some(invoice)) = (key(wallet.id, KeyKind::Admin)?, key(wallet.id, KeyKind::Invoice)?) {
                records.push(Self { wallet, keys: KeyPair { admin, invoice } });
            }
        }
        Ok(records)
    }

    /// Adds its keys to a wallet.
    pub(super) fn one(connection: &mut Db, sealer: &Sealer, wallet: Wallet) -> Result<Self, StoreError> {
        Self::list(connection, sealer, vec![wallet])?.pop().ok_or(StoreError::NotFound)
    }
}

impl UserWithWallets {
    /// Adds their wallets to users.
    pub(super) fn list(connection: &mut Db, sealer: &Sealer, users: Vec<User>) -> Result<Vec<Self>, StoreError> {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let wallets = wallets::of_users(connection, &ids)?;
        let mut wallets_of: HashMap<UserId, Vec<WalletWithKeys>> = HashMap::new();
        for record in WalletWithKeys::list(connection, sealer, wallets)? {
            wallets_of.entry(record.wallet.user).or_default().push(record);
        }
        let with_wallets = |user: User| Self { wallets: wallets_of.remove(&user.id).unwrap_or_default(), user };
        Ok(users.into_iter().map(with_wallets).collect())
    }

    /// Adds their wallets to the first of some users: as many as have few enough of these between
    /// them to be read at once, but one at least.
    pub(super) fn list_some(
        connection: &mut Db,
        sealer: &Sealer,
        mut users: Vec<User>,
    ) -> Result<Vec<Self>, StoreError> {
        let mut ids: Vec<_> = users.iter().map(|user| user.id).collect();
        while ids.len() > 1 && wallets::has_more_than(connection, &ids, WALLETS_MAX)? {
            ids.truncate(ids.len() / 2);
        }
        users.truncate(ids.len());
        Self::list(connection, sealer, users)
    }

    /// Adds its wallets to a user.
    pub(crate) fn one(connection: &mut Db, sealer: &Sealer, user: User) -> Result<Self, StoreError> {
        Self::list(connection, sealer, vec![user])?.pop().ok_or(StoreError::NotFound)
    }
}
