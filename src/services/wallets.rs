//! The wallet of the calling key.

use super::callers::AdminKey;
use super::{Error, Services};
use crate::clock;
use crate::domain::text::Name;
use crate::rates::currency::Currency;
use crate::store::{StoreError, wallets};

pub use crate::store::access::grants::Holder;
pub use crate::store::wallets::Wallet;

/// What of a wallet is to be changed.
#[derive(Clone, Debug, Default)]
pub struct WalletChange {
    /// Its name.
    pub name: Option<Name>,
    /// The currency that its payments are also told in: `Some(None)` is none.
    pub currency: Option<Option<Currency>>,
}

/// Changes the wallet of a key.
pub async fn change(services: &Services, key: AdminKey, change: WalletChange) -> Result<Wallet, Error> {
    let (now, wallet) = (clock::now(), key.wallet());
    let changed = services.write_as(key, move |connection| {
        if let Some(name) = change.name {
            wallets::rename(connection, wallet, &name, now)?;
        }
        if let Some(currency) = change.currency {
            wallets::set_currency(connection, wallet, currency.as_ref().map(Currency::as_str), now)?;
        }
        wallets::find(connection, wallet)
    });
    // Where the wallet has gone, its keys have gone with it.
    changed.await.map_err(|error| if matches!(error, StoreError::NotFound) { Error::BadAuth } else { error.into() })
}
