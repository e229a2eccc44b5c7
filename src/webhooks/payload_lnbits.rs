//! The invoice webhook in the format of LNbits (1.6), for receivers written for it: the payment,
//! with amounts in msat and times as Python writes them. LNbits itself wraps the whole object in a
//! JSON string, a bug that it is about to fix; here it is an object.

use serde::Serialize;

use crate::crypto::secret::Sealer;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::{PaymentHash, WalletId};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::ledger::state::InvoiceState;
use crate::store::StoreError;
use crate::store::payments::Payment;

/// LNbits' fields in its order. Older versions had `pending`, and many receivers check `paid`.
#[derive(Serialize)]
struct LnbitsPayment<'a> {
    checking_id: PaymentHash,
    payment_hash: PaymentHash,
    wallet_id: WalletId,
    /// In msat; negative for outgoing payments.
    amount: Msat,
    fee: Msat,
    bolt11: &'a str,
    payment_request: &'a str,
    fiat_provider: Option<&'a str>,
    status: &'static str,
    memo: &'a str,
    expiry: String,
    webhook: Option<&'a str>,
    /// The status of the response, which is not known yet.
    webhook_status: Option<&'a str>,
    preimage: Option<String>,
    tag: Option<String>,
    extension: Option<&'a str>,
    time: String,
    created_at: String,
    updated_at: String,
    labels: [&'a str; 0],
    extra: Extra,
    external_id: Option<&'a str>,
    pending: bool,
    paid: bool,
}

/// The body for a payment, as its wallet sees it.
pub fn of_payment(sealer: &Sealer, payment: &Payment) -> Result<String, StoreError> {
    let paid = payment.state == InvoiceState::Paid;
    let preimage = payment.revealed_preimage(sealer)?;
    let extra = payment.extra.clone().unwrap_or_default();
    let bolt11 = payment.bolt11.as_deref().unwrap_or_default();
    let body = LnbitsPayment {
        checking_id: payment.payment_hash,
        payment_hash: payment.payment_hash,
        wallet_id: payment.wallet,
        amount: payment.amount,
        fee: payment.fee,
        bolt11,
        payment_request: bolt11,
        fiat_provider: None,
        status: if paid { "success" } else { "failed" },
        memo: &payment.memo,
        expiry: iso_of_python(payment.expires_at),
        webhook: payment.webhook.as_deref(),
        webhook_status: None,
        preimage,
        tag: extra.tag(),
        extension: None,
        time: iso_of_python(payment.created_at),
        created_at: iso_of_python(payment.created_at),
        updated_at: iso_of_python(payment.paid_at.unwrap_or(payment.created_at)),
        labels: [],
        extra,
        external_id: payment.external_id.as_ref().map(ExternalId::as_str),
        pending: false,
        paid,
    };
    serde_json::to_string(&body).map_err(|error| StoreError::Broken(error.to_string()))
}

/// ISO 8601 as Python's `isoformat` writes it: before 3.11, `fromisoformat` accepts no `Z`, and
/// only three or six fractional digits.
fn iso_of_python(at: UnixMs) -> String {
    let whole = UnixMs::new(at.seconds().saturating_mul(1000)).to_iso();
    let whole = whole.trim_end_matches('Z');
    match at.get().rem_euclid(1000) {
        0 => format!("{whole}+00:00"),
        ms => format!("{whole}.{ms:03}000+00:00"),
    }
}
