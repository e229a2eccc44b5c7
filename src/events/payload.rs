//! What targets are told: made of the rows when it is sent, so that no preimage stands in the
//! outbox.

use serde_json::{Map, Value, json};

use crate::domain::events::EventKind;
use crate::domain::ids::EventId;
use crate::domain::node::Preimage;
use crate::domain::secret::{Sealer, UnsealError};
use crate::domain::time::UnixMs;
use crate::ledger::state::InvoiceState;
use crate::store::payments::Payment;

/// The body that tells of a payment, as its wallet sees it, or of an invoice that was not paid
/// in time. `amount` is in sat here, as receivers of these have always read it; all other
/// fields are those of the API's payments.
pub fn of_payment(sealer: &Sealer, event: EventId, kind: EventKind, payment: &Payment) -> Result<String, UnsealError> {
    let is_paid = payment.state == InvoiceState::Paid;
    let preimage =
        if is_paid { Some(Preimage::unseal(sealer, payment.invoice, &payment.preimage)?.reveal()) } else { None };
    let extra = payment.extra.clone().unwrap_or_default();
    let bolt11 = payment.bolt11.as_deref().unwrap_or_default();
    let (status, state) = if is_paid { ("success", "paid") } else { ("failed", "expired") };
    let body = json!({
        "event": kind.as_str(),
        "event_id": event,
        "payment_hash": payment.payment_hash,
        "checking_id": payment.payment_hash,
        "payment_request": bolt11,
        "bolt11": bolt11,
        "wallet_id": payment.wallet,
        "amount": payment.amount.to_sat(),
        "amount_sat": payment.amount.to_sat(),
        "amount_msat": payment.amount.get(),
        "fee": 0,
        "comment": payment.memo,
        "memo": payment.memo,
        "pending": false,
        "paid": is_paid,
        "status": status,
        "state": state,
        "time": payment.created_at.seconds(),
        "expiry": payment.expires_at.seconds(),
        "created_at": payment.created_at.to_iso(),
        "updated_at": payment.paid_at.unwrap_or(payment.created_at).to_iso(),
        "expires_at": payment.expires_at.to_iso(),
        "preimage": preimage,
        "webhook": payment.webhook,
        "tag": extra.tag(),
        "extra": extra,
    });
    Ok(body.to_string())
}

/// The body that tells of anything else: what was kept of it, and beside that what it is.
pub fn of_kept(event: EventId, kind: EventKind, kept: &str, at: UnixMs) -> Result<String, serde_json::Error> {
    let mut body = Map::new();
    body.insert("event".to_owned(), json!(kind.as_str()));
    body.insert("event_id".to_owned(), json!(event));
    body.insert("time".to_owned(), json!(at.seconds()));
    body.insert("created_at".to_owned(), json!(at.to_iso()));
    let kept: Map<String, Value> = serde_json::from_str(kept)?;
    body.extend(kept);
    Ok(Value::Object(body).to_string())
}
