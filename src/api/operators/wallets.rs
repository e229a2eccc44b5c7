//! The wallets of managers, as operators handle them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account_id;
use super::views::AccountWallet;
use crate::api::framework::app::State;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam};
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Checks;
use crate::api::framework::session::Operator;
use crate::api::user_manager::views::ManagedWallet;
use crate::domain::text::Name;
use crate::services::operators::wallets;

/// A wallet to create for a manager.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Prizes"}))]
pub struct AccountWalletOrder {
    /// The wallet's name; the manager's where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    /// The unit that the wallet is shown in; only `sat`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([sS][aA][tT])?$")]
    currency: Option<String>,
}

/// List a manager's own wallets
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The manager's user id")),
    responses((status = 200, description = "The wallets, without keys", body = Vec<AccountWallet>)),
    security(("Operator" = []))
)]
#[get("/users/api/v1/user/{user_id}/wallet")]
pub(in crate::api) async fn list_account_wallets(
    operator: Operator,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = account_id(&path)?;
    let found = wallets::list(&app.services, operator, id).await?;
    let views: Vec<_> = found.into_iter().map(AccountWallet::from).collect();
    Ok(HttpResponse::Ok().json(views))
}

/// Create a wallet for a manager
///
/// Answers it with its keys, which no operator is shown again. A manager has up to 1000 wallets
/// itself, deleted ones apart; one more is refused (409, `too_many_wallets`).
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The manager's user id"), IdempotencyParam),
    request_body = AccountWalletOrder,
    responses((status = 200, description = "The wallet", body = ManagedWallet)),
    security(("Operator" = []))
)]
#[post("/users/api/v1/user/{user_id}/wallet")]
pub(in crate::api) async fn create_account_wallet(
    operator: Operator,
    app: State,
    path: web::Path<String>,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let user = account_id(&path)?;
    let order: AccountWalletOrder = body.json()?;
    let claim = idempotency.claim(&app, &operator, &body)?;
    let mut checks = Checks::default();
    let name = checks.check_opt("name", order.name, Name::new);
    checks.unit("currency", order.currency.as_deref());
    let (Some(name), true) = (name, checks.is_fine()) else { return Err(checks.into_error()) };
    let show = |created| json(&ManagedWallet::new(created, true));
    let created = wallets::create(&app.services, operator, claim, user, name, show).await?;
    Ok(created.respond_json_as(StatusCode::OK))
}

/// How many keys were renewed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RotatedView {
    /// How many wallets have new keys.
    #[schema(example = 1)]
    wallets: usize,
}

/// Rotate the keys of a manager's own wallets
///
/// The old ones stop at once. The new ones are not shown: the manager logs in to see them.
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The manager's user id")),
    responses((status = 200, description = "The keys are new", body = RotatedView)),
    security(("Operator" = []))
)]
#[put("/users/api/v1/user/{user_id}/keys")]
pub(in crate::api) async fn rotate_account_keys(
    operator: Operator,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = account_id(&path)?;
    let rotated = wallets::rotate_keys(&app.services, operator, id).await?;
    Ok(HttpResponse::Ok().json(RotatedView { wallets: rotated.len() }))
}
