//! The wallets of managers, as operators handle them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::AccountWallet;
use super::{account_id, account_not_found};
use crate::api::framework::app::State;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam, create_once};
use crate::api::framework::params::Checks;
use crate::api::framework::session::Operator;
use crate::api::user_manager::views::ManagedWallet;
use crate::clock;
use crate::domain::api_keys::KeyPair;
use crate::domain::consumer::Consumer;
use crate::domain::ids::WalletId;
use crate::domain::text::Name;
use crate::services::{self, Missing, WalletWithKeys, managers};
use crate::store::wallets::{self, NewWallet, StoredKeys};
use crate::store::{Db, users};

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
    _operator: Operator,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = account_id(&path)?;
    let found = app.store.read_list(Consumer::NOBODY, move |connection| {
        users::find(connection, None, id)?;
        wallets::of_users(connection, &[id])
    });
    let views: Vec<_> = found.await.map_err(account_not_found)?.into_iter().map(AccountWallet::from).collect();
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
    let (id, keys) = (WalletId::random(), KeyPair::generate());
    let stored = StoredKeys::new(&app.sealer, id, &keys);
    let create = move |connection: &mut Db| {
        users::lock(connection, None, user)?;
        let name = match name {
            Some(name) => name,
            None => Name::from_stored(users::find(connection, None, user)?.name),
        };
        wallets::create(connection, user, &NewWallet { id, name, keys: stored, created_at: clock::now() })?;
        let wallet = wallets::find(connection, id)?;
        Ok(ManagedWallet::new(WalletWithKeys { wallet, keys }, true))
    };
    let created =
        create_once(&app, operator, StatusCode::OK, claim, create, services::Error::of(Missing::User)).await?;
    tracing::info!(operator = %operator.user(), manager = %user, "an operator created a wallet");
    Ok(created)
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
    let shared = app.clone();
    let rotated = app.write_as(operator, move |connection| {
        users::lock(connection, None, id)?;
        let own = wallets::of_users(connection, &[id])?;
        managers::rotate_wallets(connection, &shared.sealer, own)
    });
    let wallets = rotated.await.map_err(account_not_found)?.len();
    tracing::info!(operator = %operator.user(), manager = %id, "an operator rotated a manager's keys");
    Ok(HttpResponse::Ok().json(RotatedView { wallets }))
}
