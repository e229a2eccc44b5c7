//! Creating invoices and paying them: one path, two meanings, as clients know it.

pub mod all;
mod create;
pub(crate) mod decode;
pub(crate) mod extra;
pub(crate) mod held;
pub(crate) mod list;
mod pay;
pub(crate) mod query;
pub(crate) mod stats;
pub(crate) mod view;

use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{LedgerKey, SeenPayment, WalletKey, act, require_admin};
use crate::api::framework::body::{Body, Given, Numeral, lenient, raw};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::fields;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::params::{Checks, Params};
use crate::api::framework::query::query;
use crate::api::payments::view::{PaymentView, standing, status_word};
use crate::clock;
use crate::domain::invoice::PaymentRequest;
use crate::services::payments::{self, Status};

/// Asks for an invoice (`out` is false) or for a payment (`out` is true).
#[derive(Debug, Deserialize, ToSchema)]
pub struct PaymentOrder {
    /// True to pay `bolt11`, false to be paid; when missing, true where `bolt11` is there.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = false)]
    pub(crate) out: Option<bool>,
    /// To be paid: how much, in `unit`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = fields::amount, required = false)]
    pub(crate) amount: Option<Numeral>,
    /// To be paid: what for; at most 639 bytes.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "Payment/Tip from service/game XXXXX")]
    pub(crate) memo: Option<String>,
    /// To be paid: for how many seconds, at most ten years; 3600 where nothing is said, or 0.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = 3600, minimum = 0, maximum = 315_360_000)]
    pub(crate) expiry: Option<i64>,
    /// Where to tell that it was paid.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "https://game.example/hook")]
    pub(crate) webhook: Option<String>,
    /// The unit of `amount`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = fields::unit, required = false)]
    pub(crate) unit: Option<String>,
    /// To be paid: SHA-256 of what for, in hex, in place of words.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) description_hash: Option<String>,
    /// To be paid: what for, in hex, of which the invoice holds only the SHA-256.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) unhashed_description: Option<String>,
    /// To pay: the invoice. One that names no amount needs one beside it.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) bolt11: Option<String>,
    /// Data of the client's own, given back as it came: a JSON object of at most 8 KiB.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    pub(crate) extra: Option<String>,
    /// What the client calls it in its own books: unique within the wallet. The same one again is
    /// refused (409), with the hash of the payment that has it.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "order-4711", max_length = 256)]
    pub(crate) external_id: Option<String>,
    /// For a hold invoice: the SHA-256 of a preimage that the client keeps. Paying it holds the payer's
    /// money until the client settles with the preimage, cancels, or the invoice expires.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    pub(crate) payment_hash: Option<String>,
    /// To be paid: true for an invoice that only wallets of this server can pay, which takes no round trip to the
    /// Lightning node; false for one that the whole network can pay, where there is a node.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) internal: Option<bool>,
    /// To pay an invoice that names no amount: how much, in msat, in place of `amount`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = 21_000, minimum = 1, maximum = 2_100_000_000_000_000_000_i64)]
    pub(crate) amount_msat: Option<i64>,
    #[serde(default)]
    #[schema(ignore)]
    lnurl_callback: Given,
    #[serde(default)]
    #[schema(ignore)]
    lnurl_withdraw: Given,
    #[serde(default)]
    #[schema(ignore)]
    lnurl_balance_check: Given,
    #[serde(default)]
    #[schema(ignore)]
    fiat_provider: Given,
    #[serde(default)]
    #[schema(ignore)]
    labels: Given,
    #[serde(default)]
    #[schema(ignore)]
    max_sat: Given,
}

impl PaymentOrder {
    /// Refuses what LNbits' clients may ask for and nobody does here: to take the order for one
    /// without it would move money that was not meant to move.
    pub(crate) fn check_instructions(&self, checks: &mut Checks) {
        self.lnurl_callback.refuse(checks, "lnurl_callback", LNURL_ADVICE);
        self.lnurl_withdraw.refuse(checks, "lnurl_withdraw", LNURL_ADVICE);
        self.lnurl_balance_check.refuse(checks, "lnurl_balance_check", LNURL_ADVICE);
        self.fiat_provider.refuse(checks, "fiat_provider", "there are no fiat payments; leave it out");
        self.labels.refuse(checks, "labels", "keep them in `extra`, or one of them as `extra.tag`");
        self.max_sat.refuse(checks, "max_sat", "decode the invoice first, and look at its amount");
    }
}

