//! Creating invoices and paying them: one path, two meanings, as clients know it.

use actix_web::{HttpResponse, get, post, web};
use bitcoin_hashes::hex::FromHex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::{App, State};
use super::auth::{AdminKey, OptionalKey, WalletKey};
use super::body::{Body, lenient, raw};
use super::error::{ApiError, ErrorCode};
use super::idempotency::{self, Created, Idempotency, IdempotencyParam};
use super::params::{Checks, Params};
use super::payment_view::{PaymentView, standing, status_word};
use crate::clock;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{InvoiceId, PaymentHash, TransferId};
use crate::domain::invoice::PaymentRequest;
use crate::domain::money::Amount;
use crate::domain::node::{Description, Preimage};
use crate::domain::text::{InvalidText, Memo, WebhookUrl};
use crate::ledger::command::{Command, CreateInvoice, NewInvoice, Pay};
use crate::ledger::state::{InvoiceState, Outcome, Rejection};
use crate::store::payment_filter::Status;
use crate::store::payments::{self, Payment};

/// How long an invoice can be paid where nothing is said, in seconds (BOLT 11).
const EXPIRY_S_DEFAULT: i64 = 3600;
/// The longest that an invoice can be paid, in seconds: ten years.
const EXPIRY_S_MAX: i64 = 10 * 365 * 24 * 3600;

/// Asks for an invoice (`out` is false) or for a payment (`out` is true).
#[derive(Debug, Deserialize, ToSchema)]
pub struct PaymentOrder {
    /// True to pay `bolt11`, false to be paid; when missing, true where `bolt11` is there.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = false)]
    out: Option<bool>,
    /// To be paid: how much, in sat.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = 1000, minimum = 1)]
    amount: Option<i64>,
    /// To be paid: what for; at most 639 bytes.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "Payment/Tip from service/game XXXXX")]
    memo: Option<String>,
    /// To be paid: for how many seconds, at most ten years; 3600 where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = 3600, minimum = 1, maximum = 315_360_000)]
    expiry: Option<i64>,
    /// To be paid: where to tell that it was.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "https://game.example/hook")]
    webhook: Option<String>,
    /// To be paid: the unit of `amount`; only `sat`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat")]
    unit: Option<String>,
    /// To be paid: SHA-256 of what for, in hex, in place of words.
    #[serde(default, deserialize_with = "lenient")]
    description_hash: Option<String>,
    /// To be paid: what for, in hex, of which the invoice holds only the SHA-256.
    #[serde(default, deserialize_with = "lenient")]
    unhashed_description: Option<String>,
    /// To pay: the invoice.
    #[serde(default, deserialize_with = "lenient")]
    bolt11: Option<String>,
    /// Data of the client's own, given back as it came: a JSON object of at most 8 KiB.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    extra: Option<String>,
}

/// What is known of a payment: all of it to payer and payee, to others only whether it is
/// paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentStatus {
    /// Whether it was paid.
    #[schema(example = true)]
    paid: bool,
    /// `pending`, `success` or `failed`.
    #[schema(example = "success")]
    status: &'static str,
    /// Only for payer and payee.
    #[serde(flatten)]
    own: Option<OwnSide>,
}

/// What payer and payee also learn.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSide {
    /// Proof of payment; null until it is settled.
    preimage: Option<String>,
    /// The caller's side of it.
    details: PaymentView,
}

