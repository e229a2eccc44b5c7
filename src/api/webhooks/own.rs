//! A wallet's own webhooks: the secret that signs those of its invoices, and their log.

use actix_web::{HttpResponse, get, post, put, web};

use super::log::{DeliveryListParams, Page};
use super::views::{DeliveryDetails, DeliveryView, SecretView};
use super::{delivery_id, delivery_not_found};
use crate::api::framework::app::State;
use crate::api::framework::auth::AdminKey;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Params;
use crate::clock;
use crate::domain::webhooks::OwnerKind;
use crate::store::StoreError;
use crate::store::webhooks::{log, secrets};

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
    let shared = app.clone();
    let secret = app.write_as(key, move |connection| {
        secrets::of_one(connection, &shared.sealer, OwnerKind::Wallet, key.wallet().into())
    });
    Ok(HttpResponse::Ok().json(SecretView::new(&secret.await.map_err(made_at_once)?)))
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
    let shared = app.clone();
    let secret = app.write_as(key, move |connection| {
        secrets::replace(connection, &shared.sealer, OwnerKind::Wallet, key.wallet().into())
    });
    Ok(HttpResponse::Ok().json(SecretView::new(&secret.await.map_err(made_at_once)?)))
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
    let Page { states, offset, limit } = Page::read(&params)?;
    let found = app.store.read_list(key.consumer(), move |connection| {
        log::list(connection, key.wallet().into(), &states, offset, limit)
    });
    let views: Vec<_> = found.await?.into_iter().map(DeliveryView::from).collect();
    Ok(HttpResponse::Ok().json(views))
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
    let found = app.store.read(move |connection| {
        log::find_with_failures(connection, key.wallet().into(), id).map(DeliveryDetails::from)
    });
    Ok(HttpResponse::Ok().json(found.await.map_err(delivery_not_found)?))
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
    let view = app.write_as(key, move |connection| {
        let owner = key.wallet().into();
        log::redeliver(connection, owner, id, clock::now())?;
        log::find(connection, owner, id).map(DeliveryView::from)
    });
    Ok(HttpResponse::Ok().json(view.await.map_err(delivery_not_found)?))
}

/// Two who make a wallet's first secret at once: the second one finds it when it asks again.
fn made_at_once(error: StoreError) -> ApiError {
    ApiError::from_change(error, ErrorCode::Unavailable, ErrorCode::Internal)
}
