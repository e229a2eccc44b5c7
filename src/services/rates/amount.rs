//! Amounts that somebody asks for, in sat or in a currency, and what they are in sat.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use rust_decimal::Decimal;

use super::Rates;
use crate::domain::money::{Amount, check_unit};
use crate::rates::amount::{FiatAmount, InvalidFiat, NotInSat};
use crate::rates::currency::Currency;
use crate::rates::quotes::{Rate, RateError};
use crate::services::{Error, Services};

/// In what an amount is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Satoshi.
    Sat,
    /// A currency that is offered.
    Currency(Currency),
}

/// Nothing can be counted in the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUnit {
    /// There is only one.
    #[error("must be sat")]
    NotSat,
    /// It is none of the currencies that are offered.
    #[error("must be sat, or the code of a currency that is offered, as USD")]
    Unknown,
}

/// How much somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// So many sat.
    Sat(Amount),
    /// So much of a currency, whatever that is in sat when it comes to it.
    Currency(Currency, FiatAmount),
}

/// How much that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// In sat.
    pub amount: Amount,
    /// What was asked for, and at which rate, where it was in a currency.
    pub fiat: Option<(Currency, FiatAmount, Rate)>,
}

impl Rates {
    /// Reads a unit; nothing is sat. Currencies are in upper case, as in LNbits.
    pub fn unit(&self, unit: Option<&str>) -> Result<Unit, InvalidUnit> {
        let Some(unit) = unit.filter(|unit| check_unit(unit).is_err()) else { return Ok(Unit::Sat) };
        if !self.is_on() {
            return Err(InvalidUnit::NotSat);
        }
        let offered = Currency::new(unit).ok().filter(|currency| self.offers(*currency));
        offered.map(Unit::Currency).ok_or(InvalidUnit::Unknown)
    }
}

impl Asked {
    const fn currency(self) -> Option<Currency> {
        match self {
            Self::Sat(_) => None,
            Self::Currency(currency, _) => Some(currency),
        }
    }
}

/// The rates of what several amounts are in, all of one moment.
#[derive(Debug)]
pub struct Quoted {
    rates: BTreeMap<Currency, Rate>,
    sat_max: i64,
}

/// The rates of what amounts are in. Fails where there is one that cannot be trusted; where all are in
/// sat, nothing is looked up.
pub async fn quote(services: &Services, asked: impl Iterator<Item = Asked>) -> Result<Quoted, Error> {
    let currencies: BTreeSet<_> = asked.filter_map(Asked::currency).collect();
    let mut quoted = Quoted { rates: BTreeMap::new(), sat_max: services.policy.invoice_sat_max };
    if !currencies.is_empty() {
        let rate = async |currency| Ok::<_, Error>((currency, services.rates.rate(currency).await?));
        quoted.rates.extend(try_join_all(currencies.into_iter().map(rate)).await?);
    }
    Ok(quoted)
}

/// What somebody asks for in sat, at the rate of now. Fails where there is no rate that can be
/// trusted, and where it is less than one sat or more than an invoice may be.
pub async fn price(services: &Services, asked: Asked) -> Result<Priced, Error> {
    quote(services, std::iter::once(asked)).await?.price(0, asked)
}

impl Quoted {
    /// What the `index`th of the amounts is in sat: rounded down, at least one and no more than an
    /// invoice may be.
    pub fn price(&self, index: usize, asked: Asked) -> Result<Priced, Error> {
        match asked {
            Asked::Sat(amount) => Ok(Priced { amount, fiat: None }),
            Asked::Currency(currency, fiat) => {
                let rate = self.rates.get(&currency).ok_or(RateError::Unavailable)?;
                let amount = fiat.in_sat(rate.price, self.sat_max).map_err(|why| not_in_sat(index, why))?;
                Ok(Priced { amount, fiat: Some((currency, fiat, rate.clone())) })
            }
        }
    }
}

/// What an amount of a currency is in sat, at the rate of now: rounded down, and bounded as an
/// invoice is. For several amounts of one currency, as the ends of a range, ask [`Rates::rate`]
/// once and use [`amount_at`].
pub async fn amount_of(services: &Services, currency: Currency, amount: Decimal) -> Result<Amount, Error> {
    amount_at(services, &services.rates.rate(currency).await?, amount)
}

/// As [`amount_of`], at a rate that is known.
pub fn amount_at(services: &Services, rate: &Rate, amount: Decimal) -> Result<Amount, Error> {
    let fiat = FiatAmount::from_decimal(amount).map_err(|why: InvalidFiat| invalid(0, why.to_string()))?;
    fiat.in_sat(rate.price, services.policy.invoice_sat_max).map_err(|why| not_in_sat(0, why))
}

fn not_in_sat(index: usize, why: NotInSat) -> Error {
    invalid(index, why.to_string())
}

const fn invalid(index: usize, message: String) -> Error {
    Error::InvalidItem { index, field: "amount", message }
}
