//! Paying links and Lightning addresses of this server from inside of it.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::serve::PayRequest;
use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{AdminKey, WalletKey};
use crate::api::framework::body::{Body, lenient, raw};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::idempotency::Idempotency;
use crate::api::payments::view::PaymentView;
use crate::domain::json::Members;
use crate::domain::lnurl::code::Code;
use crate::domain::lnurl::metadata::Metadata;
use crate::domain::lnurl::service_url::{PlainHttp, ServiceUrl};
use crate::domain::money;
use crate::services::pay_links::pay::{pay, resolve};
use crate::services::pay_links::serve::{LinkPayment, OpenLink};
use crate::services::payments::{self, Payment};

/// What somebody has scanned or typed.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"lnurl": "bob@pay.example"}))]
pub struct ScanOrder {
    /// An LNURL, in bech32 or with a scheme, or a Lightning address.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    lnurl: Option<String>,
}

/// What a link or address is, as wallets show it: what it says itself, and what is read out of that.
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
}

/// A payment to a link or an address.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"lnurl": "bob@pay.example", "amount": 100_000, "comment": "Well played"}))]
pub struct LnurlPayOrder {
    /// The LNURL or the Lightning address, where neither `res` nor `callback` names the link.
    #[serde(default, deserialize_with = "lenient")]
    lnurl: Option<String>,
    /// What scanning it has answered.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    res: Option<String>,
    /// Its callback.
    #[serde(default, deserialize_with = "lenient")]
    callback: Option<String>,
    /// How much, in msat; whole sat only.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, minimum = 1000, maximum = 2_100_000_000_000_000_000_i64)]
    amount: Option<i64>,
    /// What the payer says.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 799)]
    comment: Option<String>,
    /// What the payer was told that the payment is for; not looked at.
    #[serde(default, deserialize_with = "lenient")]
    #[expect(dead_code, reason = "clients send it, and the invoice has the hash of it")]
    description: Option<String>,
    /// SHA-256 of the metadata that the payer was shown, in hex: what has changed is not paid.
    #[serde(default, deserialize_with = "lenient")]
    description_hash: Option<String>,
    /// The unit of `amount`; only `sat`, by which msat are meant.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([sS][aA][tT])?$")]
    unit: Option<String>,
}

/// What of a scanned link is looked at.
#[derive(Debug, Default, Deserialize)]
struct ScannedBefore {
    #[serde(default, deserialize_with = "lenient")]
    callback: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    metadata: Option<String>,
}

/// A payment to a link, and what its payer is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct LnurlPayment {
    #[serde(flatten)]
    payment: PaymentView,
    /// What the payer is shown (LUD-09); null where there is nothing.
    #[schema(value_type = Option<Object>, example = json!({"tag": "message", "message": "Thank you"}))]
    success_action: Option<Box<RawValue>>,
}

fn url_of(field: &str, code: &str) -> Result<ServiceUrl, ApiError> {
    let code = Code::parse(code, PlainHttp::OnionAndLoopback).map_err(|error| ApiError::field(field, error))?;
    code.url(PlainHttp::OnionAndLoopback).map_err(|error| ApiError::field(field, error))
}

async fn scan(app: &App, field: &str, code: &str, host: RequestHost) -> Result<HttpResponse, ApiError> {
    let open = resolve(&app.services, &url_of(field, code)?, host.0.as_ref()).await?;
    let request = PayRequest::of(app, &open).await?;
    app.services.served.count_meta(open.link.id);
    let description = open.address().map(|address| format!("Payment to {}", address.recipient.name));
    Ok(HttpResponse::Ok().json(Scanned {
        kind: "pay",
        domain: open.base.authority().to_string(),
        fixed: request.min_sendable == request.max_sendable,
        description: description.unwrap_or_else(|| open.link.terms.description.as_str().to_owned()),
        description_hash: open.metadata().hash().to_string(),
        target_user: open.address().map(|address| address.to_string()),
        request,
    }))
}

