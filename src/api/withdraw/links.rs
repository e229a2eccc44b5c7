//! A wallet's withdraw links.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::order::{WholeWithdrawLink, WithdrawOrder};
use super::views::{Detail, Viewer, WithdrawLinkPage, WithdrawLinkView};
use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{AdminKey, WalletKey};
use crate::api::framework::body::Body;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Params;
use crate::api::framework::query::{Limit, Offset, query, window};
use crate::services::withdraw_links::{WithdrawLink, manage};

/// For whom links are shown that has sent a request to a host.
fn viewer(app: &App, key: WalletKey, RequestHost(requested): &RequestHost) -> Viewer {
    Viewer {
        base: app.services.policy.places.base(None, requested.as_ref()),
        reveals_those_of: key.sees_admin_keys().then(|| key.wallet()),
    }
}

/// For whom a link is shown that is to be handed out: what its URL is must be known.
fn owner(app: &App, key: AdminKey, host: &RequestHost) -> Result<Viewer, ApiError> {
    let viewer = viewer(app, *key, host);
    if viewer.base.is_some() { Ok(viewer) } else { Err(ErrorCode::NoPublicUrl.into()) }
}

/// What has become of a link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WithdrawLinkDeleted, example = json!({"success": true, "message": "Withdraw link deleted."}))]
pub struct Deleted {
    /// True.
    success: bool,
    /// That it is deleted.
    message: &'static str,
}

query! {
    /// Which links are listed.
    pub(crate) struct WithdrawListParams {
        /// True for the links of all wallets of the key's user.
        all_wallets: Option<bool>,
        /// Links at most; over 1000 is 1000, as where nothing is said.
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Limit,
        /// Links to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Offset,
    }
}

/// List withdraw links
///
/// Those of the key's wallet, newest first, with their number. What pays (`unique_hash`, `lnurl`) is
/// shown to the admin key, of the links of its own wallet.
#[utoipa::path(
    tag = "Withdraw Links",
    params(WithdrawListParams),
    responses((status = 200, description = "A page of links", body = WithdrawLinkPage)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/withdraw/api/v1/links")]
pub(in crate::api) async fn list_withdraw_links(
    key: WalletKey,
    app: State,
    host: RequestHost,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let WithdrawListParams { all_wallets, limit, offset } = params.read()?;
    let viewer = viewer(&app, key, &host);
    let show = move |page: Vec<WithdrawLink>, total| {
        let data = page.into_iter().map(|link| WithdrawLinkView::new(link, &viewer, Detail::Listed)).collect();
        json(&WithdrawLinkPage { data, total })
    };
    let all_wallets = all_wallets.unwrap_or_default();
    let json = manage::list(&app.services, key, all_wallets, window(limit, offset), show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Create a withdraw link
///
/// Whoever has it is paid from the key's wallet: as often as `uses` says, and within the wallet's limits.
/// With `is_unique` each use has a link of its own (`lnurls`), for vouchers. A withdrawal is told of to
/// `webhook_url`, signed as every webhook. A wallet has at most 10,000 links that are not spent.
#[utoipa::path(
    tag = "Withdraw Links",
    params(Idempotency),
    request_body = inline(WholeWithdrawLink),
    responses((status = 201, description = "The link", body = WithdrawLinkView)),
    security(("AdminKey" = []))
)]
#[post("/withdraw/api/v1/links")]
pub(in crate::api) async fn create_withdraw_link(
    key: AdminKey,
    app: State,
    host: RequestHost,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: WithdrawOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let order = order.read(&app.services.policy)?;
    let viewer = owner(&app, key, &host)?;
    let show = move |link| json(&WithdrawLinkView::new(link, &viewer, Detail::Whole));
    Ok(manage::create(&app.services, key, claim, order, show).await?.respond_json())
}

/// Withdraw link details
///
/// A link of any wallet of the key's user.
#[utoipa::path(
    tag = "Withdraw Links",
    params(("link" = String, Path, description = "The link's id", example = "wGFRcCXh2Yxbn7eFZrtzYe")),
    responses((status = 200, description = "The link", body = WithdrawLinkView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/withdraw/api/v1/links/{link}")]
pub(in crate::api) async fn get_withdraw_link(
    key: WalletKey,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = manage::find(&app.services, key, path.into_inner()).await?;
    Ok(HttpResponse::Ok().json(WithdrawLinkView::new(found, &viewer(&app, key, &host), Detail::Whole)))
}

/// Change a withdraw link
///
/// Of the key's wallet. `enabled`, `custom_url` and what is about the webhook stay as they are where
/// nothing is said. More `uses` have new links of their own, where each has one; with fewer, the last
/// ones pay nobody any more.
#[utoipa::path(
    tag = "Withdraw Links",
    params(("link" = String, Path, description = "The link's id", example = "wGFRcCXh2Yxbn7eFZrtzYe")),
    request_body = inline(WholeWithdrawLink),
    responses((status = 200, description = "The link", body = WithdrawLinkView)),
    security(("AdminKey" = []))
)]
#[put("/withdraw/api/v1/links/{link}")]
pub(in crate::api) async fn update_withdraw_link(
    key: AdminKey,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order = body.json::<WithdrawOrder>()?.read(&app.services.policy)?;
    let changed = manage::update(&app.services, key, path.into_inner(), order).await?;
    Ok(HttpResponse::Ok().json(WithdrawLinkView::new(changed, &viewer(&app, *key, &host), Detail::Whole)))
}

/// Delete a withdraw link
///
/// Of the key's wallet. It pays nobody any more.
#[utoipa::path(
    tag = "Withdraw Links",
    params(("link" = String, Path, description = "The link's id", example = "wGFRcCXh2Yxbn7eFZrtzYe")),
    responses((status = 200, description = "Deleted", body = Deleted)),
    security(("AdminKey" = []))
)]
#[delete("/withdraw/api/v1/links/{link}")]
pub(in crate::api) async fn delete_withdraw_link(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    manage::delete(&app.services, key, path.into_inner()).await?;
    Ok(HttpResponse::Ok().json(Deleted { success: true, message: "Withdraw link deleted." }))
}
