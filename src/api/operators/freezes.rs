//! Freezing any wallet, beside and above what its manager does.

use actix_web::{HttpResponse, delete, put, web};

use super::views::AccountWallet;
use crate::api::framework::app::State;
use crate::api::framework::body::Body;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::session::Operator;
use crate::api::user_manager::controls::FreezeOrder;
use crate::domain::controls::Freeze;
use crate::domain::ids::WalletId;
use crate::services::operators::freezes;

/// Freeze any wallet
///
/// From the moment of the answer, also for requests that were under way. Its manager cannot
/// thaw it.
#[utoipa::path(
    tag = "Operators",
    params(("wallet_id" = String, Path, description = "The wallet's id, of any manager or user")),
    request_body = FreezeOrder,
    responses((status = 200, description = "The wallet", body = AccountWallet)),
    security(("Operator" = []))
)]
#[put("/users/api/v1/wallet/{wallet_id}/freeze")]
pub(in crate::api) async fn operator_freeze(
    operator: Operator,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let freeze = body.json::<FreezeOrder>()?.freeze()?;
    set(operator, &app, &path, Some(freeze)).await
}

/// Thaw any wallet
///
/// Takes the operators' freeze away; one of its manager's stays.
#[utoipa::path(
    tag = "Operators",
    params(("wallet_id" = String, Path, description = "The wallet's id, of any manager or user")),
    responses((status = 200, description = "The wallet", body = AccountWallet)),
    security(("Operator" = []))
)]
#[delete("/users/api/v1/wallet/{wallet_id}/freeze")]
pub(in crate::api) async fn operator_thaw(
    operator: Operator,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    set(operator, &app, &path, None).await
}

async fn set(
    operator: Operator,
    app: &State,
    path: &web::Path<String>,
    freeze: Option<Freeze>,
) -> Result<HttpResponse, ApiError> {
    let id: WalletId = path.parse().or(Err(ErrorCode::WalletNotFound))?;
    let wallet = freezes::set(&app.services, operator, id, freeze).await?;
    Ok(HttpResponse::Ok().json(AccountWallet::from(wallet)))
}
