//! The webhook of a pay link, as LNbits' extension sends it: `amount` is in msat. Neither the server's
//! format nor the tenant's choice changes it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::extra::Extra;
use crate::domain::ids::PaymentHash;
use crate::domain::json::Members;
use crate::domain::money::Msat;
use crate::store::StoreError;
use crate::store::pay_links::Hook;
use crate::store::payments::Payment;

#[derive(Serialize)]
struct PayLinkBody<'a> {
    payment_hash: PaymentHash,
    payment_request: &'a str,
    /// msat.
    amount: Msat,
    comment: Option<&'a RawValue>,
    webhook_data: Option<&'a RawValue>,
    /// By what URLs know the link.
    lnurlp: Option<&'a RawValue>,
    body: Option<&'a RawValue>,
    /// Of Nostr, which is not spoken.
    zap_receipt: Option<()>,
}

/// The body that tells of a payment to an invoice that a link has given. What the payer has said is
/// kept with the invoice, where the link has put it; a link that is deleted adds nothing.
pub fn of_payment(payment: &Payment, hook: &Hook) -> Result<String, StoreError> {
    let none = Extra::default();
    let extra = payment.extra.as_ref().unwrap_or(&none);
    let members = Members::read(extra.as_str()).map_err(|error| StoreError::Broken(format!("an extra is {error}")))?;
    let member = |name: &str| members.get(name).map(raw_value).transpose();
    let body = PayLinkBody {
        payment_hash: payment.payment_hash,
        payment_request: payment.bolt11.as_deref().unwrap_or_default(),
        amount: payment.amount,
        comment: member("comment")?,
        webhook_data: member("webhook_data")?,
        lnurlp: member("link")?,
        body: hook.body.as_ref().map(|body| raw_value(body.as_str())).transpose()?,
        zap_receipt: None,
    };
    serde_json::to_string(&body).map_err(|error| StoreError::Broken(error.to_string()))
}

fn raw_value(json: &str) -> Result<&RawValue, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Broken(error.to_string()))
}
