//! The wallet of the calling key, and what its owner does with it.

use super::callers::{AdminKey, KeyOrSession};
use super::idempotency::{Created, once};
use super::{Error, Missing, Services, WalletWithKeys};
use crate::clock;
use crate::domain::api_keys::KeyPair;
use crate::domain::idempotency::Claim;
use crate::domain::ids::WalletId;
use crate::domain::text::Name;
use crate::rates::currency::Currency;
use crate::store::access::grants;
use crate::store::wallets::controls;
use crate::store::wallets::{self, NewWallet, StoredKeys};
use crate::store::{Db, StoreError, users};

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

/// Creates a further wallet for the user of a key, once for each claim, and answers it as it is shown.
/// The largest payment of the calling wallet is that of the new one as well, and a wallet that is
/// frozen, or has a limit for each day, opens no other: who is held to something is not let out of it
/// here.
pub async fn create(
    services: &Services,
    key: AdminKey,
    claim: Option<Claim>,
    name: Name,
    show: impl FnOnce(WalletWithKeys) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let (id, keys) = (WalletId::random(), KeyPair::generate());
    let stored = StoredKeys::new(&services.sealer, id, &keys);
    let new = NewWallet { id, name, keys: stored, created_at: clock::now() };
    let create = move |connection: &mut Db| {
        let Wallet { manager, user, .. } = wallets::find(connection, key.wallet())?;
        users::lock(connection, manager, user)?;
        controls::lock(connection, key.wallet())?;
        let calling = wallets::find(connection, key.wallet())?;
        if calling.frozen_by_manager.or(calling.frozen_by_operator).is_some() {
            return Err(StoreError::Frozen);
        }
        if calling.limits.day_max.is_some() {
            return Err(StoreError::DayLimited);
        }
        wallets::create(connection, user, &new)?;
        controls::limit(connection, id, calling.limits)?;
        show(WalletWithKeys { wallet: wallets::find(connection, id)?, keys })
    };
    once(services, key, claim, create, gone_with_its_keys).await
}

/// Gives a wallet new keys; the old ones stop at once. Who may: its own admin key, its user where that
/// has logged in, and the manager of its user.
pub async fn renew_keys(
    services: &Services,
    caller: KeyOrSession<AdminKey>,
    id: WalletId,
) -> Result<WalletWithKeys, Error> {
    let keys = KeyPair::generate();
    let stored = StoredKeys::new(&services.sealer, id, &keys);
    let renewed = services.write_as(caller, move |connection| {
        let wallet = wallets::find(connection, id)?;
        match caller {
            KeyOrSession::Key(key) if key.wallet() == id => {}
            KeyOrSession::Session(session) if wallet.user == session.user() => {}
            KeyOrSession::Session(session) if wallet.manager == Some(session.user()) => {
                grants::authorize_manager_user(connection, session.user())?;
            }
            KeyOrSession::Key(_) | KeyOrSession::Session(_) => return Err(StoreError::NotFound),
        }
        wallets::replace_keys(connection, id, &stored)?;
        Ok(wallet)
    });
    Ok(WalletWithKeys { wallet: renewed.await.map_err(Error::of(Missing::Wallet))?, keys })
}

/// What of a wallet is to be changed.
#[derive(Clone, Debug, Default)]
pub struct WalletChange {
    /// Its name.
    pub name: Option<Name>,
    /// The currency that its payments are also told in: `Some(None)` is none.
    #[expect(clippy::option_option, reason = "it may stay, be set, or be removed")]
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
    changed.await.map_err(gone_with_its_keys)
}

/// From an error of the store: where the wallet has gone, its keys have gone with it.
fn gone_with_its_keys(error: StoreError) -> Error {
    if matches!(error, StoreError::NotFound) { Error::BadAuth } else { error.into() }
}