const LNURL_ADVICE: &str = "no LNURL is claimed here; hand the invoice to its service, and leave this out";

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
/// invoice is paid. An `amount` in a currency (`unit`) is turned into sat at the rate of now and
/// rounded down; `extra` then says what was asked for and at which rate (`fiat_currency`,
/// `fiat_amount`, `fiat_rate`, `btc_rate`, `rate_at`, `rate_sources`). Without a rate that can be
/// trusted there is no invoice (503). A payment is durable when it is answered. With `payment_hash`
/// the invoice is a hold invoice; whoever pays one gets `pending: true`, until its payee settles or
/// cancels it. An invoice of another node
/// is paid over the Lightning node, where there is one: what it may cost is reserved, and a payment that takes
/// longer than a few seconds is answered with `pending: true`. What clients of LNbits may ask for besides and
/// is not done here (`lnurl_withdraw`, `lnurl_callback`, `fiat_provider`, `labels`, `max_sat`) is refused as well, and never
/// dropped in silence.
#[utoipa::path(
    tag = "Payments",
    params(Idempotency),
    request_body(content = PaymentOrder, examples(
        ("Create an invoice in a currency" = (value = json!({"out": false, "amount": 10.5, "unit": "EUR"}))),
        ("Create an invoice" = (value = json!({"out": false, "amount": 1000, "memo": "Payment/Tip from service/game XXXXX"}))),
        ("Pay an invoice" = (value = json!({"out": true, "bolt11": "lnbc10u1p5…"})))
    )),
    responses((status = 201, description = "The invoice, or the payment", body = PaymentView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/api/v1/payments")]
pub(crate) async fn create_payment(
    key: LedgerKey,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    act(&app, key, async |key| order(&app, key, &idempotency, &body).await).await
}

async fn order(app: &App, key: WalletKey, idempotency: &Idempotency, body: &Body) -> Result<HttpResponse, ApiError> {
    let order: PaymentOrder = body.json()?;
    let claim = idempotency.claim(app, &key, body)?;
    let services = &app.services;
    let payment = if order.out.unwrap_or(order.bolt11.is_some()) {
        let key = require_admin(key)?;
        match payments::paid_before(services, key, claim).await? {
            Some(before) => before,
            None => payments::pay(services, key, claim, pay::read(order, &services.policy)?).await?,
        }
    } else {
        match payments::created_before(services, key, claim).await? {
            Some(before) => before,
            None => payments::create(services, key, claim, create::read(order, services)?).await?,
        }
    };
    // As it was at its creation, also when it is answered again.
    let view = payment.try_map(|payment| {
        let created_at = payment.created_at;
        PaymentView::new(&services.sealer, payment, created_at)
    });
    // What has happened has happened, even where it cannot be shown.
    Ok(view.or(Err(ErrorCode::OutcomeUnknown))?.respond())
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
pub(crate) async fn get_payment(
    SeenPayment { viewer, sides }: SeenPayment,
    app: State,
) -> Result<HttpResponse, ApiError> {
    // The payee's side comes first. Whoever has a side of its own is told of that: an invoice of another node may
    // have the payment hash of one that was made here.
    let own = viewer.and_then(|wallet| sides.iter().position(|side| side.wallet == wallet));
    let told = sides.get(own.unwrap_or_default()).ok_or(ErrorCode::PaymentNotFound)?;
    let now = clock::now();
    let (status, _) = standing(told.state, told.expires_at, now);
    let own = own.and_then(|place| sides.into_iter().nth(place));
    let own = own.map(|side| PaymentView::new(&app.services.sealer, side, now)).transpose()?;
    let own = own.map(|details| OwnSide { preimage: details.preimage().map(str::to_owned), details });
    let answer = PaymentStatus { paid: status == Status::Success, status: status_word(status), own };
    Ok(HttpResponse::Ok().json(answer))
}

query! {
    /// An invoice, as a parameter.
    pub(in crate::api) struct InvoiceParam {
        /// The BOLT11 invoice
        #[param(value_type = String)]
        invoice: Option<String>,
    }
}

impl InvoiceParam {
    /// The invoice, which must be there.
    pub(in crate::api) fn required(self) -> Result<String, ApiError> {
        self.invoice.ok_or_else(|| ApiError::field("invoice", "is missing"))
    }
}

/// What paying an invoice may cost
///
/// What is reserved beside its amount: nothing for an invoice that was issued here; otherwise what routing may cost at
/// most, and the operator's fee.
#[utoipa::path(
    tag = "Payments",
    params(InvoiceParam),
    responses((status = 200, description = "The reserve, in msat", body = FeeReserve))
)]
#[get("/api/v1/payments/fee-reserve")]
pub(crate) async fn fee_reserve(app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let text = params.read::<InvoiceParam>()?.required()?;
    let reserve = payments::fee_reserve(&app.services, PaymentRequest::parse(&text)?).await?;
    Ok(HttpResponse::Ok().json(FeeReserve { fee_reserve: reserve.get() }))
}

/// What routing a payment may cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeReserve {
    /// msat.
    #[schema(example = 0)]
    fee_reserve: i64,
}
