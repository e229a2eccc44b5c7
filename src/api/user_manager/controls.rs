//! Freezing wallets of a tenant, and limiting what their own keys may spend.

use actix_web::{HttpResponse, delete, put, web};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::views::ManagedWallet;
use super::wallet_id;
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Checks;
use crate::domain::controls::{Freeze, Limits};
use crate::domain::money::Amount;
use crate::domain::text::InvalidText;
use crate::services::managed_wallets;

/// How far to freeze a wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"scope": "spending"}))]
pub struct FreezeOrder {
    /// `spending`: no money leaves the wallet, except by an operator. `everything`: nor does
    /// any come in, and its keys do nothing.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, schema_with = scopes)]
    scope: Option<String>,
}

fn scopes() -> Object {
    let meaning = "`spending`: no money leaves the wallet, except by an operator. `everything`: nor does any come in, \
                   and its keys do nothing.";
    leniency::words(Freeze::ALL.map(Freeze::as_str)).description(Some(meaning)).build()
}

impl FreezeOrder {
    /// How far, where that is said.
    pub fn freeze(self) -> Result<Freeze, ApiError> {
        let mut checks = Checks::default();
        let parse = |text: String| Freeze::from_stored(&text).ok_or(InvalidText::Form("`spending` or `everything`"));
        checks.require("scope", self.scope, parse).ok_or_else(|| checks.into_error())
    }
}

/// The most that a wallet's own key may spend.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"payment_max_sat": 1000, "day_max_sat": 10_000}))]
pub struct LimitsOrder {
    /// With one payment, in sat; no limit where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1)]
    payment_max_sat: Option<i64>,
    /// On one day (UTC), in sat; no limit where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1)]
    day_max_sat: Option<i64>,
}

/// Freeze a wallet
///
/// From the moment of the answer, also for requests that were under way. A freeze of an
/// operator's stays beside it.
#[utoipa::path(
    tag = "User Manager",
    params(("wallet_id" = String, Path, description = "The wallet's id")),
    request_body = FreezeOrder,
    responses((status = 200, description = "The wallet", body = ManagedWallet)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/wallets/{wallet_id}/freeze")]
pub(in crate::api) async fn freeze_wallet(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = wallet_id(&path)?;
    let freeze = body.json::<FreezeOrder>()?.freeze()?;
    let wallet = managed_wallets::freeze(&app.services, key, id, freeze).await?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}

/// Thaw a wallet
///
/// What an operator has frozen, only an operator thaws (409).
#[utoipa::path(
    tag = "User Manager",
    params(("wallet_id" = String, Path, description = "The wallet's id")),
    responses((status = 200, description = "The wallet", body = ManagedWallet)),
    security(("AdminKey" = []))
)]
#[delete("/usermanager/api/v1/wallets/{wallet_id}/freeze")]
pub(in crate::api) async fn thaw_wallet(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = wallet_id(&path)?;
    let wallet = managed_wallets::thaw(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}

/// Limit what a wallet may spend
///
/// Sets both limits; one that is not named is lifted. They bind the wallet's own admin key,
/// in the ledger, and not transfers that its manager makes.
#[utoipa::path(
    tag = "User Manager",
    params(("wallet_id" = String, Path, description = "The wallet's id")),
    request_body = LimitsOrder,
    responses((status = 200, description = "The wallet", body = ManagedWallet)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/wallets/{wallet_id}/limits")]
pub(in crate::api) async fn limit_wallet(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = wallet_id(&path)?;
    let order: LimitsOrder = body.json()?;
    let mut checks = Checks::default();
    let mut limit = |field: &str, sat: Option<i64>| match sat {
        None => Some(None),
        Some(sat) => checks.check(field, Amount::from_sat(sat)).map(Some),
    };
    let payment_max = limit("payment_max_sat", order.payment_max_sat);
    let day_max = limit("day_max_sat", order.day_max_sat);
    let (Some(payment_max), Some(day_max)) = (payment_max, day_max) else { return Err(checks.into_error()) };
    let wallet = managed_wallets::limit(&app.services, key, id, Limits { payment_max, day_max }).await?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}
