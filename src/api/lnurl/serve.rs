//! What anybody who pays is told: LUD-06 and LUD-16. Refusals are as LNURL has them, with status 200:
//! wallets look into the body alone.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::page;
use crate::api::framework::address::ClientAddress;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::{App, State};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::params::Params;
use crate::api::framework::query::{FromValue, query};
use crate::api::system::front::wants_page;
use crate::domain::lnurl::address::Recipient;
use crate::domain::lnurl::link::LinkRef;
use crate::domain::lnurl::success::SuccessAction;
use crate::domain::number::whole_number;
use crate::services::pay_links::serve::{self, LinkPayment, OpenLink};

/// What a link takes (LUD-06).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "tag": "payRequest",
    "callback": "https://pay.example/lnurlp/api/v1/lnurl/cb/Xk3mPq7RtW",
    "minSendable": 1000,
    "maxSendable": 100_000_000,
    "metadata": "[[\"text/plain\",\"Payment to bob\"],[\"text/identifier\",\"bob@pay.example\"]]",
    "commentAllowed": 120
}))]
pub struct PayRequest {
    /// `payRequest`.
    #[schema(schema_with = pay_request_tag)]
    pub(super) tag: &'static str,
    /// Where an invoice is asked for.
    pub(super) callback: String,
    /// The least that it takes, in msat.
    pub(super) min_sendable: i64,
    /// The most that it takes, in msat.
    pub(super) max_sendable: i64,
    /// What it says about itself: a JSON text, whose hash stands in the invoice.
    pub(super) metadata: String,
    /// How long a comment may be, in characters (LUD-12), where one is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(super) comment_allowed: Option<u16>,
}

fn pay_request_tag() -> utoipa::openapi::Object {
    crate::api::framework::leniency::words(["payRequest"]).build()
}

/// An invoice of a link (LUD-06).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "pr": "lnbc10u1p5…",
    "routes": [],
    "successAction": {"tag": "message", "message": "Thank you"},
    "disposable": true
}))]
pub struct LinkInvoice {
    /// The invoice.
    pr: String,
    /// Always empty.
    #[schema(value_type = Vec<String>)]
    routes: [(); 0],
    /// What the payer is shown once it is paid (LUD-09), where there is anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    success_action: Option<SuccessAction>,
    /// False where wallets should keep the link.
    disposable: bool,
}

/// A refusal, as LNURL has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ERROR", "reason": "Lightning address not found."}))]
pub struct LnurlError {
    /// `ERROR`.
    #[schema(schema_with = error_status)]
    status: &'static str,
    /// Why.
    reason: String,
}

fn error_status() -> utoipa::openapi::Object {
    crate::api::framework::leniency::words(["ERROR"]).build()
}

/// What is answered to who looks at a link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PayRequestAnswer)]
#[serde(untagged)]
pub(crate) enum PayRequestAnswer {
    /// What it takes.
    Request(PayRequest),
    /// Why it is not told.
    Refused(LnurlError),
}

/// What is answered to who asks for an invoice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LinkInvoiceAnswer)]
#[serde(untagged)]
pub(crate) enum LinkInvoiceAnswer {
    /// The invoice.
    Invoice(LinkInvoice),
    /// Why there is none.
    Refused(LnurlError),
}

query! {
    /// What a payer's page may add.
    pub(crate) struct DataParams {
        /// Given back in the webhook: at most 1024 bytes, as the URL has it.
        #[param(max_length = 1024)]
        webhook_data: Option<String>,
    }
}

query! {
    /// What is to be paid.
    pub(crate) struct CallbackParams {
        /// How much, in msat; whole sat only.
        #[param(value_type = String, example = "100000", pattern = "^[0-9]{1,18}$")]
        amount: Option<WholeMsat>,
        /// What the payer says (LUD-12).
        comment: Option<String>,
    }
}

/// A whole number of msat.
#[derive(Debug)]
struct WholeMsat(i64);

impl FromValue for WholeMsat {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        whole_number(text).map(Self).map_err(|error| format!("{error} of msat").into())
    }
}

/// An answer as LNURL has it: what the caller could change is told in the body.
fn answer<T: Serialize>(
    asked: Result<T, ApiError>,
    refused: impl FnOnce(LnurlError) -> T,
) -> Result<HttpResponse, ApiError> {
    let told = asked.or_else(|refusal| {
        let is_address = refusal.code() == ErrorCode::AddressNotFound;
        if is_address || refusal.status_code() == StatusCode::BAD_REQUEST {
            Ok(refused(LnurlError { status: "ERROR", reason: refusal.to_string() }))
        } else {
            Err(refusal)
        }
    });
    Ok(HttpResponse::Ok().json(told?))
}

impl PayRequest {
    /// What an open link takes.
    pub(super) async fn of(app: &App, open: &OpenLink) -> Result<Self, ApiError> {
        let sendable = open.sendable(&app.services).await?;
        let comment = open.link.terms.comment.get();
        Ok(Self {
            tag: "payRequest",
            callback: open.callback()?.to_string(),
            min_sendable: sendable.min().msat(),
            max_sendable: sendable.max().msat(),
            metadata: open.metadata().as_str().to_owned(),
            comment_allowed: (comment > 0).then_some(comment),
        })
    }
}

