//! Links by which wallet apps open a wallet.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::system::qr;
use crate::domain::api_keys::{ApiKey, KeyKind};
use crate::domain::ids::WalletId;
use crate::domain::lndhub;
use crate::services::{WalletWithKeys, managed_wallets, wallets};

/// A link, and its picture.
#[derive(Serialize, ToSchema)]
#[schema(as = LndHubLink)]
pub struct LinkView {
    /// The link. Whoever has it has the key in it.
    link: String,
    /// Its QR code, as SVG.
    qr: String,
}

/// The links of a wallet.
#[derive(Serialize, ToSchema)]
#[schema(as = LndHubLinks, example = json!({
    "wallet_id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "url": "https://pay.example/lndhub/ext/",
    "admin": {
        "link": "lndhub://admin:c0ffee00c0ffee00c0ffee00c0ffee00@https://pay.example/lndhub/ext/",
        "qr": "<svg …>"
    },
    "invoice": {
        "link": "lndhub://invoice:decaf000decaf000decaf000decaf000@https://pay.example/lndhub/ext/",
        "qr": "<svg …>"
    }
}))]
pub struct LinksView {
    /// The wallet.
    #[schema(value_type = String)]
    wallet_id: WalletId,
    /// Where LNDHub is spoken.
    url: String,
    /// For an app that pays and receives.
    admin: LinkView,
    /// For an app that only receives.
    invoice: LinkView,
}

/// Links for wallet apps
///
/// With them, Zeus, BlueWallet and others open the wallet over LNDHub: scan the picture, or follow the
/// link.
#[utoipa::path(
    tag = "LNDHub",
    responses((status = 200, description = "The links of the wallet", body = LinksView)),
    security(("AdminKey" = []))
)]
#[get("/lndhub/api/v1/links")]
pub(crate) async fn own_links(
    key: AdminKey,
    app: State,
    client: ClientAddress,
    host: RequestHost,
) -> Result<HttpResponse, ApiError> {
    let wallet = wallets::with_keys(&app.services, key).await?;
    show(&app, client, &host, wallet).await
}

/// Links for the wallet apps of a user
///
/// As those of the calling wallet, for one that a user of the manager has.
#[utoipa::path(
    tag = "LNDHub",
    params(("wallet_id" = String, Path, description = "The wallet's id")),
    responses((status = 200, description = "The links of the wallet", body = LinksView)),
    security(("AdminKey" = []))
)]
#[get("/lndhub/api/v1/links/{wallet_id}")]
pub(crate) async fn managed_links(
    key: Manager<AdminKey>,
    app: State,
    client: ClientAddress,
    host: RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path.parse().or(Err(ErrorCode::WalletNotFound))?;
    let wallet = managed_wallets::find(&app.services, key, id).await?;
    show(&app, client, &host, wallet).await
}

async fn show(
    app: &State,
    client: ClientAddress,
    host: &RequestHost,
    WalletWithKeys { wallet, keys }: WalletWithKeys,
) -> Result<HttpResponse, ApiError> {
    // A host that is too long for a URL is none that wallets reach the server by.
    let url = host.base(app)?.url("/lndhub/ext/").or(Err(ErrorCode::NoPublicUrl))?.to_string();
    let draw = move || {
        let draw = |kind: KeyKind, key: &ApiKey| {
            let link = lndhub::link(kind, key, &url);
            qr::svg(&link).map(|qr| LinkView { link, qr })
        };
        let (admin, invoice) = (draw(KeyKind::Admin, &keys.admin)?, draw(KeyKind::Invoice, &keys.invoice)?);
        Some(LinksView { wallet_id: wallet.id, url, admin, invoice })
    };
    let links = app.draw(client, draw).await?;
    // The host alone may be long.
    let links = links.ok_or(ErrorCode::NoPublicUrl)?;
    Ok(HttpResponse::Ok().json(links))
}
