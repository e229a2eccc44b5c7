//! The wallets of managers, as operators handle them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, put, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::account_id;
use super::views::AccountWallet;
use crate::api::framework::app::State;
use crate::api::framework::body::Body;
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::session::Operator;
use crate::api::user_manager::views::ManagedWallet;
use crate::api::users::orders::UserWalletOrder;
use crate::domain::ids::UserId;
use crate::services::operators::wallets;

/// Lists a manager's own wallets.
pub(in crate::api) async fn list(operator: Operator, app: &State, id: UserId) -> Result<HttpResponse, ApiError> {
    let found = wallets::list(&app.services, operator, id).await?;
    let views: Vec<_> = found.into_iter().map(AccountWallet::from).collect();
    Ok(HttpResponse::Ok().json(views))
}

/// Creates a wallet for a manager.
pub(in crate::api) async fn create(
    operator: Operator,
    app: &State,
    user: UserId,
    idempotency: &Idempotency,
    body: &Body,
) -> Result<HttpResponse, ApiError> {
    let order: UserWalletOrder = body.json()?;
    let claim = idempotency.claim(app, &operator, body)?;
    let name = order.read()?;
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