/// The link that somebody without a key asks for.
async fn find(
    app: &App,
    client: ClientAddress,
    RequestHost(requested): RequestHost,
    asked: LinkRef,
) -> Result<OpenLink, ApiError> {
    let _turn = app.anonymous_turn(client).await?;
    Ok(serve::find(&app.services, asked, requested.as_ref()).await?)
}

async fn tell(
    app: &App,
    client: ClientAddress,
    host: RequestHost,
    asked: Result<LinkRef, ErrorCode>,
    params: &Params,
) -> Result<HttpResponse, ApiError> {
    let request = look(app, client, host, asked, params).await;
    answer(request.map(PayRequestAnswer::Request), PayRequestAnswer::Refused)
}

async fn look(
    app: &App,
    client: ClientAddress,
    host: RequestHost,
    asked: Result<LinkRef, ErrorCode>,
    params: &Params,
) -> Result<PayRequest, ApiError> {
    let DataParams { webhook_data } = params.read()?;
    let open = find(app, client, host, LinkRef { webhook_data, ..asked? }).await?;
    let request = PayRequest::of(app, &open).await?;
    app.services.served.count_meta(open.link.id);
    Ok(request)
}

fn by_id(path: &str) -> Result<LinkRef, ErrorCode> {
    LinkRef::by_id(path).or(Err(ErrorCode::PayLinkNotFound))
}

fn by_name(path: &str) -> Result<LinkRef, ErrorCode> {
    path.parse::<Recipient>().map(LinkRef::by_name).or(Err(ErrorCode::AddressNotFound))
}

/// Look at a pay link
///
/// What it takes (LUD-06), or a page for a person's browser.
#[utoipa::path(
    tag = "LNURL",
    params(("link" = String, Path, description = "The link's id", example = "Xk3mPq7RtW"), DataParams),
    responses((status = 200, description = "What it takes", content(
        (PayRequestAnswer = "application/json"), (String = "text/html")
    )))
)]
#[get("/lnurlp/{link}")]
pub(in crate::api) async fn pay_request(
    request: HttpRequest,
    client: ClientAddress,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    if wants_page(&request) {
        let open = find(&app, client, host, by_id(&path)?).await?;
        return page::answer(&app, client, &open).await;
    }
    tell(&app, client, host, by_id(&path), &params).await
}

/// Look at a pay link (alias)
#[utoipa::path(
    tag = "LNURL",
    params(("link" = String, Path, description = "The link's id", example = "Xk3mPq7RtW"), DataParams),
    responses((status = 200, description = "What it takes", body = PayRequestAnswer))
)]
#[get("/lnurlp/api/v1/lnurl/{link}")]
pub(in crate::api) async fn pay_request_alias(
    client: ClientAddress,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    tell(&app, client, host, by_id(&path), &params).await
}

/// Look at a Lightning address
///
/// What the name in front of the `@` takes (LUD-16); `name+tag` is told from `name` in the invoice.
#[utoipa::path(
    tag = "LNURL",
    params(("name" = String, Path, description = "The name", example = "bob"), DataParams),
    responses((status = 200, description = "What it takes", body = PayRequestAnswer))
)]
#[get("/.well-known/lnurlp/{name}")]
pub(in crate::api) async fn lightning_address(
    client: ClientAddress,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    tell(&app, client, host, by_name(&path), &params).await
}

/// Look at a Lightning address (alias)
#[utoipa::path(
    tag = "LNURL",
    params(("name" = String, Path, description = "The name", example = "bob"), DataParams),
    responses((status = 200, description = "What it takes", body = PayRequestAnswer))
)]
#[get("/lnurlp/api/v1/well-known/{name}")]
pub(in crate::api) async fn lightning_address_alias(
    client: ClientAddress,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    tell(&app, client, host, by_name(&path), &params).await
}

/// Get an invoice of a pay link
///
/// Its hash of the description is that of the metadata, as LUD-06 has it. An amount that is not in
/// whole sat is refused, not rounded.
#[utoipa::path(
    tag = "LNURL",
    params(
        ("link" = String, Path, description = "The link's id, with `+tag` where the address had one", example = "Xk3mPq7RtW"),
        CallbackParams,
        DataParams
    ),
    responses((status = 200, description = "The invoice, or why there is none", body = LinkInvoiceAnswer))
)]
#[get("/lnurlp/api/v1/lnurl/cb/{link}")]
pub(in crate::api) async fn pay_callback(
    _acts: NotHead,
    client: ClientAddress,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let invoice = give_invoice(&app, client, host, &path, &params).await;
    answer(invoice.map(LinkInvoiceAnswer::Invoice), LinkInvoiceAnswer::Refused)
}

async fn give_invoice(
    app: &App,
    client: ClientAddress,
    host: RequestHost,
    path: &str,
    params: &Params,
) -> Result<LinkInvoice, ApiError> {
    let DataParams { webhook_data } = params.read()?;
    let asked = LinkRef { webhook_data, ..by_id(path)? };
    let open = find(app, client, host, asked).await?;
    let CallbackParams { amount, comment } = params.read()?;
    let WholeMsat(amount_msat) = amount.ok_or_else(|| ApiError::field("amount", "is missing: how much, in msat"))?;
    let payment = LinkPayment { amount_msat, comment };
    let _turn = app.invoice_turn(client).await?;
    let pr = serve::invoice(&app.services, &open, &payment).await?;
    let (success_action, disposable) = (open.success_action(), open.link.terms.disposable);
    Ok(LinkInvoice { pr, routes: [], success_action, disposable })
}
