//! Looking at what somebody has scanned or typed: links of this server from inside of it, all others over
//! HTTP.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::serve::PayRequest;
use crate::api::framework::app::{App, State};
use crate::api::framework::auth::WalletKey;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::host::RequestHost;
use crate::api::withdraw::serve::WithdrawRequest;
use crate::domain::lnurl::code::Code;
use crate::domain::lnurl::service::{Offer, PayOffer, WithdrawOffer};
use crate::domain::lnurl::service_url::{PlainHttp, ServiceUrl};
use crate::services::foreign_links;
use crate::services::pay_links::pay::resolve;
use crate::services::withdraw_links::open;

/// What somebody has scanned or typed.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"lnurl": "bob@pay.example"}))]
pub struct ScanOrder {
    /// An LNURL, in bech32 or with a scheme, or a Lightning address.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    lnurl: Option<String>,
}

/// What an LNURL or address is, as wallets show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = LnurlScan)]
pub enum Scan {
    /// It takes payments.
    Pay(Box<Scanned>),
    /// It pays.
    Withdraw(ScannedWithdraw),
}

/// What takes payments: what it says itself, and what is read out of that.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scanned {
    #[serde(flatten)]
    request: PayRequest,
    /// `pay`.
    #[schema(example = "pay")]
    kind: &'static str,
    /// The host.
    #[schema(example = "pay.example")]
    domain: String,
    /// Whether only one amount is taken.
    fixed: bool,
    /// What it is for.
    #[schema(example = "Payment to bob")]
    description: String,
    /// SHA-256 of `metadata`, in hex.
    description_hash: String,
    /// The Lightning address, where it has one.
    #[serde(rename = "targetUser", skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "bob@pay.example")]
    target_user: Option<String>,
    /// What is asked of payers (LUD-18); a payment that must say something about its payer is refused.
    #[serde(rename = "payerData", skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Object)]
    payer_data: Option<Box<RawValue>>,
    /// Whether zaps are taken there (NIP-57), where it says so.
    #[serde(rename = "allowsNostr", skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    allows_nostr: Option<bool>,
    /// The key that signs receipts of zaps.
    #[serde(rename = "nostrPubkey", skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    nostr_pubkey: Option<String>,
}

/// What pays: what it says itself, and what is read out of that.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScannedWithdraw {
    #[serde(flatten)]
    request: WithdrawRequest,
    /// `withdraw`.
    #[schema(example = "withdraw")]
    kind: &'static str,
    /// The host.
    #[schema(example = "pay.example")]
    domain: String,
    /// Whether only one amount is paid.
    fixed: bool,
}

/// The URL that a code leads to.
pub(super) fn url_of(field: &str, code: &str) -> Result<ServiceUrl, ApiError> {
    let code = Code::parse(code, PlainHttp::OnionAndLoopback).map_err(|error| ApiError::field(field, error))?;
    code.url(PlainHttp::OnionAndLoopback).map_err(|error| ApiError::field(field, error))
}

async fn scan(app: &App, key: WalletKey, url: &ServiceUrl, host: &RequestHost) -> Result<HttpResponse, ApiError> {
    let scanned = if app.services.policy.places.is_ours(url, host.0.as_ref()) {
        own(app, url, host).await?
    } else {
        foreign(url, foreign_links::look(&app.services, key.consumer(), url).await?)
    };
    Ok(HttpResponse::Ok().json(scanned))
}

async fn own(app: &App, url: &ServiceUrl, host: &RequestHost) -> Result<Scan, ApiError> {
    if let Some((secret, of_use)) = open::in_url(url) {
        let request = WithdrawRequest::of(app, host, &secret, of_use.as_deref()).await?;
        return Ok(Scan::Withdraw(ScannedWithdraw::new(request, url)));
    }
    let open = resolve(&app.services, url, host.0.as_ref()).await?;
    let request = PayRequest::of(app, &open).await?;
    app.services.served.count_meta(open.link.id);
    let description = open.address().map(|address| format!("Payment to {}", address.recipient.name));
    Ok(Scan::Pay(Box::new(Scanned {
        kind: "pay",
        domain: open.base.authority().to_string(),
        fixed: request.min_sendable == request.max_sendable,
        description: description.unwrap_or_else(|| open.link.terms.description.as_str().to_owned()),
        description_hash: open.metadata().hash().to_string(),
        target_user: open.address().map(|address| address.to_string()),
        request,
        payer_data: None,
        allows_nostr: None,
        nostr_pubkey: None,
    })))
}

fn foreign(url: &ServiceUrl, offer: Offer) -> Scan {
    match offer {
        Offer::Pay(offer) => Scan::Pay(Box::new(Scanned::of(*offer, url))),
        Offer::Withdraw(offer) => {
            let WithdrawOffer { callback, k1, min_msat, max_msat, description, pay_link } = offer;
            let request = WithdrawRequest::new(callback.to_string(), k1, (min_msat, max_msat), description);
            Scan::Withdraw(ScannedWithdraw::new(request.with_pay_link(pay_link), url))
        }
    }
}

impl Scanned {
    fn of(offer: PayOffer, url: &ServiceUrl) -> Self {
        let comment_allowed = u16::try_from(offer.comment_chars_max).unwrap_or(u16::MAX);
        Self {
            kind: "pay",
            domain: url.authority().to_owned(),
            fixed: offer.min_msat == offer.max_msat,
            description_hash: offer.metadata.hash().to_string(),
            request: PayRequest {
                tag: "payRequest",
                callback: offer.callback.to_string(),
                min_sendable: offer.min_msat,
                max_sendable: offer.max_msat,
                metadata: offer.metadata.as_str().to_owned(),
                comment_allowed: (comment_allowed > 0).then_some(comment_allowed),
            },
            description: offer.metadata.description,
            target_user: offer.metadata.identifier,
            payer_data: offer.payer_data,
            allows_nostr: offer.allows_nostr,
            nostr_pubkey: offer.nostr_pubkey,
        }
    }
}

impl ScannedWithdraw {
    fn new(request: WithdrawRequest, url: &ServiceUrl) -> Self {
        let (domain, fixed) = (url.authority().to_owned(), request.is_fixed());
        Self { request, kind: "withdraw", domain, fixed }
    }
}

/// Look at an LNURL or a Lightning address
///
/// One of this server, or of any other, which is asked over HTTP: what it takes (`payRequest`), or what it
/// pays (`withdrawRequest`).
#[utoipa::path(
    tag = "LNURL",
    params(("code" = String, Path, description = "The LNURL or the address", example = "bob@pay.example")),
    responses((status = 200, description = "What it takes or pays", body = Scan)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/lnurlscan/{code}")]
pub(in crate::api) async fn scan_lnurl(
    key: WalletKey,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    scan(&app, key, &url_of("code", &path)?, &host).await
}

/// Look at an LNURL or a Lightning address of the body
///
/// As by the path.
#[utoipa::path(
    tag = "LNURL",
    request_body = ScanOrder,
    responses((status = 200, description = "What it takes or pays", body = Scan)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/api/v1/lnurlscan")]
pub(in crate::api) async fn scan_lnurl_by_post(
    key: WalletKey,
    app: State,
    host: RequestHost,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: ScanOrder = body.json()?;
    let code = order.lnurl.ok_or_else(|| ApiError::field("lnurl", "is missing: an LNURL or a Lightning address"))?;
    scan(&app, key, &url_of("lnurl", &code)?, &host).await
}
