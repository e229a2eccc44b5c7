//! The wallets of managers, as operators handle them.

use crate::clock;
use crate::domain::api_keys::KeyPair;
use crate::domain::consumer::Consumer;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::text::Name;
use crate::services::administrators::Administrator;
use crate::services::callers::Operator;
use crate::services::idempotency::{Created, once};
use crate::services::keys::{self, Renewed};
use crate::services::{Error, Missing, Services, WalletWithKeys};
use crate::store::wallets::{self, NewWallet, StoredKeys, Wallet};
use crate::store::{Db, StoreError, users};

/// A manager's own wallets.
pub async fn list(services: &Services, _: Operator, manager: UserId) -> Result<Vec<Wallet>, Error> {
    let found = services.store.read_list(Consumer::NOBODY, move |connection| {
        users::find(connection, None, manager)?;
        wallets::of_users(connection, &[manager])
    });
    found.await.map_err(Error::of(Missing::User))
}

/// Creates a wallet for a manager, once for each claim; with the manager's name where nothing is
/// said. Keeps what `show` makes of it.
pub async fn create(
    services: &Services,
    operator: Operator,
    claim: Option<Claim>,
    manager: UserId,
    name: Option<Name>,
    show: impl FnOnce(WalletWithKeys) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let (id, keys) = (WalletId::random(), KeyPair::generate());
    let stored = StoredKeys::new(&services.sealer, id, &keys);
    let create = move |connection: &mut Db| {
        users::lock(connection, None, manager)?;
        let name = match name {
            Some(name) => name,
            None => Name::from_stored(users::find(connection, None, manager)?.name),
        };
        wallets::create(connection, manager, &NewWallet { id, name, keys: stored, created_at: clock::now() })?;
        show(WalletWithKeys { wallet: wallets::find(connection, id)?, keys })
    };
    let created = once(services, operator, claim, create, Error::of(Missing::User)).await?;
    tracing::info!(operator = %operator.user(), %manager, "an operator created a wallet");
    Ok(created)
}

/// Gives a manager's own wallets new keys; the old ones stop at once.
pub async fn rotate_keys(
    services: &Services,
    administrator: impl Administrator,
    manager: UserId,
) -> Result<Vec<Renewed>, Error> {
    let sealer = services.sealer.clone();
    let rotated = services.write_as(administrator, move |connection| {
        users::lock(connection, None, manager)?;
        let own = wallets::of_users(connection, &[manager])?;
        keys::rotate(connection, &sealer, own)
    });
    let rotated = rotated.await.map_err(Error::of(Missing::User))?;
    if let Some(session) = administrator.session() {
        tracing::info!(operator = %session.user(), %manager, "an operator rotated a manager's keys");
    }
    Ok(rotated)
}