/// Look at an LNURL or a Lightning address
///
/// One of this server; what is of another one is refused, because there is no Lightning backend.
#[utoipa::path(
    tag = "LNURL",
    params(("code" = String, Path, description = "The LNURL or the address", example = "bob@pay.example")),
    responses((status = 200, description = "What it takes", body = Scanned)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/lnurlscan/{code}")]
pub(in crate::api) async fn scan_lnurl(
    _key: WalletKey,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    scan(&app, "code", &path, host).await
}

/// Look at an LNURL or a Lightning address of the body
///
/// As by the path.
#[utoipa::path(
    tag = "LNURL",
    request_body = ScanOrder,
    responses((status = 200, description = "What it takes", body = Scanned)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/api/v1/lnurlscan")]
pub(in crate::api) async fn scan_lnurl_by_post(
    _key: WalletKey,
    app: State,
    host: RequestHost,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: ScanOrder = body.json()?;
    let code = order.lnurl.ok_or_else(|| ApiError::field("lnurl", "is missing: an LNURL or a Lightning address"))?;
    scan(&app, "lnurl", &code, host).await
}

/// Pay an LNURL or a Lightning address
///
/// One of this server, in one step: its invoice is issued and paid at once. It is named by `lnurl`,
/// by `res` (what scanning it has answered) or by `callback`.
#[utoipa::path(
    tag = "LNURL",
    params(Idempotency),
    request_body(content = LnurlPayOrder, examples(
        ("An address" = (value = json!({"lnurl": "bob@pay.example", "amount": 100_000, "comment": "Well played"}))),
        ("A callback" = (value = json!({
            "callback": "https://pay.example/lnurlp/api/v1/lnurl/cb/Xk3mPq7RtW",
            "description_hash": "669d80d89c09be0de5feb6b6ce5d0716284da6660a38c5b59a2ad528d677a75c",
            "amount": 100_000
        })))
    )),
    responses((status = 200, description = "The payment", body = LnurlPayment)),
    security(("AdminKey" = []))
)]
#[post("/api/v1/payments/lnurl")]
pub(in crate::api) async fn pay_lnurl(
    key: AdminKey,
    app: State,
    RequestHost(requested): RequestHost,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: LnurlPayOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let services = &app.services;
    let before = payments::paid_before(services, key, claim).await?;
    let payment = if let Some(before) = before {
        before
    } else {
        let ((url, shown), payment) = (order.named()?, order.payment()?);
        let open = resolve(services, &url, requested.as_ref()).await?;
        check_unchanged(&open, order.description_hash.as_deref(), shown.as_deref())?;
        pay(services, key, claim, &open, &payment).await?
    };
    let shown = payment.try_map(|payment| {
        let (created_at, success_action) = (payment.created_at, success_action(&payment));
        PaymentView::new(&services.sealer, payment, created_at).map(|payment| LnurlPayment { payment, success_action })
    });
    // What has happened has happened, even where it cannot be shown.
    Ok(shown.or(Err(ErrorCode::OutcomeUnknown))?.respond_as(actix_web::http::StatusCode::OK))
}

impl LnurlPayOrder {
    /// The URL of the link, and what the payer was shown of it, as far as the order says.
    fn named(&self) -> Result<(ServiceUrl, Option<String>), ApiError> {
        if let Some(code) = &self.lnurl {
            return Ok((url_of("lnurl", code)?, None));
        }
        let scanned = self.res.as_deref().map(serde_json::from_str::<ScannedBefore>).transpose();
        let scanned =
            scanned.map_err(|error| ApiError::field("res", format_args!("is not what scanning answers: {error}")));
        let scanned = scanned?.unwrap_or_default();
        let field = if self.callback.is_some() { "callback" } else { "res" };
        let callback = self.callback.as_ref().or(scanned.callback.as_ref());
        let callback =
            callback.ok_or_else(|| ApiError::field("lnurl", "is missing: an LNURL or a Lightning address"))?;
        let url = ServiceUrl::parse(callback, PlainHttp::OnionAndLoopback);
        Ok((url.map_err(|error| ApiError::field(field, error))?, scanned.metadata))
    }

    fn payment(&self) -> Result<LinkPayment, ApiError> {
        if self.unit.as_deref().is_some_and(|unit| money::check_unit(unit).is_err()) {
            return Err(ErrorCode::UnsupportedUnit.into());
        }
        let amount_msat = self.amount.ok_or_else(|| ApiError::field("amount", "is missing: how much, in msat"))?;
        let comment = self.comment.clone();
        if comment.as_ref().is_some_and(|comment| comment.contains('\0')) {
            return Err(ApiError::field("comment", "must not contain the character U+0000"));
        }
        Ok(LinkPayment { amount_msat, comment })
    }
}

/// Makes sure that the link says what its payer was shown.
fn check_unchanged(open: &OpenLink, hash: Option<&str>, shown: Option<&str>) -> Result<(), ApiError> {
    let metadata: Metadata = open.metadata();
    let is_same = shown.is_none_or(|shown| shown == metadata.as_str())
        && hash.is_none_or(|hash| hash.eq_ignore_ascii_case(&metadata.hash().to_string()));
    if is_same { Ok(()) } else { Err(crate::services::Error::LinkChanged.into()) }
}

/// What the payer was shown: it is kept with its side of the payment.
fn success_action(payment: &Payment) -> Option<Box<RawValue>> {
    let extra = payment.extra.as_ref()?;
    let action = Members::read(extra.as_str()).ok()?.get("success_action")?.to_owned();
    RawValue::from_string(action).ok()
}
