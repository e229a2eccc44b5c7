//! The wallets of a tenant, and their keys.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::deletion::{Deleter, delete_wallet_by};
use super::views::ManagedWallet;
use super::{check_admin_id, user_id, wallet_id};
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Caller, Manager, WalletKey};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam, create_once};
use crate::api::framework::json_stream::{Items, json_array};
use crate::api::framework::params::{Checks, Params, WindowParams};
use crate::clock;
use crate::domain::api_keys::KeyPair;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::text::{InvalidText, Name};
use crate::services::managers;
use crate::store::users::{self, Cursor};
use crate::store::wallets::{self, NewWallet, StoredKeys};
use crate::store::{Db, StoreError};

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
    params(IdempotencyParam),
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
    let (id, keys) = (WalletId::random(), KeyPair::generate());
    let stored = StoredKeys::new(&app.sealer, id, &keys);
    let new = NewWallet { id, name, keys: stored, created_at: clock::now() };
    let create = move |connection: &mut Db| {
        users::lock(connection, key.user(), user)?;
        wallets::create(connection, user, &new)?;
        let wallet = wallets::find_in_tenant(connection, key.user(), id)?;
        Ok(ManagedWallet::new(wallet, &keys, key.sees_admin_keys()))
    };
    create_once(&app, key, StatusCode::CREATED, claim, create, |error| {
        ApiError::from_store(error, ErrorCode::UserNotFound)
    })
    .await
}

/// List wallets
///
/// All wallets of all of the manager's users, oldest first, unless `limit` says otherwise.
#[utoipa::path(
    tag = "User Manager",
    params(WindowParams),
    responses((status = 200, description = "The wallets", body = Vec<ManagedWallet>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/wallets")]
pub(in crate::api) async fn list_wallets(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let window = params.window()?;
    let Some(tenant) = key.managed_tenant() else { return Ok(HttpResponse::Ok().json([(); 0])) };
    json_array(move |cursor: Option<Cursor<WalletId>>| {
        let app = app.clone();
        let window = if cursor.is_some() { window.after_first_page() } else { window };
        async move {
            let shared = app.clone();
            let page = app.store.read_list(key.consumer(), move |connection| {
                key.recheck(connection)?;
                let page = wallets::list(connection, tenant, cursor.as_ref(), window.offset, window.rows())?;
                let is_last = window.ends_with(page.len());
                let cursor = page.last().map(|wallet| Cursor { created_at: wallet.created_at, id: wallet.id });
                let views = ManagedWallet::list(connection, &shared.sealer, key.sees_admin_keys(), page)?;
                Ok((Items::of(views)?, cursor.filter(|_| !is_last)))
            });
            Ok(page.await?)
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
    let tenant = key.managed_tenant().ok_or(ErrorCode::UserNotFound)?;
    let shared = app.clone();
    let views = app.store.read_list(key.consumer(), move |connection| {
        users::find(connection, tenant, id)?;
        let found = wallets::of_users(connection, &[id])?;
        ManagedWallet::list(connection, &shared.sealer, key.sees_admin_keys(), found)
    });
    let views = views.await.map_err(|error| ApiError::from_store(error, ErrorCode::UserNotFound))?;
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
    let keys = KeyPair::generate();
    let stored = StoredKeys::new(&app.sealer, id, &keys);
    let wallet = app.write_as(key, move |connection| {
        let wallet = wallets::find_in_tenant(connection, key.user(), id)?;
        wallets::replace_keys(connection, id, &stored)?;
        Ok(wallet)
    });
    let wallet = wallet.await.map_err(wallet_not_found)?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, &keys, true)))
}

/// Wallets whose keys are renewed in one transaction.
const ROTATE_ROWS: i64 = 100;

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
    json_array(move |next: Option<(Cursor<WalletId>, Manager<AdminKey>)>| {
        let app = app.clone();
        let (after, caller) = next.map_or((None, key), |(after, renewed)| (Some(after), renewed));
        async move {
            let shared = app.clone();
            let page = app.write_as(caller, move |connection| {
                let mut page = wallets::list(connection, key.user(), after.as_ref(), 0, ROTATE_ROWS)?;
                let is_last = i64::try_from(page.len()).is_ok_and(|len| len < ROTATE_ROWS);
                let last = page.last().map(|wallet| Cursor { created_at: wallet.created_at, id: wallet.id });
                if after.is_none() {
                    page.push(wallets::find(connection, key.wallet())?);
                }
                let mut rotated = managers::rotate_wallets(connection, &shared.sealer, page)?;
                rotated.sort_by_key(|renewed| renewed.wallet.id != key.wallet());
                // From the second page on, the caller's own keys are those that it has got here.
                let own = rotated.iter().find(|renewed| renewed.wallet.id == key.wallet());
                let caller = own.map_or(caller, |own| caller.with(|key| key.renewed(own.keys_version)));
                let views = rotated.into_iter().map(|renewed| ManagedWallet::new(renewed.wallet, &renewed.keys, true));
                Ok((Items::of(views)?, last.filter(|_| !is_last).map(|last| (last, caller))))
            });
            Ok(page.await?)
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
        ("sweep" = Option<bool>, Query, description = "Whether money is moved to the calling wallet; true where nothing is said")
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
    let sweep = params.flag("sweep")?.unwrap_or(true);
    let tenant = key.user();
    let found = app.store.read(move |connection| wallets::find_in_tenant(connection, tenant, id)).await;
    let wallet = found.map_err(wallet_not_found)?;
    delete_wallet_by(&app, Deleter::Manager { key, sweep }, wallet.user, id).await
}

pub(super) fn wallet_not_found(error: StoreError) -> ApiError {
    ApiError::from_store(error, ErrorCode::WalletNotFound)
}
