//! A wallet's pay links.

use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::order::{PayLinkOrder, WholePayLink};
use super::views::{PayLinkView, PublicView, Viewer};
use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{AdminKey, WalletKey};
use crate::api::framework::body::Body;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::{Items, json, json_array};
use crate::api::framework::params::Params;
use crate::api::framework::query::{WindowParams, query};
use crate::domain::lnurl::link::{LinkId, LinkKey, LinkRef};
use crate::domain::window::Window;
use crate::services::pay_links::manage::{self, Scope};
use crate::services::pay_links::{PayLink, serve};

/// The link that a path names.
fn link_id(path: &web::Path<String>) -> Result<LinkId, ApiError> {
    LinkId::new(path).or(Err(ErrorCode::PayLinkNotFound.into()))
}

fn viewer(app: &App, key: WalletKey, RequestHost(requested): RequestHost) -> Viewer {
    let shows_headers_of = key.sees_admin_keys().then(|| key.wallet());
    Viewer { places: app.services.policy.places.clone(), requested, shows_headers_of }
}

/// What has become of a link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Deleted Pay link"}))]
pub struct Deleted {
    /// True.
    success: bool,
    /// That it is deleted.
    message: &'static str,
}

query! {
    /// Whose links are listed.
    pub(crate) struct ScopeParams {
        /// True for the links of all wallets of the key's user.
        all_wallets: Option<bool>,
    }
}

/// List pay links
///
/// Those of the key's wallet, oldest first, all of them unless `limit` says otherwise.
#[utoipa::path(
    tag = "LNURL",
    params(ScopeParams, WindowParams),
    responses((status = 200, description = "The links", body = Vec<PayLinkView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/lnurlp/api/v1/links")]
pub(in crate::api) async fn list_pay_links(
    key: WalletKey,
    app: State,
    host: RequestHost,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let window = Window::from(params.read::<WindowParams>()?);
    let ScopeParams { all_wallets } = params.read()?;
    let scope = if all_wallets.unwrap_or_default() { Scope::User } else { Scope::Wallet };
    let viewer = viewer(&app, key, host);
    json_array(move |offset: Option<i64>| {
        let (app, viewer) = (app.clone(), viewer.clone());
        let window = Window { offset: offset.unwrap_or(window.offset), ..window };
        async move {
            let show =
                move |page: Vec<PayLink>| Items::of_each(page.into_iter().map(|link| PayLinkView::new(link, &viewer)));
            Ok(manage::list(&app.services, key, scope, window, show).await?)
        }
    })
    .await
}

/// Create a pay link
///
/// Anybody may pay it: by its QR code (`lnurl`), or by its Lightning address, where it has a
/// `username`. At most 1000 for each wallet. A payment is told of to `webhook_url`, signed as every
/// webhook.
#[utoipa::path(
    tag = "LNURL",
    params(Idempotency),
    request_body = inline(WholePayLink),
    responses((status = 201, description = "The link", body = PayLinkView)),
    security(("AdminKey" = []))
)]
#[post("/lnurlp/api/v1/links")]
pub(in crate::api) async fn create_pay_link(
    key: AdminKey,
    app: State,
    host: RequestHost,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: PayLinkOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let terms = order.read(&app.services.policy)?;
    let viewer = viewer(&app, *key, host);
    let requested = viewer.requested.clone();
    let show = move |link| json(&PayLinkView::new(link, &viewer)?);
    let created = manage::create(&app.services, key, claim, terms, requested.as_ref(), show).await?;
    Ok(created.respond_json())
}

/// Pay link details
///
/// A link of any wallet of the key's user.
#[utoipa::path(
    tag = "LNURL",
    params(("link" = String, Path, description = "The link's id", example = "Xk3mPq7RtW")),
    responses((status = 200, description = "The link", body = PayLinkView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/lnurlp/api/v1/links/{link}")]
pub(in crate::api) async fn get_pay_link(
    key: WalletKey,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = manage::find(&app.services, key, link_id(&path)?).await?;
    Ok(HttpResponse::Ok().json(PayLinkView::new(found, &viewer(&app, key, host))?))
}

/// Replace a pay link
///
/// Of the key's wallet. What is not named is as for a new link.
#[utoipa::path(
    tag = "LNURL",
    params(("link" = String, Path, description = "The link's id", example = "Xk3mPq7RtW")),
    request_body = inline(WholePayLink),
    responses((status = 200, description = "The link", body = PayLinkView)),
    security(("AdminKey" = []))
)]
#[put("/lnurlp/api/v1/links/{link}")]
pub(in crate::api) async fn update_pay_link(
    key: AdminKey,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = link_id(&path)?;
    let terms = body.json::<PayLinkOrder>()?.read(&app.services.policy)?;
    let viewer = viewer(&app, *key, host);
    let changed = manage::replace(&app.services, key, id, terms, viewer.requested.as_ref()).await?;
    Ok(HttpResponse::Ok().json(PayLinkView::new(changed, &viewer)?))
}

/// Delete a pay link
///
/// Of the key's wallet. Invoices that it has given can still be paid.
#[utoipa::path(
    tag = "LNURL",
    params(("link" = String, Path, description = "The link's id", example = "Xk3mPq7RtW")),
    responses((status = 200, description = "Deleted", body = Deleted)),
    security(("AdminKey" = []))
)]
#[delete("/lnurlp/api/v1/links/{link}")]
pub(in crate::api) async fn delete_pay_link(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    manage::delete(&app.services, key, link_id(&path)?).await?;
    Ok(HttpResponse::Ok().json(Deleted { success: true, message: "Deleted Pay link" }))
}

/// What anybody sees of a pay link
#[utoipa::path(
    tag = "LNURL",
    params(("link" = String, Path, description = "The link's id", example = "Xk3mPq7RtW")),
    responses((status = 200, description = "The link", body = PublicView))
)]
#[get("/lnurlp/api/v1/links/public/{link}")]
pub(in crate::api) async fn get_public_pay_link(
    client: ClientAddress,
    app: State,
    RequestHost(requested): RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let asked = LinkRef { key: LinkKey::Id(link_id(&path)?), tag: None, webhook_data: None };
    let _turn = app.anonymous_turn(client).await?;
    let open = serve::find(&app.services, asked, requested.as_ref()).await?;
    Ok(HttpResponse::Ok().json(PublicView::new(&open.link, &open.base)?))
}
