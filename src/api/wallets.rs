//! All wallets of a manager's tenant.

use actix_web::{HttpResponse, get};

use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::{Items, json_array};
use crate::api::framework::params::Params;
use crate::api::framework::query::window;
use crate::api::framework::session::TenantReader;
use crate::api::user_manager::WalletListParams;
use crate::api::users::views::TenantWallet;
use crate::domain::ids::WalletId;
use crate::services::{Cursor, WalletWithKeys, tenants};

/// List the tenant's wallets
///
/// To a manager all wallets of its users, and its own, oldest first, unless `limit` says otherwise, with
/// the keys that the caller may see; with `search`, those that it finds. To the admin key of anybody
/// else, its own wallet.
#[utoipa::path(
    tag = "Wallet",
    params(WalletListParams),
    responses((status = 200, description = "The wallets", body = Vec<TenantWallet>)),
    security(("AdminKey" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/api/v1/wallets")]
pub(crate) async fn list_all_wallets(
    caller: TenantReader,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let WalletListParams { limit, offset, search } = params.read()?;
    let window = window(limit, offset);
    json_array(move |after: Option<Cursor<WalletId>>| {
        let (app, search) = (app.clone(), search.clone());
        async move {
            let view = move |found: WalletWithKeys| {
                let seen = caller.seen_keys_of(&found.wallet);
                TenantWallet::new(found, seen)
            };
            let show = move |wallets: Vec<_>| Items::of(wallets.into_iter().map(view));
            Ok(tenants::wallets(&app.services, caller, search, window, after, show).await?)
        }
    })
    .await
}
