//! The endpoints of a manager: where the events of its tenant are sent to.
//!
//! The tenant is all wallets of the users that the manager created, and the manager's own.

use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Array, ArrayBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::endpoint_id;
use super::views::EndpointView;
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::Checks;
use crate::domain::text::InvalidText;
use crate::domain::webhooks::{EventKind, EventKinds};
use crate::services::webhooks::endpoints::{self, EndpointChange, EndpointTerms};

/// An endpoint to create, or what to change of one: what is not named stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"url": "https://game.example/events", "events": ["payment.received", "payment.sent"]}))]
pub struct EndpointOrder {
    /// Where events are sent to: http or https, on the public internet.
    #[serde(default, deserialize_with = "lenient")]
    url: Option<String>,
    /// Which events; all where nothing is said.
    #[serde(default)]
    #[schema(schema_with = kinds)]
    events: Option<Vec<String>>,
    /// False pauses it: what happens meanwhile is not collected, what waits goes on waiting.
    #[serde(default, deserialize_with = "lenient")]
    active: Option<bool>,
}

/// An endpoint to create: its URL must be there.
struct NewEndpoint;

impl PartialSchema for NewEndpoint {
    fn schema() -> RefOr<Schema> {
        leniency::requiring::<EndpointOrder>(&["url"]).into()
    }
}

impl ToSchema for NewEndpoint {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((EndpointOrder::name().into(), EndpointOrder::schema()));
    }
}

/// The kinds of events, for the document.
fn kinds() -> Array {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(leniency::words(EventKind::ALL.map(EventKind::as_str)))
        .min_items(Some(1))
        .description(Some("Which events; all where nothing is said."))
        .build()
}

impl EndpointOrder {
    fn read(self, app: &State) -> Result<EndpointChange, ApiError> {
        let mut checks = Checks::default();
        let url = checks.check_opt("url", self.url, |text| app.services.policy.targets.accept(text));
        let kinds = checks.check_opt("events", self.events, |names| kinds_of(&names));
        match (url, kinds) {
            (Some(url), Some(kinds)) => Ok(EndpointChange { url, kinds, active: self.active }),
            _ => Err(checks.into_error()),
        }
    }
}

fn kinds_of(names: &[String]) -> Result<EventKinds, InvalidText> {
    const FORM: InvalidText = InvalidText::Form(
        "a list of one or more of payment.received, payment.sent, payment.failed, invoice.expired, hold.placed, \
         hold.captured, hold.released, user.created, wallet.created and wallet.frozen",
    );
    let kind = |name: &String| EventKind::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(FORM);
    let kinds: EventKinds = names.iter().map(kind).collect::<Result<Vec<_>, _>>()?.into_iter().collect();
    if kinds.is_empty() { Err(FORM) } else { Ok(kinds) }
}

/// Create an endpoint
///
/// The events of the manager's tenant are sent there. Answers the secret that signs them, which
/// is not shown again. At most 20 for each manager.
#[utoipa::path(
    tag = "Events",
    params(Idempotency),
    request_body = inline(NewEndpoint),
    responses((status = 201, description = "The endpoint", body = EndpointView)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/webhooks")]
pub(in crate::api) async fn create_webhook(
    key: Manager<AdminKey>,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: EndpointOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let EndpointChange { url, kinds, active } = order.read(&app)?;
    let terms = EndpointTerms {
        url: url.ok_or_else(|| ApiError::field("url", "is missing"))?,
        kinds: kinds.unwrap_or_else(|| EventKind::ALL.into_iter().collect()),
        is_paused: active == Some(false),
    };
    let show = |created| json(&EndpointView::with_secret(created));
    Ok(endpoints::create(&app.services, key, claim, terms, show).await?.respond_json())
}

/// List endpoints
///
/// Oldest first, without their secrets.
#[utoipa::path(
    tag = "Events",
    responses((status = 200, description = "The endpoints", body = Vec<EndpointView>)),
    security(("AdminKey" = []))
)]
#[get("/usermanager/api/v1/webhooks")]
pub(in crate::api) async fn list_webhooks(key: AdminKey, app: State) -> Result<HttpResponse, ApiError> {
    let Some(manager) = Manager::of(key) else { return Ok(HttpResponse::Ok().json([(); 0])) };
    let found = endpoints::list(&app.services, manager).await?;
    let views: Vec<_> = found.into_iter().map(EndpointView::new).collect();
    Ok(HttpResponse::Ok().json(views))
}

/// Endpoint details
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "The endpoint", body = EndpointView)),
    security(("AdminKey" = []))
)]
#[get("/usermanager/api/v1/webhooks/{webhook_id}")]
pub(in crate::api) async fn get_webhook(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let manager = Manager::of(key).ok_or(ErrorCode::WebhookNotFound)?;
    let found = endpoints::find(&app.services, manager, id).await?;
    Ok(HttpResponse::Ok().json(EndpointView::new(found)))
}

/// Change, pause or resume an endpoint
///
/// What is on its way goes to the new URL.
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id")),
    request_body = EndpointOrder,
    responses((status = 200, description = "The endpoint", body = EndpointView)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/webhooks/{webhook_id}")]
pub(in crate::api) async fn update_webhook(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let change = body.json::<EndpointOrder>()?.read(&app)?;
    let changed = endpoints::update(&app.services, key, id, change).await?;
    Ok(HttpResponse::Ok().json(EndpointView::new(changed)))
}

/// Delete an endpoint
///
/// What is on its way to it is not sent any more.
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("AdminKey" = []))
)]
#[delete("/usermanager/api/v1/webhooks/{webhook_id}")]
pub(in crate::api) async fn delete_webhook(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    endpoints::delete(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(None::<String>))
}

/// Rotate an endpoint's secret
///
/// Answers the new one, which is not shown again; the one before signs nothing from now on.
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "The endpoint with its new secret", body = EndpointView)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/webhooks/{webhook_id}/secret")]
pub(in crate::api) async fn rotate_endpoint_secret(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let rotated = endpoints::rotate_secret(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(EndpointView::with_secret(rotated)))
}
