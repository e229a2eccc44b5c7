//! The routes of LNDHub.

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::error::HubError;
use super::token::Hub;
use super::views::{BalanceView, DecodedView, InfoView, InvoiceView, PaidView, ReceivedView, SentView, TokenView};
use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{LedgerKey, OwnWallet, Proof, WalletKey, act, require_admin};
use crate::api::framework::body::{Body, Given, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::Items;
use crate::api::framework::params::{Checks, Params, Window};
use crate::api::framework::query::{Limit, Offset, query, window};
use crate::api::payments::InvoiceParam;
use crate::domain::api_keys::ApiKey;
use crate::domain::expiry::Expiry;
use crate::domain::extra::Extra;
use crate::domain::invoice::PaymentRequest;
use crate::domain::lndhub;
use crate::domain::node::Description;
use crate::domain::skim::SkimmedRequest;
use crate::domain::text::Memo;
use crate::services::payments::{
    self, Condition, InvoiceTerms, PayTerms, Payment, PaymentFilter, PaymentQuery, Range, Sort, Test,
};
use crate::services::rates::Asked;

/// Rows of a list where nothing is said.
const ROWS_DEFAULT: i64 = 20;
/// Rows of a list at most.
const ROWS_MAX: i64 = 200;
/// What is kept with invoices and payments that were asked for here, as in LNbits.
const EXTRA: &str = r#"{"tag":"lndhub"}"#;

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[schema(as = LndHubLogin, example = json!({"login": "admin", "password": "c0ffee00c0ffee00c0ffee00c0ffee00"}))]
pub struct LoginOrder {
    /// What stands in front of the colon in the link, such as `admin`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 64)]
    login: Option<String>,
    /// The key of a wallet.
    #[serde(default, deserialize_with = "lenient")]
    password: Option<String>,
    /// A token, in place of both.
    #[serde(default, deserialize_with = "lenient")]
    refresh_token: Option<String>,
}

/// An invoice to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LndHubInvoiceOrder, example = json!({"amt": "1000", "memo": "Payment/Tip from service/game XXXXX"}))]
pub struct InvoiceOrder {
    /// How much, in sat.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, minimum = 1, maximum = 2_100_000_000_000_000_i64)]
    amt: Option<i64>,
    /// What for; at most 639 bytes.
    #[serde(default, deserialize_with = "lenient")]
    memo: Option<String>,
    /// SHA-256 of what for, in hex, in place of words.
    #[serde(default, deserialize_with = "lenient")]
    description_hash: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    preimage: Given,
}

/// An invoice to pay.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LndHubPaymentOrder, example = json!({"invoice": "lnbc10u1p5…"}))]
pub struct PaymentOrder {
    /// The BOLT11 invoice; it must say its amount itself.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    invoice: Option<String>,
}

query! {
    /// Which part of a list.
    pub struct HubWindow {
        /// Rows at most; over 200 is 200, and 0 is 20, as where nothing is said.
        #[param(value_type = Option<i64>, example = 20, minimum = 0)]
        limit: Limit,
        /// Rows to leave out, the newest first.
        #[param(value_type = Option<i64>, example = 0, minimum = 0)]
        offset: Offset,
    }
}

impl HubWindow {
    /// This part of the payments with amounts in this range, in msat.
    fn of_amounts(self, amounts: Range) -> PaymentQuery {
        let Window { offset, limit } = window(self.limit, self.offset);
        let condition = Condition { test: Test::AmountMsat(vec![amounts]), negated: false };
        let limit = limit.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
        PaymentQuery { filter: PaymentFilter(vec![condition]), sort: Sort::NEWEST, offset, limit }
    }
}

/// The server
#[utoipa::path(tag = "LNDHub", responses((status = 200, description = "The server", body = InfoView)))]
#[get("/lndhub/ext/getinfo")]
pub(crate) async fn hub_info(app: State) -> HttpResponse {
    let identity_pubkey = app.services.node.public_key();
    HttpResponse::Ok().json(InfoView { alias: env!("CARGO_PKG_NAME"), identity_pubkey })
}

/// Log in
///
/// A login and a key (`lndhub://login:key@…`), or a token, for tokens. A token is base64 of
/// `login:key`; it holds for as long as the key does.
#[utoipa::path(
    tag = "LNDHub",
    request_body = LoginOrder,
    responses((status = 200, description = "Tokens", body = TokenView))
)]
#[post("/lndhub/ext/auth")]
pub(crate) async fn hub_log_in(app: State, body: Body) -> Result<HttpResponse, HubError> {
    let LoginOrder { login, password, refresh_token } = body.json()?;
    let token = match (refresh_token, login, password) {
        (Some(token), _, _) => token.into(),
        (None, Some(login), Some(password)) => lndhub::token(&login, &ApiKey::from_client(&password)),
        (None, _, _) => return Err(ApiError::field("login", "is missing, or password, or else refresh_token").into()),
    };
    let key = lndhub::key_in_token(&token).ok_or(ErrorCode::BadAuth)?;
    WalletKey::prove(&app, key.digest()).await?;
    Ok(HttpResponse::Ok().json(TokenView { refresh_token: &token, access_token: &token }))
}

