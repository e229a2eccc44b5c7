//! Reading what an invoice is to say.

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;
use crate::api::payments::PaymentOrder;
use crate::domain::expiry::Expiry;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::hold::LIFETIME_MAX_S;
use crate::domain::ids::PaymentHash;
use crate::domain::node::Description;
use crate::domain::text::Memo;
use crate::services::Services;
use crate::services::payments::InvoiceTerms;

/// Checks what is asked, and tells everything that is wrong with it.
pub(super) fn read(order: PaymentOrder, services: &Services) -> Result<InvoiceTerms, ApiError> {
    let (policy, mut checks) = (&services.policy, Checks::default());
    let unit = services.rates.unit(order.unit.as_deref()).or(Err(ErrorCode::UnsupportedUnit))?;
    order.check_instructions(&mut checks);
    if order.amount_msat.is_some() {
        checks.add("amount_msat", "say `amount` in sat");
    }
    let payment_hash = checks.check_opt("payment_hash", order.payment_hash, |text| PaymentHash::from_client(&text));
    let amount = checks.amount(order.amount.as_ref(), unit, policy.invoice_sat_max);
    let expiry = checks.check("expiry", Expiry::from_client(order.expiry));
    // As long as any other hold, at most: nobody but the payee can give the money back before.
    if payment_hash.flatten().is_some() && expiry.is_some_and(|it: Expiry| i64::from(it.seconds()) > LIFETIME_MAX_S) {
        checks.add("expiry", format_args!("must be at most {LIFETIME_MAX_S} seconds for a hold invoice"));
    }
    let hashed = Description::from_hex(order.description_hash.as_deref(), order.unhashed_description.as_deref());
    let hashed = checks.check("description_hash", hashed);
    // As LNbits: the memo is not kept where the invoice says only a hash.
    let memo = order.memo.filter(|_| !matches!(hashed, Some(Some(_)))).unwrap_or_default();
    let memo = checks.check("memo", Memo::new(memo));
    let webhook = checks.check_opt("webhook", order.webhook, |text| policy.targets.accept(text));
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let external_id = checks.check_opt("external_id", order.external_id, ExternalId::new);
    let (Some(amount), Some(expiry), Some(hashed), Some(memo), Some(payment_hash), true) =
        (amount, expiry, hashed, memo, payment_hash, checks.is_fine())
    else {
        return Err(checks.into_error());
    };
    let description = hashed.unwrap_or_else(|| Description::Words(memo.clone()));
    let (webhook, extra, external_id) = (webhook.flatten(), extra.flatten(), external_id.flatten());
    Ok(InvoiceTerms {
        amount,
        description,
        memo,
        expiry,
        webhook,
        extra,
        external_id,
        payment_hash,
        is_internal: order.internal,
    })
}
