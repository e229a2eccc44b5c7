//! The wallets of a tenant, and their keys.

use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::WalletListParams;
use super::views::ManagedWallet;
use super::{SweepParams, check_admin_id, user_id, wallet_id};
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager, WalletKey};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::{Items, json, json_array};
use crate::api::framework::params::{Checks, Params};
use crate::api::framework::query::window;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::text::{InvalidText, Name};
use crate::services::deletion::Deleter;
use crate::services::managed_wallets::Rotation;
use crate::services::{Cursor, WalletFilter, deletion, managed_wallets};

/// A wallet to create.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "admin_id": "151779637d7c42729e189beb053c1145",
    "user_id": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "wallet_name": "savings"
}))]
pub struct WalletOrder {
    /// The user, one of the manager's.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    user_id: Option<String>,
    /// The wallet's name; need not be unique.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    wallet_name: Option<String>,
    /// The manager's user id; may be left out, and must be the caller's.
    #[serde(default, deserialize_with = "lenient")]
    admin_id: Option<String>,
}

/// Create a wallet for a user
///
/// A user has up to 1000 wallets, deleted ones apart; one more is refused (409, `too_many_wallets`).
#[utoipa::path(
    tag = "User Manager",
    params(Idempotency),
    request_body = WalletOrder,
    responses((status = 201, description = "The wallet", body = ManagedWallet)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/usermanager/api/v1/wallets")]
pub(in crate::api) async fn create_wallet(
    key: Manager<WalletKey>,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: WalletOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    check_admin_id(order.admin_id.as_deref(), key.user())?;
    let mut checks = Checks::default();
    let user = checks.require("user_id", order.user_id, Ok::<_, InvalidText>);
    let name = checks.require("wallet_name", order.wallet_name, Name::new);
    let (Some(user), Some(name)) = (user, name) else { return Err(checks.into_error()) };
    let user: UserId = user.parse().or(Err(ErrorCode::UserNotFound))?;
    let show = move |wallet| json(&ManagedWallet::new(wallet, key.sees_admin_keys()));
    Ok(managed_wallets::create(&app.services, key, claim, user, Some(name), show).await?.respond_json())
}

/// List wallets
///
/// All wallets of all of the manager's users, oldest first, unless `limit` says otherwise; with
/// `search`, those that it finds.
#[utoipa::path(
    tag = "User Manager",
    params(WalletListParams),
    responses((status = 200, description = "The wallets", body = Vec<ManagedWallet>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/wallets")]
pub(in crate::api) async fn list_wallets(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let WalletListParams { limit, offset, search } = params.read()?;
    let (window, filter) = (window(limit, offset), WalletFilter { search, ..WalletFilter::default() });
    json_array(move |after: Option<Cursor<WalletId>>| {
        let (app, filter) = (app.clone(), filter.clone());
        async move {
            let show = move |wallets| Items::of(ManagedWallet::list(wallets, key.sees_admin_keys()));
            Ok(managed_wallets::list(&app.services, key, filter, window, after, show).await?)
        }
    })
    .await
}

/// List a user's wallets
#[utoipa::path(
    tag = "User Manager",
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The wallets", body = Vec<ManagedWallet>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/wallets/{id}")]
pub(in crate::api) async fn list_wallets_of_user(
    key: WalletKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let wallets = managed_wallets::list_of_user(&app.services, key, id).await?;
    let views: Vec<_> = ManagedWallet::list(wallets, key.sees_admin_keys()).collect();
    Ok(HttpResponse::Ok().json(views))
}

/// Rotate a wallet's keys
///
/// Answers the wallet with two new keys; the old ones stop at once.
#[utoipa::path(
    tag = "User Manager",
    params(("wallet_id" = String, Path, description = "The wallet's id")),
    responses((status = 200, description = "The wallet with its new keys", body = ManagedWallet)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/wallets/{wallet_id}/keys")]
pub(in crate::api) async fn rotate_keys(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = wallet_id(&path)?;
    let wallet = managed_wallets::rotate_keys(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}

/// Rotate all keys
///
/// Of the calling wallet, and of all wallets of all of the manager's users. Answers them with
/// their new keys, the calling one first; the old ones stop at once, the calling key before all
/// others, so that who has stolen it sees none of the new ones. Where the answer breaks off, do
/// it again with the calling wallet's new key. Other wallets of the manager itself are not
/// touched: their own keys, or an operator, renew them.
#[utoipa::path(
    tag = "User Manager",
    responses((status = 200, description = "The wallets with their new keys", body = Vec<ManagedWallet>)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/rotate-all-keys")]
pub(in crate::api) async fn rotate_all_keys(key: Manager<AdminKey>, app: State) -> Result<HttpResponse, ApiError> {
    json_array(move |next: Option<Rotation>| {
        let app = app.clone();
        let rotation = next.unwrap_or_else(|| Rotation::new(key));
        async move {
            let show = |wallets| Items::of(ManagedWallet::list(wallets, true));
            Ok(managed_wallets::rotate_some(&app.services, rotation, show).await?)
        }
    })
    .await
}

/// Delete a wallet
///
/// Its keys stop at once; payments stay in the history of the others. Money that it holds goes to
/// the wallet of the calling key; with `?sweep=false` a wallet that holds money is not deleted.
#[utoipa::path(
    tag = "User Manager",
    params(
        ("id" = String, Path, description = "The wallet's id"),
        SweepParams
    ),
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("AdminKey" = []))
)]
#[delete("/usermanager/api/v1/wallets/{id}")]
pub(in crate::api) async fn delete_wallet(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let id = wallet_id(&path)?;
    let sweep = params.read::<SweepParams>()?.sweeps();
    deletion::delete_wallet(&app.services, Deleter::Manager { key, sweep }, None, id).await?;
    Ok(HttpResponse::Ok().json(()))
}