/// Create an invoice
#[utoipa::path(
    tag = "LNDHub",
    params(Idempotency),
    request_body = InvoiceOrder,
    responses((status = 200, description = "The invoice", body = InvoiceView)),
    security(("LndHub" = []))
)]
#[post("/lndhub/ext/addinvoice")]
pub(crate) async fn hub_add_invoice(
    Hub(key): Hub<LedgerKey>,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, HubError> {
    Ok(act(&app, key, async |key| add_invoice(&app, key, &idempotency, &body).await).await?)
}

async fn add_invoice(
    app: &App,
    key: WalletKey,
    idempotency: &Idempotency,
    body: &Body,
) -> Result<HttpResponse, ApiError> {
    let order: InvoiceOrder = body.json()?;
    let claim = idempotency.claim(app, &key, body)?;
    let services = &app.services;
    let invoice = match payments::created_before(services, key, claim).await? {
        Some(before) => before,
        None => payments::create(services, key, claim, terms(order, services.policy.invoice_sat_max)?).await?,
    };
    invoice.try_map(|invoice| Ok(InvoiceView::new(invoice))).map(|created| created.respond_as(StatusCode::OK))
}

/// Checks what is asked, and tells everything that is wrong with it.
fn terms(order: InvoiceOrder, sat_max: i64) -> Result<InvoiceTerms, ApiError> {
    let mut checks = Checks::default();
    order.preimage.refuse(&mut checks, "preimage", "the server chooses it; leave it out");
    let amount = checks.sat_amount("amt", order.amt, sat_max);
    let hashed = checks.check("description_hash", Description::from_hex(order.description_hash.as_deref(), None));
    // As elsewhere: the memo is not kept where the invoice says only a hash.
    let memo = order.memo.filter(|_| !matches!(hashed, Some(Some(_)))).unwrap_or_default();
    let memo = checks.check("memo", Memo::new(memo));
    match (amount, hashed, memo) {
        (Some(amount), Some(hashed), Some(memo)) if checks.is_fine() => Ok(InvoiceTerms {
            amount: Asked::Sat(amount),
            description: hashed.unwrap_or_else(|| Description::Words(memo.clone())),
            memo,
            expiry: Expiry::DEFAULT,
            webhook: None,
            extra: Some(Extra::from_stored(EXTRA.to_owned())),
            payment_hash: None,
            is_internal: None,
            external_id: None,
        }),
        _ => Err(checks.into_error()),
    }
}

/// Pay an invoice
///
/// The token must be of an admin key. A payment is durable when it is answered; one that is refused
/// says so in `error` and `payment_error`. `amount`, which apps send beside the invoice, is not looked
/// at: the invoice says it.
#[utoipa::path(
    tag = "LNDHub",
    params(Idempotency),
    request_body = PaymentOrder,
    responses((status = 200, description = "The payment", body = PaidView)),
    security(("LndHub" = []))
)]
#[post("/lndhub/ext/payinvoice")]
pub(crate) async fn hub_pay_invoice(
    Hub(key): Hub<LedgerKey>,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, HubError> {
    let paid = act(&app, key, async |key| pay_invoice(&app, key, &idempotency, &body).await).await;
    paid.map_err(HubError::of_payment)
}

async fn pay_invoice(
    app: &App,
    key: WalletKey,
    idempotency: &Idempotency,
    body: &Body,
) -> Result<HttpResponse, ApiError> {
    let key = require_admin(key)?;
    let order: PaymentOrder = body.json()?;
    let claim = idempotency.claim(app, &key, body)?;
    let services = &app.services;
    let payment = match payments::paid_before(services, key, claim).await? {
        Some(before) => before,
        None => payments::pay(services, key, claim, pay_terms(order)?).await?,
    };
    // What has happened has happened, even where it cannot be shown.
    let view = payment.try_map(|payment| {
        let invoice = PaymentRequest::parse(payment.bolt11.as_deref().unwrap_or_default())?.verify()?;
        Ok::<_, ApiError>(PaidView::new(&services.sealer, payment, &invoice)?)
    });
    Ok(view.or(Err(ErrorCode::OutcomeUnknown))?.respond_as(StatusCode::OK))
}

fn pay_terms(order: PaymentOrder) -> Result<PayTerms, ApiError> {
    let text = order.invoice.ok_or_else(|| ApiError::field("invoice", "is missing: the invoice to pay"))?;
    let extra = Some(Extra::from_stored(EXTRA.to_owned()));
    Ok(PayTerms { request: SkimmedRequest::skim(&text)?, amount: None, extra, webhook: None, external_id: None })
}

/// Balance
#[utoipa::path(
    tag = "LNDHub",
    responses((status = 200, description = "What the wallet holds, in sat", body = BalanceView)),
    security(("LndHub" = []))
)]
#[get("/lndhub/ext/balance")]
pub(crate) async fn hub_balance(Hub(OwnWallet(wallet)): Hub<OwnWallet>) -> HttpResponse {
    HttpResponse::Ok().json(BalanceView::from(wallet.balance))
}

