//! A wallet's own webhooks: the secret that signs those of its invoices, and their log.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get, post, put, web};

use super::delivery_id;
use super::log::{DeliveryListParams, page_of, show};
use super::views::{DeliveryDetails, DeliveryView, SecretView};
use crate::api::framework::app::State;
use crate::api::framework::auth::AdminKey;
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Params;
use crate::services::webhooks::own;

/// The secret of a wallet's webhooks
///
/// What signs the webhooks of the wallet's own invoices and payments; it is made when it is first needed.
#[utoipa::path(
    tag = "Events",
    responses((status = 200, description = "The secret", body = SecretView)),
    security(("AdminKey" = []))
)]
#[get("/api/v1/webhooks/secret")]
pub(in crate::api) async fn get_webhook_secret(key: AdminKey, app: State) -> Result<HttpResponse, ApiError> {
    let secret = own::secret(&app.services, key).await?;
    Ok(HttpResponse::Ok().json(SecretView::new(&secret)))
}

/// Rotate the secret of a wallet's webhooks
///
/// The one before signs nothing from now on, not even what is tried again.
#[utoipa::path(
    tag = "Events",
    responses((status = 200, description = "The new secret", body = SecretView)),
    security(("AdminKey" = []))
)]
#[put("/api/v1/webhooks/secret")]
pub(in crate::api) async fn rotate_webhook_secret(key: AdminKey, app: State) -> Result<HttpResponse, ApiError> {
    let secret = own::rotate_secret(&app.services, key).await?;
    Ok(HttpResponse::Ok().json(SecretView::new(&secret)))
}

/// List a wallet's deliveries
///
/// Of the webhooks of its own invoices and payments, the newest event first; kept for 30 days.
#[utoipa::path(
    tag = "Events",
    params(DeliveryListParams),
    responses((status = 200, description = "The deliveries", body = Vec<DeliveryView>)),
    security(("AdminKey" = []))
)]
#[get("/api/v1/webhooks/deliveries")]
pub(in crate::api) async fn list_own_deliveries(
    key: AdminKey,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let json = own::list(&app.services, key, page_of(&params)?, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Get a wallet's delivery
///
/// With every attempt that failed.
#[utoipa::path(
    tag = "Events",
    params(("delivery_id" = String, Path, description = "The delivery's id")),
    responses((status = 200, description = "The delivery", body = DeliveryDetails)),
    security(("AdminKey" = []))
)]
#[get("/api/v1/webhooks/deliveries/{delivery_id}")]
pub(in crate::api) async fn get_own_delivery(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = delivery_id(&path)?;
    let found = own::find(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(DeliveryDetails::from(found)))
}

/// Send a wallet's delivery again
///
/// Under the same event id; at once where it waits to be tried again.
#[utoipa::path(
    tag = "Events",
    params(("delivery_id" = String, Path, description = "The delivery's id")),
    responses((status = 200, description = "The delivery, on its way", body = DeliveryView)),
    security(("AdminKey" = []))
)]
#[post("/api/v1/webhooks/deliveries/{delivery_id}/redeliver")]
pub(in crate::api) async fn redeliver_own(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = delivery_id(&path)?;
    let redelivered = own::redeliver(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(DeliveryView::from(redelivered)))
}
