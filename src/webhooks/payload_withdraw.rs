//! The webhook of a withdraw link, as LNbits' extension sends it. Neither the server's format nor the
//! tenant's choice changes it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::extra::Extra;
use crate::domain::ids::PaymentHash;
use crate::domain::json::Members;
use crate::store::StoreError;
use crate::store::pay_links::Hook;
use crate::store::payments::Payment;

#[derive(Serialize)]
struct WithdrawBody<'a> {
    payment_hash: PaymentHash,
    payment_request: &'a str,
    /// By what clients know the link.
    lnurlw: Option<&'a RawValue>,
    /// What the link adds, or an empty text.
    body: &'a RawValue,
}

/// The body that tells of a withdrawal. Which link has paid is kept with the payment; a link that is
/// deleted adds nothing.
pub fn of_payment(payment: &Payment, hook: &Hook) -> Result<String, StoreError> {
    let none = Extra::default();
    let extra = payment.extra.as_ref().unwrap_or(&none);
    let members = Members::read(extra.as_str()).map_err(|error| StoreError::Broken(format!("an extra is {error}")))?;
    let body = WithdrawBody {
        payment_hash: payment.payment_hash,
        payment_request: payment.bolt11.as_deref().unwrap_or_default(),
        lnurlw: members.get("withdrawal_link_id").map(raw_value).transpose()?,
        body: raw_value(hook.body.as_ref().map_or("\"\"", |body| body.as_str()))?,
    };
    serde_json::to_string(&body).map_err(|error| StoreError::Broken(error.to_string()))
}

fn raw_value(json: &str) -> Result<&RawValue, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Broken(error.to_string()))
}
