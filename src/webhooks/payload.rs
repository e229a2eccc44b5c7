//! Webhook payloads, built from the rows at sending time so that the outbox stores no preimages. A
//! client's own data is sent as it was written: it never becomes a `Value`, which would rewrite its
//! numbers and their order.

use serde::Serialize;

use crate::crypto::secret::Sealer;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::hold_view::HoldView;
use crate::domain::ids::{EventId, PaymentHash, WalletId};
use crate::domain::json::Members;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::ledger::state::InvoiceState;
use crate::store::StoreError;
use crate::store::payments::Payment;

/// The payload for a payment.
#[derive(Serialize)]
struct PaymentBody<'a> {
    event: &'static str,
    event_id: EventId,
    payment_hash: PaymentHash,
    checking_id: PaymentHash,
    payment_request: &'a str,
    bolt11: &'a str,
    wallet_id: WalletId,
    amount: i64,
    amount_sat: i64,
    amount_msat: i64,
    fee: i64,
    comment: &'a str,
    memo: &'a str,
    pending: bool,
    paid: bool,
    status: &'static str,
    state: &'static str,
    time: i64,
    expiry: i64,
    created_at: String,
    updated_at: String,
    expires_at: String,
    preimage: Option<String>,
    webhook: Option<&'a str>,
    tag: Option<String>,
    extra: &'a Extra,
    external_id: Option<&'a str>,
}

/// The first fields of any other payload, before the event's stored data.
#[derive(Serialize)]
struct Heading {
    event: &'static str,
    event_id: EventId,
    time: i64,
    created_at: String,
}

/// The body for a payment, as its wallet sees it, or for an invoice that was not paid in time.
/// `amount` is in sat here, because receivers have always read it so; all other fields are those of
/// the API's payments.
pub fn of_payment(sealer: &Sealer, event: EventId, kind: EventKind, payment: &Payment) -> Result<String, StoreError> {
    let is_paid = payment.state == InvoiceState::Paid;
    let preimage = payment.revealed_preimage(sealer)?;
    let none = Extra::default();
    let extra = payment.extra.as_ref().unwrap_or(&none);
    let bolt11 = payment.bolt11.as_deref().unwrap_or_default();
    let (status, state) = match payment.state {
        InvoiceState::Paid => ("success", "paid"),
        InvoiceState::Cancelled => ("failed", "cancelled"),
        InvoiceState::Open | InvoiceState::Held => ("failed", "expired"),
    };
    write(&PaymentBody {
        event: kind.as_str(),
        event_id: event,
        payment_hash: payment.payment_hash,
        checking_id: payment.payment_hash,
        payment_request: bolt11,
        bolt11,
        wallet_id: payment.wallet,
        amount: payment.amount.to_sat(),
        amount_sat: payment.amount.to_sat(),
        amount_msat: payment.amount.get(),
        fee: payment.fee.get(),
        comment: &payment.memo,
        memo: &payment.memo,
        pending: false,
        paid: is_paid,
        status,
        state,
        time: payment.created_at.seconds(),
        expiry: payment.expires_at.seconds(),
        created_at: payment.created_at.to_iso(),
        updated_at: payment.paid_at.unwrap_or(payment.created_at).to_iso(),
        expires_at: payment.expires_at.to_iso(),
        preimage,
        webhook: payment.webhook.as_deref(),
        tag: extra.tag(),
        extra,
        external_id: payment.external_id.as_ref().map(ExternalId::as_str),
    })
}

/// The body for any other event: its heading, followed by its stored data.
pub fn of_kept(event: EventId, kind: EventKind, kept: &str, at: UnixMs) -> Result<String, StoreError> {
    let heading = Heading { event: kind.as_str(), event_id: event, time: at.seconds(), created_at: at.to_iso() };
    let heading = write(&heading)?;
    let broken = |error| StoreError::Broken(format!("what was kept of an event is {error}"));
    let (heading, kept) = (Members::read(&heading).map_err(broken)?, Members::read(kept).map_err(broken)?);
    Ok(heading.merged_with(&kept))
}

/// The payload for a hold.
#[derive(Serialize)]
struct HoldBody<'a> {
    event: &'static str,
    event_id: EventId,
    time: i64,
    #[serde(flatten)]
    hold: &'a HoldView,
}

/// The body for a hold, as the move that caused the event left it.
pub fn of_hold(event: EventId, kind: EventKind, hold: &HoldView, at: UnixMs) -> Result<String, StoreError> {
    write(&HoldBody { event: kind.as_str(), event_id: event, time: at.seconds(), hold })
}

fn write(body: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(body).map_err(|error| StoreError::Broken(error.to_string()))
}
