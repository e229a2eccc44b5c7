//! The wallet of the calling key.

use actix_web::{HttpResponse, get, patch, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, OwnWallet};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::Msat;
use crate::domain::text::Name;
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
