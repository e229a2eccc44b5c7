//! What the webhooks of invoices look like, as a manager chooses for its tenant.

use crate::domain::ids::UserId;
use crate::domain::webhooks::WebhookFormat;
use crate::services::callers::{AdminKey, Manager};
use crate::services::{Error, Services};
use crate::store::webhooks::formats;
use crate::store::{Db, StoreError};

/// The format of a tenant's webhooks.
#[derive(Clone, Copy, Debug)]
pub struct TenantFormat {
    /// The format that holds.
    pub holds: WebhookFormat,
    /// What the manager has chosen, where it has.
    pub chosen: Option<WebhookFormat>,
}

impl TenantFormat {
    /// `server` is what holds where nobody above the manager has chosen either.
    fn of(connection: &mut Db, manager: UserId, server: WebhookFormat) -> Result<Self, StoreError> {
        let chosen = formats::get(connection, manager)?;
        let holds = formats::of_tenants(connection, [manager])?.remove(&manager);
        Ok(Self { holds: holds.unwrap_or(server), chosen })
    }
}

/// The format of the webhooks of a user's tenant.
pub async fn find(services: &Services, caller: AdminKey) -> Result<TenantFormat, Error> {
    let server = services.policy.webhook_format;
    Ok(services.store.read(move |connection| TenantFormat::of(connection, caller.user(), server)).await?)
}

/// Chooses a format, or takes the choice back where it is `None`.
pub async fn choose(
    services: &Services,
    caller: Manager<AdminKey>,
    chosen: Option<WebhookFormat>,
) -> Result<TenantFormat, Error> {
    let server = services.policy.webhook_format;
    let format = services.write_as(caller, move |connection| {
        formats::set(connection, caller.user(), chosen)?;
        TenantFormat::of(connection, caller.user(), server)
    });
    format.await.map_err(Error::of_making)
}
