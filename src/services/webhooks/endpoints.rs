//! The endpoints of a manager: where the events of its tenant are sent to.

use super::Endpoint;
use crate::clock;
use crate::domain::idempotency::Claim;
use crate::domain::ids::EndpointId;
use crate::domain::text::WebhookUrl;
use crate::domain::webhooks::{EventKinds, OwnerKind, WebhookSecret};
use crate::services::callers::{AdminKey, Manager};
use crate::services::idempotency::{Created, once};
use crate::services::{Error, Missing, Services, Taken};
use crate::store::webhooks::{endpoints, secrets};
use crate::store::{Db, StoreError};

/// What a manager wants a new endpoint to be.
#[derive(Debug)]
pub struct EndpointTerms {
    /// Where events are sent to.
    pub url: WebhookUrl,
    /// Which events.
    pub kinds: EventKinds,
    /// Whether it is paused from the beginning.
    pub is_paused: bool,
}

/// What to change of an endpoint: what is not named stays as it is.
#[derive(Debug)]
pub struct EndpointChange {
    /// Where events are sent to.
    pub url: Option<WebhookUrl>,
    /// Which events.
    pub kinds: Option<EventKinds>,
    /// False pauses it, true resumes it.
    pub active: Option<bool>,
}

/// An endpoint whose secret has just been made.
#[derive(Debug)]
pub struct EndpointWithSecret {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What signs what is sent there.
    pub secret: WebhookSecret,
}

/// Creates an endpoint, once for each claim. Keeps what `show` makes of it.
pub async fn create(
    services: &Services,
    caller: Manager<AdminKey>,
    claim: Option<Claim>,
    terms: EndpointTerms,
    show: impl FnOnce(EndpointWithSecret) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let now = clock::now();
    let endpoint = Endpoint {
        id: EndpointId::random(),
        manager: caller.user(),
        url: terms.url.into_inner(),
        kinds: terms.kinds,
        created_at: now,
        updated_at: now,
        paused_at: terms.is_paused.then_some(now),
    };
    let secret = WebhookSecret::generate();
    let sealer = services.sealer.clone();
    let create = move |connection: &mut Db| {
        if !endpoints::create(connection, &endpoint)? {
            return Err(StoreError::Conflict);
        }
        secrets::insert(connection, &sealer, OwnerKind::Endpoint, endpoint.id.into(), &secret)?;
        show(EndpointWithSecret { endpoint, secret })
    };
    // Ids are random: what is in the way is the number of endpoints.
    once(services, caller, claim, create, Error::of_change(Taken::Endpoints, Missing::Endpoint)).await
}

/// A manager's endpoints, oldest first.
pub async fn list(services: &Services, caller: Manager<AdminKey>) -> Result<Vec<Endpoint>, Error> {
    Ok(services.store.read(move |connection| endpoints::list(connection, caller.user())).await?)
}

/// One of a manager's endpoints.
pub async fn find(services: &Services, caller: Manager<AdminKey>, id: EndpointId) -> Result<Endpoint, Error> {
    let found = services.store.read(move |connection| endpoints::find(connection, caller.user(), id));
    found.await.map_err(Error::of(Missing::Endpoint))
}

/// Changes, pauses or resumes an endpoint.
pub async fn update(
    services: &Services,
    caller: Manager<AdminKey>,
    id: EndpointId,
    change: EndpointChange,
) -> Result<Endpoint, Error> {
    let EndpointChange { url, kinds, active } = change;
    let changed = services.write_as(caller, move |connection| {
        let before = endpoints::find(connection, caller.user(), id)?;
        let now = clock::now();
        let changed = Endpoint {
            url: url.map_or(before.url, WebhookUrl::into_inner),
            kinds: kinds.unwrap_or(before.kinds),
            updated_at: now,
            paused_at: match active {
                None => before.paused_at,
                Some(true) => None,
                Some(false) => before.paused_at.or(Some(now)),
            },
            ..before
        };
        endpoints::update(connection, &changed)?;
        Ok(changed)
    });
    changed.await.map_err(Error::of(Missing::Endpoint))
}

/// Deletes an endpoint. What is on its way to it is not sent any more.
pub async fn delete(services: &Services, caller: Manager<AdminKey>, id: EndpointId) -> Result<(), Error> {
    let deleted =
        services.write_as(caller, move |connection| endpoints::delete(connection, caller.user(), id, clock::now()));
    deleted.await.map_err(Error::of(Missing::Endpoint))
}

/// Gives an endpoint a new secret; the one before signs nothing from now on.
pub async fn rotate_secret(
    services: &Services,
    caller: Manager<AdminKey>,
    id: EndpointId,
) -> Result<EndpointWithSecret, Error> {
    let sealer = services.sealer.clone();
    let rotated = services.write_as(caller, move |connection| {
        let endpoint = endpoints::find(connection, caller.user(), id)?;
        let secret = secrets::replace(connection, &sealer, OwnerKind::Endpoint, id.into())?;
        Ok(EndpointWithSecret { endpoint, secret })
    });
    rotated.await.map_err(Error::of(Missing::Endpoint))
}
