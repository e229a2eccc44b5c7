//! The wallets of managers to operators, and those of users to their managers.

use actix_web::{HttpResponse, delete, get, post, web};

use super::orders::UserWalletOrder;
use super::views::{AnyWallets, TenantWallet};
use super::{read_user_id, user_id};
use crate::api::framework::app::State;
use crate::api::framework::body::Body;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::session::{ManagerLogin, OperatorOr, Reads, Users};
use crate::api::operators::wallets;
use crate::api::user_manager::views::ManagedWallet;
use crate::domain::ids::WalletId;
use crate::services::deletion::{self, Deleter};
use crate::services::managed_wallets;

/// List the wallets of a manager, or of a user
///
/// To an operator a manager's own, without keys; to a manager those of its user, with the keys that the
/// token may see.
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The user id of a manager, or of the manager's user")),
    responses((status = 200, description = "The wallets", body = inline(AnyWallets), example = json!([{
        "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
        "user": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
        "name": "Steve",
        "adminkey": "c0ffee00c0ffee00c0ffee00c0ffee00",
        "inkey": "decaf000decaf000decaf000decaf000",
        "balance_msat": 21_000,
        "balance_held": 0,
        "balance_total": 21_000,
        "currency": "sat",
        "deleted": false,
        "frozen": null,
        "payment_max_sat": null,
        "day_max_sat": null,
        "created_at": "2026-11-21T12:00:00Z"
    }]))),
    security(("Operator" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/users/api/v1/user/{user_id}/wallet")]
pub(in crate::api) async fn list_account_wallets(
    caller: OperatorOr<Reads>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let caller = match caller {
        OperatorOr::Operator(operator) => return wallets::list(operator, &app, id).await,
        OperatorOr::Manager(caller) => caller,
    };
    let found = managed_wallets::list_of_user(&app.services, caller, id).await?;
    let views: Vec<_> = found.into_iter().map(|wallet| TenantWallet::new(wallet, caller.seen_keys())).collect();
    Ok(HttpResponse::Ok().json(views))
}

/// Create a wallet for a manager, or for a user
///
/// Answers an operator with its keys (200), which no operator is shown again; a manager with the keys
/// that the token may see (201). Nobody has more than 1000 wallets, deleted ones apart; one more is
/// refused (409, `too_many_wallets`).
#[utoipa::path(
    tag = "Operators",
    params(
        ("user_id" = String, Path, description = "The user id of a manager, or of the manager's user"),
        Idempotency
    ),
    request_body = UserWalletOrder,
    responses(
        (status = 200, description = "The manager's wallet", body = ManagedWallet),
        (status = 201, description = "The user's wallet", body = TenantWallet)
    ),
    security(("Operator" = []), ("Session" = []), ("Token" = ["users"]))
)]
#[post("/users/api/v1/user/{user_id}/wallet")]
pub(in crate::api) async fn create_account_wallet(
    caller: OperatorOr<Users>,
    app: State,
    path: web::Path<String>,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let caller = match caller {
        OperatorOr::Operator(operator) => return wallets::create(operator, &app, id, &idempotency, &body).await,
        OperatorOr::Manager(caller) => caller,
    };
    let order: UserWalletOrder = body.json()?;
    let claim = idempotency.claim(&app, &caller, &body)?;
    let name = order.read()?;
    let show = move |wallet| json(&TenantWallet::new(wallet, caller.seen_keys()));
    Ok(managed_wallets::create(&app.services, caller, claim, id, name, show).await?.respond_json())
}

/// Delete a wallet of a user
///
/// Its keys stop at once. While it holds money, or is frozen, this is refused.
#[utoipa::path(
    tag = "User Manager",
    params(
        ("user_id" = String, Path, description = "The user's id"),
        ("wallet_id" = String, Path, description = "The wallet's id")
    ),
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("Session" = []), ("Token" = ["users"]))
)]
#[delete("/users/api/v1/user/{user_id}/wallet/{wallet_id}")]
pub(in crate::api) async fn delete_user_wallet(
    caller: ManagerLogin<Users>,
    app: State,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (user, wallet) = path.into_inner();
    let user = read_user_id(&user)?;
    let wallet: WalletId = wallet.parse().or(Err(ErrorCode::WalletNotFound))?;
    deletion::delete_wallet(&app.services, Deleter::Login(caller), Some(user), wallet).await?;
    Ok(HttpResponse::Ok().json(()))
}
