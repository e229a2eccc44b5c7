//! The wallet of the calling key.

use super::callers::AdminKey;
use super::{Error, Services, WalletWithKeys};
use crate::clock;
use crate::domain::text::Name;
use crate::store::{StoreError, wallets};

pub use crate::store::access::grants::Holder;
pub use crate::store::wallets::Wallet;

/// The wallet of a key, with both of its keys.
pub async fn with_keys(services: &Services, key: AdminKey) -> Result<WalletWithKeys, Error> {
    let sealer = services.sealer.clone();
    let found = services.store.read(move |connection| {
        let wallet = wallets::find(connection, key.wallet())?;
        WalletWithKeys::one(connection, &sealer, wallet)
    });
    found.await.map_err(gone_with_its_keys)
}

/// Gives the wallet of a key another name.
pub async fn rename(services: &Services, key: AdminKey, name: Name) -> Result<Wallet, Error> {
    let (now, wallet) = (clock::now(), key.wallet());
    let renamed = services.write_as(key, move |connection| {
        wallets::rename(connection, wallet, &name, now)?;
        wallets::find(connection, wallet)
    });
    renamed.await.map_err(gone_with_its_keys)
}

/// From an error of the store: where the wallet has gone, its keys have gone with it.
fn gone_with_its_keys(error: StoreError) -> Error {
    if matches!(error, StoreError::NotFound) { Error::BadAuth } else { error.into() }
}
