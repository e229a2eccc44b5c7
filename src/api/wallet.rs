//! The wallet of the calling key.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, OwnWallet};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam};
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Checks;
use crate::api::framework::session::KeyOrSession;
use crate::api::user_manager::views::ManagedWallet;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::Msat;
use crate::domain::text::Name;
use crate::services::deletion;
use crate::services::wallets::{self, Holder, Wallet};

/// A wallet, as its own keys see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet, example = json!({
    "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "name": "api_user_wallet",
    "balance": 1_000_000,
    "user": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "currency": "sat"
}))]
pub struct WalletView {
    /// Its id.
    #[schema(value_type = String)]
    id: WalletId,
    /// Its name.
    name: String,
    /// What it holds, in msat.
    balance: Msat,
    /// Its user's id.
    #[schema(value_type = String)]
    user: UserId,
    /// The unit that requests speak: always `sat`.
    currency: &'static str,
}

impl From<Holder> for WalletView {
    fn from(Holder { grant, name, balance }: Holder) -> Self {
        Self { id: grant.wallet, name, balance, user: grant.user, currency: "sat" }
    }
}

impl From<Wallet> for WalletView {
    fn from(wallet: Wallet) -> Self {
        Self { id: wallet.id, name: wallet.name, balance: wallet.balance, user: wallet.user, currency: "sat" }
    }
}

/// A new name for the wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Tips"}))]
pub struct WalletChange {
    /// The new name.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    name: Option<String>,
    /// The unit that the wallet is shown in; only `sat`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([sS][aA][tT])?$")]
    currency: Option<String>,
}

/// A further wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OwnWalletOrder, example = json!({"name": "Savings"}))]
pub struct WalletOrder {
    /// Its name; need not be unique.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    name: Option<String>,
}

/// Wallet details
///
/// `balance` is in msat.
#[utoipa::path(
    tag = "Wallet",
    responses((status = 200, description = "The wallet", body = WalletView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/wallet")]
pub(super) async fn get_wallet(OwnWallet(wallet): OwnWallet) -> HttpResponse {
    HttpResponse::Ok().json(WalletView::from(wallet))
}

/// Rename the wallet
#[utoipa::path(
    tag = "Wallet",
    request_body = WalletChange,
    responses((status = 200, description = "The wallet", body = WalletView)),
    security(("AdminKey" = []))
)]
#[patch("/api/v1/wallet")]
pub(super) async fn update_wallet(key: AdminKey, app: State, body: Body) -> Result<HttpResponse, ApiError> {
    let change: WalletChange = body.json()?;
    let mut checks = Checks::default();
    let name = checks.require("name", change.name, Name::new);
    checks.unit("currency", change.currency.as_deref());
    let (Some(name), true) = (name, checks.is_fine()) else { return Err(checks.into_error()) };
    Ok(HttpResponse::Ok().json(WalletView::from(wallets::rename(&app.services, key, name).await?)))
}

/// Rename the wallet, by the path
#[utoipa::path(
    tag = "Wallet",
    params(("new_name" = String, Path, description = "The new name")),
    responses((status = 200, description = "The wallet", body = WalletView)),
    security(("AdminKey" = []))
)]
#[put("/api/v1/wallet/{new_name}")]
pub(super) async fn rename_wallet(
    key: AdminKey,
    app: State,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let name = Name::new(name.into_inner()).map_err(|error| ApiError::field("new_name", error))?;
    Ok(HttpResponse::Ok().json(WalletView::from(wallets::rename(&app.services, key, name).await?)))
}

/// Create another wallet
///
/// Of the same user, with keys of its own. What its manager has limited the calling wallet to holds of
/// the new one too, and a frozen wallet creates none. A user has up to 1000 wallets; one more is refused
/// (409, `too_many_wallets`).
#[utoipa::path(
    tag = "Wallet",
    params(IdempotencyParam),
    request_body = WalletOrder,
    responses((status = 200, description = "The new wallet", body = ManagedWallet)),
    security(("AdminKey" = []))
)]
#[post("/api/v1/wallet")]
pub(super) async fn create_own_wallet(
    key: AdminKey,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: WalletOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let mut checks = Checks::default();
    let name = checks.require("name", order.name, Name::new);
    let Some(name) = name else { return Err(checks.into_error()) };
    let show = |wallet| json(&ManagedWallet::new(wallet, true));
    let created = wallets::create(&app.services, key, claim, name, show).await?;
    Ok(created.respond_json_as(StatusCode::OK))
}

/// Delete the wallet
///
/// Its keys stop at once; payments stay in the history of the others. One that holds money is not
/// deleted (409, `wallet_holds_money`).
#[utoipa::path(
    tag = "Wallet",
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("AdminKey" = []))
)]
#[delete("/api/v1/wallet")]
pub(super) async fn delete_own_wallet(key: AdminKey, app: State) -> Result<HttpResponse, ApiError> {
    deletion::delete_own_wallet(&app.services, key).await?;
    Ok(HttpResponse::Ok().json(()))
}

/// Renew the wallet's keys
///
/// With the wallet's own admin key, or with the session of its user or of that one's manager. The old keys
/// stop at once.
#[utoipa::path(
    tag = "Wallet",
    params(("wallet_id" = String, Path, description = "The wallet's id")),
    responses((status = 200, description = "The wallet with its new keys", body = ManagedWallet)),
    security(("AdminKey" = []), ("Session" = []))
)]
#[put("/api/v1/wallet/reset/{wallet_id}")]
pub(super) async fn reset_wallet(
    caller: KeyOrSession<AdminKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path.parse().or(Err(ErrorCode::WalletNotFound))?;
    let wallet = wallets::renew_keys(&app.services, caller, id).await?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}
