//! The log of what was sent to a manager's endpoints, and sending it again.

use std::time::Instant;

use super::{Failure, Logged};
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{DeliveryId, EndpointId, EventId, OwnerId};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{Destination, EventKind, OwnerKind};
use crate::net::targets::Target;
use crate::services::callers::{AdminKey, Manager};
use crate::services::idempotency::{Created, once};
use crate::services::{Error, Missing, Services};
use crate::store::webhooks::events::NewDelivery;
use crate::store::webhooks::{endpoints, log};
use crate::store::{Db, StoreError};

/// Which part of a log is asked for.
#[derive(Debug)]
pub struct LogPage {
    /// In any of these states; in whatever state where there is none.
    pub states: Vec<&'static str>,
    /// Deliveries to leave out first.
    pub offset: i64,
    /// Deliveries at most.
    pub limit: i64,
}

/// An endpoint's deliveries, the newest event first, as `show` makes them.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: Manager<AdminKey>,
    id: EndpointId,
    page: LogPage,
    show: impl FnOnce(Vec<Logged>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let found = services.store.read_list(caller.consumer(), move |connection| {
        endpoints::find(connection, caller.user(), id)?;
        show(log::list(connection, id.into(), &page.states, page.offset, page.limit)?)
    });
    found.await.map_err(Error::of(Missing::Endpoint))
}

/// A delivery to one of a manager's endpoints, and the attempts that failed.
pub async fn find(
    services: &Services,
    caller: Manager<AdminKey>,
    id: DeliveryId,
) -> Result<(Logged, Vec<Failure>), Error> {
    let found = services.store.read(move |connection| {
        let owner = owner_of(connection, caller, id)?;
        log::find_with_failures(connection, owner, id)
    });
    found.await.map_err(Error::of(Missing::Delivery))
}

/// The endpoint of a delivery. Whose the endpoint is decides; a wallet's own webhooks are not the
/// manager's.
fn owner_of(connection: &mut Db, caller: Manager<AdminKey>, id: DeliveryId) -> Result<OwnerId, StoreError> {
    let owner = log::owner_of(connection, id)?;
    endpoints::find(connection, caller.user(), owner.endpoint())?;
    Ok(owner)
}

/// Sends a test event to an endpoint, once for each claim. Keeps what `show` makes of the delivery.
pub async fn send_test(
    services: &Services,
    caller: Manager<AdminKey>,
    claim: Option<Claim>,
    endpoint: EndpointId,
    show: impl FnOnce(Logged) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let create = move |connection: &mut Db| {
        let url = endpoints::find(connection, caller.user(), endpoint)?.url;
        let target = Target::parse(&url).map_err(|error| StoreError::Broken(error.to_string()))?;
        let (id, now) = (DeliveryId::next(), clock::now());
        log::add(connection, trial(caller.consumer(), endpoint, id, &target, now), now)?;
        show(log::find(connection, endpoint.into(), id)?)
    };
    once(services, caller, claim, create, Error::of(Missing::Endpoint)).await
}

fn trial(consumer: Consumer, endpoint: EndpointId, id: DeliveryId, target: &Target, now: UnixMs) -> NewDelivery {
    NewDelivery {
        id,
        event: EventId::next(),
        kind: EventKind::Test,
        owner: endpoint.into(),
        owner_kind: OwnerKind::Endpoint,
        account: None,
        row: None,
        payload: Some(r#"{"message":"This is a test."}"#.to_owned()),
        destination: Destination { consumer, host: target.host_and_port() },
        line: None,
        created_at: now,
    }
}

/// Sends a delivery again, under the same event id; at once where it waits to be tried again.
pub async fn redeliver(services: &Services, caller: Manager<AdminKey>, id: DeliveryId) -> Result<Logged, Error> {
    let redelivered = services.write_as(caller, move |connection| {
        let owner = owner_of(connection, caller, id)?;
        log::redeliver(connection, owner, id, clock::now())?;
        log::find(connection, owner, id)
    });
    redelivered.await.map_err(Error::of(Missing::Delivery))
}

/// Sends those of an endpoint's deliveries again that came to their end, of events from one time
/// until before another; answers how many there are.
pub async fn redeliver_range(
    services: &Services,
    caller: Manager<AdminKey>,
    id: EndpointId,
    since: UnixMs,
    until: UnixMs,
) -> Result<usize, Error> {
    let (mut redelivered, mut after) = (0_usize, None);
    loop {
        let began = Instant::now();
        let some = services.write_as(caller, move |connection| {
            endpoints::find(connection, caller.user(), id)?;
            log::redeliver_some(connection, id.into(), since, until, after, clock::now())
        });
        let (sent, last) = some.await.map_err(Error::of(Missing::Endpoint))?;
        redelivered = redelivered.saturating_add(sent);
        if last.is_none() {
            return Ok(redelivered);
        }
        after = last;
        // Payments come first.
        tokio::time::sleep(began.elapsed()).await;
    }
}
