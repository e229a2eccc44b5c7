//! Pay links and Lightning addresses: what their owners do with them ([`manage`]), what anybody who
//! pays is told ([`serve`]), and paying them from a wallet of this server ([`pay`]).

pub(crate) mod manage;
pub(crate) mod pay;
pub(crate) mod serve;
pub(crate) mod served;

pub use crate::store::pay_links::{PayLink, Terms};

use super::rates::amount_at;
use super::{Error, Services};
use crate::domain::lnurl::pay_range::PayRange;
use crate::domain::lnurl::sendable::Sendable;
use crate::domain::money::Amount;
use crate::rates::currency::Currency;

/// How much a link takes now, no more than an invoice may ask for. Where it counts in a currency,
/// that is as the rate of the moment says.
/// That an amount is more than one invoice of this server may be for.
fn above_maximum(services: &Services) -> Error {
    let message = format!("is more than the {} sat that this server takes at once", services.policy.invoice_sat_max);
    Error::Invalid { field: "amount", message }
}

async fn sendable(services: &Services, terms: &Terms) -> Result<Sendable, Error> {
    let sendable = match (terms.range, terms.currency.as_deref()) {
        (PayRange::Sat(sendable), _) => sendable,
        (PayRange::Currency(range), currency) => {
            let currency = currency.and_then(|code| Currency::new(code).ok()).ok_or(Error::Fault)?;
            let rate = services.rates.rate(currency).await?;
            range.sendable(|amount| amount_at(services, &rate, amount))?
        }
    };
    let most = Amount::from_sat(services.policy.invoice_sat_max).or(Err(Error::Fault))?;
    // An operator may have lowered it since; then nothing above it is taken.
    Sendable::new(sendable.min(), sendable.max().min(most)).ok_or_else(|| above_maximum(services))
}