/// List payments that went out
///
/// The newest ones, the oldest of these first.
#[utoipa::path(
    tag = "LNDHub",
    params(HubWindow),
    responses((status = 200, description = "Payments", body = Vec<SentView>)),
    security(("LndHub" = []))
)]
#[get("/lndhub/ext/gettxs")]
pub(crate) async fn hub_sent(Hub(key): Hub<WalletKey>, app: State, params: Params) -> Result<HttpResponse, HubError> {
    let query = params.read::<HubWindow>()?.of_amounts((None, Some(0)));
    let sealer = app.services.sealer.clone();
    let show = move |page: Vec<Payment>| {
        let views = page.into_iter().rev().map(|payment| SentView::new(&sealer, payment));
        Ok(Items::of_each(views)?.into_array())
    };
    let json = payments::list(&app.services, key, query, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// List invoices
///
/// The newest ones of the wallet, paid or not, the oldest of these first.
#[utoipa::path(
    tag = "LNDHub",
    params(HubWindow),
    responses((status = 200, description = "Invoices", body = Vec<ReceivedView>)),
    security(("LndHub" = []))
)]
#[get("/lndhub/ext/getuserinvoices")]
pub(crate) async fn hub_received(
    Hub(key): Hub<WalletKey>,
    app: State,
    params: Params,
) -> Result<HttpResponse, HubError> {
    let query = params.read::<HubWindow>()?.of_amounts((Some(1), None));
    let show = |page: Vec<Payment>| Ok(Items::of(page.into_iter().rev().map(ReceivedView::new))?.into_array());
    let json = payments::list(&app.services, key, query, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Addresses on the chain
///
/// There are none.
#[utoipa::path(
    tag = "LNDHub",
    responses((status = 200, description = "Always empty", body = Vec<String>, example = json!([]))),
    security(("LndHub" = []))
)]
#[get("/lndhub/ext/getbtc")]
pub(crate) async fn hub_addresses(_key: Hub<WalletKey>) -> HttpResponse {
    HttpResponse::Ok().json([(); 0])
}

/// Payments on the chain that wait
///
/// There are none.
#[utoipa::path(
    tag = "LNDHub",
    responses((status = 200, description = "Always empty", body = Vec<String>, example = json!([]))),
    security(("LndHub" = []))
)]
#[get("/lndhub/ext/getpending")]
pub(crate) async fn hub_pending(_key: Hub<WalletKey>) -> HttpResponse {
    HttpResponse::Ok().json([(); 0])
}

/// Decode an invoice
#[utoipa::path(
    tag = "LNDHub",
    params(InvoiceParam),
    responses((status = 200, description = "What the invoice says", body = DecodedView))
)]
#[get("/lndhub/ext/decodeinvoice")]
pub(crate) async fn hub_decode(params: Params) -> Result<HttpResponse, HubError> {
    let text = params.read::<InvoiceParam>()?.required()?;
    let invoice = PaymentRequest::parse(&text)?.verify()?;
    Ok(HttpResponse::Ok().json(DecodedView::new(&invoice)))
}

/// Ask for a route to an invoice
///
/// Nobody is asked: as in LNbits, the answer is `null`.
#[utoipa::path(
    tag = "LNDHub",
    responses((status = 200, description = "Always `null`", body = Option<String>, example = json!(null)))
)]
#[get("/lndhub/ext/checkrouteinvoice")]
pub(crate) async fn hub_route() -> HttpResponse {
    HttpResponse::Ok().json(())
}