/// Create an invoice, or pay one
///
/// With `out: false` (either key) an invoice is created; with `out: true` (admin key) an
/// invoice is paid. A payment is durable when it is answered. Invoices of other nodes are
/// refused, because there is no Lightning backend.
#[utoipa::path(
    tag = "Payments",
    params(IdempotencyParam),
    request_body(content = PaymentOrder, examples(
        ("Create an invoice" = (value = json!({"out": false, "amount": 1000, "memo": "Payment/Tip from service/game XXXXX"}))),
        ("Pay an invoice" = (value = json!({"out": true, "bolt11": "lnbc10u1p5…"})))
    )),
    responses((status = 201, description = "The invoice, or the payment", body = PaymentView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/api/v1/payments")]
pub(super) async fn create_payment(
    key: WalletKey,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: PaymentOrder = body.json()?;
    let claim = idempotency.claim(&key, &body)?;
    let payment = if order.out.unwrap_or(order.bolt11.is_some()) {
        pay_invoice(&app, key.require_admin()?, claim, order).await?
    } else {
        create_invoice(&app, key, claim, order).await?
    };
    // As it was at its creation, also when it is answered again.
    let view = payment.try_map(|payment| {
        let created_at = payment.created_at;
        PaymentView::new(&app, payment, created_at)
    });
    Ok(view?.respond())
}

async fn create_invoice(
    app: &App,
    key: WalletKey,
    claim: Option<Claim>,
    order: PaymentOrder,
) -> Result<Created<Payment>, ApiError> {
    if let Some(before) = idempotency::payments_of(app, &key, claim).await? {
        return invoice_again(app, &key, &before).await;
    }
    if order.unit.as_deref().is_some_and(|unit| unit != "sat") {
        return Err(ErrorCode::UnsupportedUnit.into());
    }
    let now = clock::now();
    let mut checks = Checks::default();
    let amount = check_amount(&mut checks, order.amount, app.invoice_sat_max);
    let expiry_s = order.expiry.unwrap_or(EXPIRY_S_DEFAULT);
    let expiry = match u32::try_from(expiry_s) {
        Ok(expiry) if (1..=EXPIRY_S_MAX).contains(&expiry_s) => Some(expiry),
        _ => {
            checks.add("expiry", format_args!("must be a whole number of seconds from 1 to {EXPIRY_S_MAX}"));
            None
        }
    };
    let hashed = checks.check("description_hash", hashed_description(&order));
    let memo = checks.check("memo", Memo::new(order.memo.unwrap_or_default()));
    let webhook = checks.check_opt("webhook", order.webhook, WebhookUrl::new);
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let (Some(amount), Some(expiry), Some(hashed), Some(memo), Some(webhook), Some(extra)) =
        (amount, expiry, hashed, memo, webhook, extra)
    else {
        return Err(checks.into_error());
    };
    // As LNbits: the memo is not kept where the invoice says only a hash.
    let memo = if hashed.is_some() { String::new() } else { memo.into_inner() };
    let description = match hashed {
        Some(hash) => hash,
        None => Description::Words(Memo::new(memo.clone()).map_err(|error| ApiError::field("memo", error))?),
    };
    let preimage = Preimage::generate();
    let id = InvoiceId::next();
    let payment_hash = preimage.payment_hash();
    let bolt11 = app.node.issue(payment_hash, amount, description, expiry, now).map_err(|error| {
        tracing::error!(%error, "an invoice could not be issued");
        ErrorCode::Internal
    })?;
    let invoice = NewInvoice {
        id,
        payment_hash,
        preimage: preimage.seal(&app.sealer, id),
        payee: key.wallet().account(),
        bolt11: Some(bolt11),
        amount,
        memo,
        webhook: webhook.map(WebhookUrl::into_inner),
        extra,
        created_at: now,
        expires_at: now.plus_seconds(expiry.into()),
    };
    let command = CreateInvoice { authority: key.authority(), claim, invoice: invoice.clone() };
    match app.settle(Command::CreateInvoice(command), false).await? {
        Outcome::Replayed { payments } => invoice_again(app, &key, &payments).await,
        Outcome::InvoiceCreated
        | Outcome::Paid { .. }
        | Outcome::Transferred { .. }
        | Outcome::Credited { .. }
        | Outcome::Closed => Ok(Created::new(incoming(invoice))),
    }
}

/// The invoice that was created before, as it was answered then: whatever became of it since.
async fn invoice_again(app: &App, key: &WalletKey, ids: &[[u8; 16]]) -> Result<Created<Payment>, ApiError> {
    let id = ids.first().ok_or(ErrorCode::Internal)?;
    let now = idempotency::payment_again(app, key.wallet().account(), *id).await?;
    Ok(Created::again(Payment { state: InvoiceState::Open, paid_at: None, ..now }))
}

/// How much an invoice asks for: a whole number of sat within the limit.
pub fn check_amount(checks: &mut Checks, sat: Option<i64>, sat_max: i64) -> Option<Amount> {
    let Some(sat) = sat else {
        checks.add("amount", "is missing: a whole number of sat, above 0");
        return None;
    };
    if sat > sat_max {
        checks.add("amount", format_args!("must be at most {sat_max} sat"));
        return None;
    }
    checks.check("amount", Amount::from_sat(sat))
}

fn hashed_description(order: &PaymentOrder) -> Result<Option<Description>, InvalidText> {
    if let Some(hash) = &order.description_hash {
        let hash = <[u8; 32]>::from_hex(hash).or(Err(InvalidText::Form("64 hex characters")))?;
        return Ok(Some(Description::Hash(hash)));
    }
    match &order.unhashed_description {
        Some(words) => {
            let words = Vec::<u8>::from_hex(words)
                .or(Err(InvalidText::Form("absent, and unhashed_description hex characters")))?;
            Ok(Some(Description::hash_of(&words)))
        }
        None => Ok(None),
    }
}

/// A new invoice, as its payee sees it.
fn incoming(invoice: NewInvoice) -> Payment {
    Payment {
        row: invoice.id.as_bytes().to_vec(),
        wallet: invoice.payee.wallet(),
        payment_hash: invoice.payment_hash,
        invoice: invoice.id,
        preimage: invoice.preimage,
        bolt11: invoice.bolt11,
        amount: invoice.amount.incoming(),
        memo: invoice.memo,
        state: InvoiceState::Open,
        webhook: invoice.webhook,
        extra: invoice.extra,
        created_at: invoice.created_at,
        expires_at: invoice.expires_at,
        paid_at: None,
    }
}

async fn pay_invoice(
    app: &App,
    key: AdminKey,
    claim: Option<Claim>,
    order: PaymentOrder,
) -> Result<Created<Payment>, ApiError> {
    if let Some(before) = idempotency::payments_of(app, &key, claim).await? {
        return payment_again(app, &key, &before).await;
    }
    let mut checks = Checks::default();
    if order.bolt11.is_none() {
        checks.add("bolt11", "is missing: the invoice to pay");
    }
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let (Some(bolt11), Some(extra)) = (order.bolt11, extra) else { return Err(checks.into_error()) };
    let request = parse_request(&bolt11)?;
    if request.is_amountless() {
        return Err(ErrorCode::AmountlessInvoice.into());
    }
    let transfer = TransferId::next();
    let payment_hash = request.payment_hash();
    let command = Command::Pay(Pay {
        authority: key.authority(),
        claim,
        transfer,
        payment_hash,
        bolt11: request.text().to_owned(),
        extra: extra.clone(),
    });
    match app.settler.submit(command).await? {
        Ok(Outcome::Replayed { payments }) => payment_again(app, &key, &payments).await,
        Ok(Outcome::Paid { invoice, at }) => Ok(Created::new(Payment {
            row: transfer.as_bytes().to_vec(),
            wallet: key.wallet(),
            payment_hash,
            invoice: invoice.id,
            preimage: invoice.preimage,
            bolt11: invoice.bolt11,
            amount: invoice.amount.outgoing(),
            memo: invoice.memo,
            state: InvoiceState::Paid,
            webhook: None,
            extra,
            created_at: at,
            expires_at: invoice.expires_at,
            paid_at: Some(at),
        })),
        Ok(other) => {
            tracing::error!(?other, "a payment came to another outcome");
            Err(ErrorCode::Internal.into())
        }
        Err(Rejection::InvoiceNotFound) => Err(not_ours(request)),
        Err(rejection) => Err(ApiError::from_rejection(rejection, false)),
    }
}

/// The payment that was made before.
async fn payment_again(app: &App, key: &AdminKey, ids: &[[u8; 16]]) -> Result<Created<Payment>, ApiError> {
    let id = ids.first().ok_or(ErrorCode::Internal)?;
    Ok(Created::again(idempotency::payment_again(app, key.wallet().account(), *id).await?))
}

/// Reads the text of an invoice.
pub fn parse_request(text: &str) -> Result<PaymentRequest, ApiError> {
    PaymentRequest::parse(text).map_err(invalid_invoice)
}

/// Says what is wrong with an invoice.
pub fn invalid_invoice(error: impl std::fmt::Display) -> ApiError {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    ApiError::with_detail(ErrorCode::InvalidInvoice, text)
}

/// Why an invoice that was not issued here is not paid. Only such an invoice needs the
/// check of its signature.
fn not_ours(request: PaymentRequest) -> ApiError {
    match request.verify() {
        Ok(_) => ErrorCode::InvoiceNotPayable.into(),
        Err(error) => invalid_invoice(error),
    }
}

/// Payment status
///
/// With the key of payer or payee all of it; without a key, or with another wallet's, only
/// whether it is paid.
#[utoipa::path(
    tag = "Payments",
    params(("payment_hash" = String, Path, description = "The payment hash (or `checking_id`, which is the same)")),
    responses((status = 200, description = "Whether it is paid", body = PaymentStatus)),
    security((), ("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/{payment_hash}")]
pub(super) async fn get_payment(
    key: OptionalKey,
    app: State,
    hash: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let hash: PaymentHash = hash.parse().or(Err(ErrorCode::PaymentNotFound))?;
    let sides = app.store.read(move |connection| payments::find(connection, hash)).await?;
    // The payee's side comes first; every payment has one.
    let first = sides.first().ok_or(ErrorCode::PaymentNotFound)?;
    let now = clock::now();
    let (status, _) = standing(first.state, first.expires_at, now);
    let own = key.wallet().and_then(|wallet| sides.into_iter().find(|side| side.wallet == wallet));
    let own = own.map(|side| PaymentView::new(&app, side, now)).transpose()?;
    let own = own.map(|details| OwnSide { preimage: details.preimage().map(str::to_owned), details });
    let answer = PaymentStatus { paid: status == Status::Success, status: status_word(status), own };
    Ok(HttpResponse::Ok().json(answer))
}

/// What routing the payment of an invoice may cost
///
/// Nothing: only invoices that were issued here are paid.
#[utoipa::path(
    tag = "Payments",
    params(("invoice" = String, Query, description = "The BOLT11 invoice")),
    responses((status = 200, description = "The reserve, in msat", body = FeeReserve))
)]
#[get("/api/v1/payments/fee-reserve")]
pub(super) async fn fee_reserve(app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let text = params.get("invoice")?.ok_or_else(|| ApiError::field("invoice", "is missing"))?;
    let request = parse_request(text)?;
    let hash = request.payment_hash();
    let sides = app.store.read(move |connection| payments::find(connection, hash)).await?;
    match sides.first() {
        Some(side) if side.bolt11.as_deref() == Some(request.text()) => {
            Ok(HttpResponse::Ok().json(FeeReserve { fee_reserve: 0 }))
        }
        Some(_) => Err(ErrorCode::InvoiceMismatch.into()),
        None => Err(not_ours(request)),
    }
}

/// What routing a payment may cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeReserve {
    /// msat.
    #[schema(example = 0)]
    fee_reserve: i64,
}
