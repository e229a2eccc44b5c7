//! What the webhooks of invoices look like, as a manager chooses for its tenant.

use actix_web::{HttpResponse, get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::domain::text::InvalidText;
use crate::domain::webhooks::WebhookFormat;
use crate::services::webhooks::format::{self, TenantFormat};

/// What to choose.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"format": "lnbits"}))]
pub struct FormatOrder {
    /// `reference` (`amount` in sat, `comment`) or `lnbits` (LNbits' payment, `amount` in msat);
    /// nothing or null takes the choice back.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^(reference|lnbits)?$")]
    format: Option<String>,
}

/// What holds, and what was chosen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookFormat, example = json!({"format": "lnbits", "chosen": "lnbits"}))]
pub struct FormatView {
    /// What webhooks look like: `reference` or `lnbits`.
    format: &'static str,
    /// What the manager has chosen; null where it is what holds for all.
    chosen: Option<&'static str>,
}

impl FormatView {
    fn new(TenantFormat { holds, chosen }: TenantFormat) -> Self {
        Self { format: holds.as_str(), chosen: chosen.map(WebhookFormat::as_str) }
    }
}

/// The format of webhooks
///
/// Of the invoices of the manager's tenant; endpoints are told of events in a form of their own.
#[utoipa::path(
    tag = "Events",
    responses((status = 200, description = "The format", body = FormatView)),
    security(("AdminKey" = []))
)]
#[get("/usermanager/api/v1/webhook-format")]
pub(in crate::api) async fn get_webhook_format(key: AdminKey, app: State) -> Result<HttpResponse, ApiError> {
    let format = format::find(&app.services, key).await?;
    Ok(HttpResponse::Ok().json(FormatView::new(format)))
}

/// Choose the format of webhooks
///
/// It holds for what is sent from now on, also for what is tried again.
#[utoipa::path(
    tag = "Events",
    request_body = FormatOrder,
    responses((status = 200, description = "The format", body = FormatView)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/webhook-format")]
pub(in crate::api) async fn choose_webhook_format(
    key: Manager<AdminKey>,
    app: State,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: FormatOrder = body.json()?;
    let mut checks = Checks::default();
    let read = |text: String| WebhookFormat::from_name(&text).ok_or(InvalidText::Form("`reference` or `lnbits`"));
    let Some(chosen) = checks.check_opt("format", order.format, read) else { return Err(checks.into_error()) };
    let format = format::choose(&app.services, key, chosen).await?;
    Ok(HttpResponse::Ok().json(FormatView::new(format)))
}
