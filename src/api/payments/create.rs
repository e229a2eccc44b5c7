//! Reading what an invoice is to say.

use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::api::payments::PaymentOrder;
use crate::domain::expiry::Expiry;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::node::Description;
use crate::domain::text::Memo;
use crate::services::Policy;
use crate::services::payments::InvoiceTerms;

/// Checks what is asked, and tells everything that is wrong with it.
pub(super) fn read(order: PaymentOrder, policy: &Policy) -> Result<InvoiceTerms, ApiError> {
    let mut checks = Checks::default();
    order.check_instructions(&mut checks)?;
    let amount = checks.amount(order.amount, policy.invoice_sat_max);
    let expiry = checks.check("expiry", Expiry::from_client(order.expiry));
    let hashed = Description::from_hex(order.description_hash.as_deref(), order.unhashed_description.as_deref());
    let hashed = checks.check("description_hash", hashed);
    // As LNbits: the memo is not kept where the invoice says only a hash.
    let memo = order.memo.filter(|_| !matches!(hashed, Some(Some(_)))).unwrap_or_default();
    let memo = checks.check("memo", Memo::new(memo));
    let webhook = checks.check_opt("webhook", order.webhook, |text| policy.targets.accept(text));
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let external_id = checks.check_opt("external_id", order.external_id, ExternalId::new);
    match (amount, expiry, hashed, memo, webhook, extra, external_id) {
        (Some(amount), Some(expiry), Some(hashed), Some(memo), Some(webhook), Some(extra), Some(external_id))
            if checks.is_fine() =>
        {
            let description = hashed.unwrap_or_else(|| Description::Words(memo.clone()));
            Ok(InvoiceTerms { amount, description, memo, expiry, webhook, extra, external_id })
        }
        _ => Err(checks.into_error()),
    }
}
