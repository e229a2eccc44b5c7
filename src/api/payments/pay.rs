//! Reading what is to be paid.

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;
use crate::api::payments::PaymentOrder;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::money::{Amount, check_unit};
use crate::domain::number::whole_number;
use crate::domain::skim::SkimmedRequest;
use crate::services::Policy;
use crate::services::payments::PayTerms;

/// Checks what is asked, and tells everything that is wrong with it.
pub(super) fn read(order: PaymentOrder, policy: &Policy) -> Result<PayTerms, ApiError> {
    let mut checks = Checks::default();
    // The invoice itself says how much.
    if order.unit.as_deref().is_some_and(|unit| check_unit(unit).is_err()) {
        return Err(ErrorCode::UnsupportedUnit.into());
    }
    let amount_sat = checks.check_opt("amount", order.amount.as_ref(), |amount| whole_number(amount.as_str()));
    let amount_msat = checks.check_opt("amount_msat", order.amount_msat, Amount::from_msat);
    order.check_instructions(&mut checks);
    if order.payment_hash.is_some() {
        checks.add("payment_hash", "is for creating a hold invoice; leave it out");
    }
    if order.bolt11.is_none() {
        checks.add("bolt11", "is missing: the invoice to pay");
    }
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let webhook = checks.check_opt("webhook", order.webhook, |text| policy.targets.accept(text));
    let external_id = checks.check_opt("external_id", order.external_id, ExternalId::new);
    let (Some(bolt11), Some(extra), Some(webhook), Some(external_id), true) =
        (order.bolt11, extra, webhook, external_id, checks.is_fine())
    else {
        return Err(checks.into_error());
    };
    // Only an invoice that names no amount leaves it to the payer.
    let amount = amount_msat.flatten().or_else(|| Amount::from_sat(amount_sat.flatten()?).ok());
    Ok(PayTerms { request: SkimmedRequest::skim(&bolt11)?, amount, extra, webhook, external_id })
}
