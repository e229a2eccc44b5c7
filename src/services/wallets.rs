//! The wallet of the calling key.

use super::callers::AdminKey;
use super::{Error, Services};
use crate::clock;
use crate::domain::text::Name;
use crate::store::{StoreError, wallets};

pub use crate::store::access::grants::Holder;
pub use crate::store::wallets::Wallet;

/// Gives the wallet of a key another name.
pub async fn rename(services: &Services, key: AdminKey, name: Name) -> Result<Wallet, Error> {
    let (now, wallet) = (clock::now(), key.wallet());
    let renamed = services.write_as(key, move |connection| {
        wallets::rename(connection, wallet, &name, now)?;
        wallets::find(connection, wallet)
    });
    // Where the wallet has gone, its keys have gone with it.
    renamed.await.map_err(|error| if matches!(error, StoreError::NotFound) { Error::BadAuth } else { error.into() })
}
