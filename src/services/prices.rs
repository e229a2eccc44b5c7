//! What amounts of other currencies are worth, as use cases ask for it.

use std::fmt;

use rust_decimal::Decimal;

use super::Error;
use crate::domain::money::Amount;
use crate::rates::currency::Currency;

/// Who knows what a currency is worth. A price that cannot be trusted is an error, never a guess.
pub trait Prices: fmt::Debug + Send + Sync {
    /// How much an amount of a currency is now, rounded down to whole sat.
    fn in_sat(&self, currency: Currency, amount: Decimal) -> Result<Amount, Error>;
}

/// Where no rates are configured, nobody knows.
#[derive(Clone, Copy, Debug)]
pub struct Disabled;

impl Prices for Disabled {
    fn in_sat(&self, _: Currency, _: Decimal) -> Result<Amount, Error> {
        Err(Error::RatesDisabled)
    }
}
