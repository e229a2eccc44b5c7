//! Creating an invoice: reading what is asked, issuing, and storing through the ledger.

use bitcoin_hashes::hex::FromHex;

use crate::api::framework::app::App;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Created;
use crate::api::framework::params::Checks;
use crate::api::payments::PaymentOrder;
use crate::clock;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::InvoiceId;
use crate::domain::money::Amount;
use crate::domain::node::{Description, Preimage};
use crate::domain::text::{InvalidText, Memo, WebhookUrl};
use crate::domain::time::UnixMs;
use crate::ledger::command::{CreateInvoice, NewInvoice};
use crate::ledger::outcome::{Issued, Once};
use crate::ledger::state::InvoiceState;
use crate::net::targets::TargetPolicy;
use crate::services::idempotency;
use crate::store::payments::Payment;

/// How long an invoice can be paid where nothing is said, in seconds (BOLT 11).
const EXPIRY_S_DEFAULT: i64 = 3600;
/// The longest that an invoice can be paid, in seconds: ten years.
const EXPIRY_S_MAX: i64 = 10 * 365 * 24 * 3600;

/// What an invoice is to say, every part of it valid.
struct Terms {
    amount: Amount,
    /// In words, or by hash; then the memo is empty, as in LNbits.
    description: Description,
    memo: Memo,
    expiry_s: u32,
    webhook: Option<WebhookUrl>,
    extra: Option<Extra>,
}

/// Creates an invoice for the wallet of the calling key.
pub(crate) async fn create_invoice(
    app: &App,
    key: WalletKey,
    claim: Option<Claim>,
    order: PaymentOrder,
) -> Result<Created<Payment>, ApiError> {
    if let Some(before) = idempotency::payments_of(app, key, claim).await? {
        return invoice_again(app, &key, &before).await;
    }
    let terms = read(order, app.policy.invoice_sat_max, &app.policy.targets)?;
    let invoice = issue(app, &key, terms, clock::now())?;
    let command = CreateInvoice { authority: key.authority(), claim, invoice: invoice.clone() };
    match app.settle(command, key.consumer()).await? {
        Once::Done(Issued) => Ok(Created::new(incoming(invoice))),
        Once::Replayed { payments } => invoice_again(app, &key, &payments).await,
    }
}

/// Checks what is asked, and tells everything that is wrong with it.
fn read(order: PaymentOrder, sat_max: i64, targets: &TargetPolicy) -> Result<Terms, ApiError> {
    let mut checks = Checks::default();
    order.check_instructions(&mut checks)?;
    let amount = check_amount(&mut checks, order.amount, sat_max);
    let expiry_s = check_expiry(&mut checks, order.expiry);
    let hashed = checks.check("description_hash", hashed_description(&order));
    // As LNbits: the memo is not kept where the invoice says only a hash.
    let memo = order.memo.filter(|_| !matches!(hashed, Some(Some(_)))).unwrap_or_default();
    let memo = checks.check("memo", Memo::new(memo));
    let webhook = checks.check_opt("webhook", order.webhook, |text| targets.accept(text));
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    match (amount, expiry_s, hashed, memo, webhook, extra) {
        (Some(amount), Some(expiry_s), Some(hashed), Some(memo), Some(webhook), Some(extra)) if checks.is_fine() => {
            let description = hashed.unwrap_or_else(|| Description::Words(memo.clone()));
            Ok(Terms { amount, description, memo, expiry_s, webhook, extra })
        }
        _ => Err(checks.into_error()),
    }
}

fn issue(app: &App, key: &WalletKey, terms: Terms, now: UnixMs) -> Result<NewInvoice, ApiError> {
    let Terms { amount, description, memo, expiry_s, webhook, extra } = terms;
    let (id, preimage) = (InvoiceId::next(), Preimage::generate());
    let payment_hash = preimage.payment_hash();
    let bolt11 = app.node.issue(payment_hash, amount, description, expiry_s, now).map_err(|error| {
        tracing::error!(%error, "an invoice could not be issued");
        ErrorCode::Internal
    })?;
    Ok(NewInvoice {
        id,
        payment_hash,
        preimage: preimage.seal(&app.sealer, id),
        payee: key.wallet().account(),
        bolt11: Some(bolt11),
        amount,
        memo: memo.into_inner(),
        webhook: webhook.map(WebhookUrl::into_inner),
        extra,
        created_at: now,
        expires_at: now.plus_seconds(expiry_s.into()),
    })
}

fn check_expiry(checks: &mut Checks, seconds: Option<i64>) -> Option<u32> {
    // Many clients say 0 where they mean nothing: the zero of their language.
    let seconds = seconds.filter(|seconds| *seconds != 0).unwrap_or(EXPIRY_S_DEFAULT);
    let expiry = u32::try_from(seconds).ok().filter(|_| (1..=EXPIRY_S_MAX).contains(&seconds));
    if expiry.is_none() {
        checks.add("expiry", format_args!("must be a whole number of seconds from 1 to {EXPIRY_S_MAX}"));
    }
    expiry
}

/// The invoice that was created before, as it was answered then: whatever became of it since.
async fn invoice_again(app: &App, key: &WalletKey, ids: &[[u8; 16]]) -> Result<Created<Payment>, ApiError> {
    let now = idempotency::payment_again(app, key.wallet(), ids).await?;
    Ok(Created::again(Payment { state: InvoiceState::Open, paid_at: None, webhook_status: None, ..now }))
}

/// How much an invoice asks for: a whole number of sat within the limit.
pub(crate) fn check_amount(checks: &mut Checks, sat: Option<i64>, sat_max: i64) -> Option<Amount> {
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

/// In which unit an amount is: there is only one.
pub(crate) fn check_unit(checks: &mut Checks, unit: Option<&str>) {
    if unit.is_some_and(|unit| !unit.eq_ignore_ascii_case("sat")) {
        checks.add("unit", "must be sat");
    }
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
        webhook_status: None,
        extra: invoice.extra,
        created_at: invoice.created_at,
        expires_at: invoice.expires_at,
        paid_at: None,
    }
}
