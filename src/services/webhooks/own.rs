//! A wallet's own webhooks: the secret that signs those of its invoices, and their log.

use super::log::LogPage;
use super::{Failure, Logged};
use crate::clock;
use crate::domain::ids::DeliveryId;
use crate::domain::webhooks::{OwnerKind, WebhookSecret};
use crate::services::callers::AdminKey;
use crate::services::{Error, Missing, Services};
use crate::store::StoreError;
use crate::store::webhooks::{log, secrets};

/// The secret of a wallet's webhooks, which is made when it is first needed.
pub async fn secret(services: &Services, caller: AdminKey) -> Result<WebhookSecret, Error> {
    let sealer = services.sealer.clone();
    let secret = services.write_as(caller, move |connection| {
        secrets::of_one(connection, &sealer, OwnerKind::Wallet, caller.wallet().into())
    });
    secret.await.map_err(Error::of_making)
}

/// Gives a wallet a new secret; the one before signs nothing from now on.
pub async fn rotate_secret(services: &Services, caller: AdminKey) -> Result<WebhookSecret, Error> {
    let sealer = services.sealer.clone();
    let secret = services.write_as(caller, move |connection| {
        secrets::replace(connection, &sealer, OwnerKind::Wallet, caller.wallet().into())
    });
    secret.await.map_err(Error::of_making)
}

/// A wallet's deliveries, the newest event first, as `show` makes them.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: AdminKey,
    page: LogPage,
    show: impl FnOnce(Vec<Logged>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let found = services.store.read_list(caller.consumer(), move |connection| {
        show(log::list(connection, caller.wallet().into(), &page.states, page.offset, page.limit)?)
    });
    Ok(found.await?)
}

/// One of a wallet's deliveries, and the attempts that failed.
pub async fn find(services: &Services, caller: AdminKey, id: DeliveryId) -> Result<(Logged, Vec<Failure>), Error> {
    let found = services.store.read(move |connection| log::find_with_failures(connection, caller.wallet().into(), id));
    found.await.map_err(Error::of(Missing::Delivery))
}

/// Sends one of a wallet's deliveries again, under the same event id; at once where it waits to be
/// tried again.
pub async fn redeliver(services: &Services, caller: AdminKey, id: DeliveryId) -> Result<Logged, Error> {
    let redelivered = services.write_as(caller, move |connection| {
        let owner = caller.wallet().into();
        log::redeliver(connection, owner, id, clock::now())?;
        log::find(connection, owner, id)
    });
    redelivered.await.map_err(Error::of(Missing::Delivery))
}
