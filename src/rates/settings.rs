//! What the operator says about rates: which sources, which currencies, and how much they must
//! agree.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use rust_decimal::Decimal;

use super::currency::{Currency, InvalidCurrency};
use super::price::{InvalidPrice, Price};
use super::quotes::Rules;
use super::sources::{InvalidSource, Source, USUAL};
use crate::domain::number::{FixedPoint, fixed_point, whole_number};

/// How many sources must agree, where the operator does not say.
const QUORUM: usize = 2;
/// The most sources that there can be.
const SOURCES_MAX: usize = 32;
/// The longest that a quote may count, in seconds.
const AGE_S_MAX: i64 = 86_400;
/// Decimals of a percentage.
const PERCENT_PLACES: u8 = 4;
/// The widest divergence: 50 %, in units of its last decimal.
const PERCENT_UNITS_MAX: i128 = 50 * 10_000;

/// The value of a list cannot be read. What stands there is not told: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidList {
    /// One of its sources.
    #[error("the {number}. {why}")]
    Source {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        why: InvalidSource,
    },
    /// There are too many.
    #[error("must be at most {SOURCES_MAX} sources")]
    TooMany,
    /// One of its currencies.
    #[error("the {number}. {why}")]
    Currency {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        why: InvalidCurrency,
    },
    /// One of its prices.
    #[error("the {number}. price {why}")]
    Price {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        why: InvalidPrice,
    },
    /// One of its fixed rates is no pair.
    #[error("the {number}. must be a currency and what a bitcoin costs in it, as USD=65000")]
    Pair {
        /// Which, from 1.
        number: usize,
    },
    /// One stands there twice.
    #[error("the {number}. is there twice")]
    Twice {
        /// Which, from 1.
        number: usize,
    },
}

/// The entries of a list with commas between, and their numbers from 1.
fn entries(text: &str) -> impl Iterator<Item = (&str, usize)> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).zip(1..)
}

/// `--rates`: sources by name, and `name=url#/json/pointer/{CUR}`; `default` stands for
/// [`USUAL`]. None is off. A comma in a URL is written `%2C`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<Source>);

impl FromStr for Sources {
    type Err = InvalidList;

    fn from_str(text: &str) -> Result<Self, InvalidList> {
        let mut sources: Vec<Source> = Vec::new();
        for (entry, number) in entries(text) {
            let named = if entry == "default" { USUAL.to_vec() } else { vec![entry] };
            for name in named {
                let source = Source::read(name).map_err(|why| InvalidList::Source { number, why })?;
                if sources.iter().any(|known| known.name() == source.name()) {
                    return Err(InvalidList::Twice { number });
                }
                sources.push(source);
            }
        }
        if sources.len() > SOURCES_MAX { Err(InvalidList::TooMany) } else { Ok(Self(sources)) }
    }
}

/// `--rate-currencies`: those that are offered, in any case. None is the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Currencies(BTreeSet<Currency>);

impl FromStr for Currencies {
    type Err = InvalidList;

    fn from_str(text: &str) -> Result<Self, InvalidList> {
        let read = |(entry, number)| Currency::any_case(entry).map_err(|why| InvalidList::Currency { number, why });
        entries(text).map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// `--rate-fixed`: what a bitcoin costs because the operator says so, as `USD=65000,PTS=1000000`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixedRates(BTreeMap<Currency, Price>);

impl FromStr for FixedRates {
    type Err = InvalidList;

    fn from_str(text: &str) -> Result<Self, InvalidList> {
        let mut rates = BTreeMap::new();
        for (entry, number) in entries(text) {
            let (currency, price) = entry.split_once('=').ok_or(InvalidList::Pair { number })?;
            let currency = Currency::any_case(currency).map_err(|why| InvalidList::Currency { number, why })?;
            let price = Price::read(price).map_err(|why| InvalidList::Price { number, why })?;
            if rates.insert(currency, price).is_some() {
                return Err(InvalidList::Twice { number });
            }
        }
        Ok(Self(rates))
    }
}

/// `--rate-max-age`: how old a quote may be, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAge(i64);

/// The text is no such age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of seconds from 1 to {AGE_S_MAX}")]
pub struct InvalidMaxAge;

impl Default for MaxAge {
    fn default() -> Self {
        Self(300)
    }
}

impl FromStr for MaxAge {
    type Err = InvalidMaxAge;

    fn from_str(text: &str) -> Result<Self, InvalidMaxAge> {
        let seconds = whole_number(text).ok().filter(|seconds| (1..=AGE_S_MAX).contains(seconds));
        seconds.map(Self).ok_or(InvalidMaxAge)
    }
}

/// `--rate-divergence`: how far a quote may be from the median of all, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence(Decimal);

/// The text is no such percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of percent above 0 and at most 50, with at most {PERCENT_PLACES} decimals, as 2")]
pub struct InvalidDivergence;

impl Default for Divergence {
    fn default() -> Self {
        Self(Decimal::TWO)
    }
}

impl FromStr for Divergence {
    type Err = InvalidDivergence;

    fn from_str(text: &str) -> Result<Self, InvalidDivergence> {
        let text = text.trim();
        let FixedPoint { units, is_exact } =
            fixed_point(text.strip_suffix('%').unwrap_or(text), PERCENT_PLACES).or(Err(InvalidDivergence))?;
        if !is_exact || !(1..=PERCENT_UNITS_MAX).contains(&units) {
            return Err(InvalidDivergence);
        }
        Ok(Self(Decimal::from_i128_with_scale(units, PERCENT_PLACES.into()).normalize()))
    }
}

/// `--rate-quorum`: how many sources must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum(usize);

/// The text is no such number, or there are not as many sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of sources, from 1 to as many as there are")]
pub struct InvalidQuorum;

impl FromStr for Quorum {
    type Err = InvalidQuorum;

    fn from_str(text: &str) -> Result<Self, InvalidQuorum> {
        let count = whole_number(text).ok().and_then(|count| usize::try_from(count).ok());
        count.filter(|count| (1..=SOURCES_MAX).contains(count)).map(Self).ok_or(InvalidQuorum)
    }
}

/// What the operator says, as far as it makes rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(super) sources: Vec<Source>,
    pub(super) fixed: BTreeMap<Currency, Price>,
    pub(super) currencies: BTreeSet<Currency>,
    pub(super) rules: Rules,
}

impl Settings {
    /// Puts them together; `None` where there are no rates at all. A currency with a fixed rate is
    /// offered whether it is named or not; without sources there are no others.
    pub fn new(
        Sources(sources): Sources,
        Currencies(named): Currencies,
        FixedRates(fixed): FixedRates,
        MaxAge(age_max_s): MaxAge,
        Divergence(divergence_percent): Divergence,
        quorum: Option<Quorum>,
    ) -> Result<Option<Self>, InvalidQuorum> {
        let count = sources.len().saturating_add(usize::from(!fixed.is_empty()));
        if count == 0 {
            return Ok(None);
        }
        let Quorum(quorum) = quorum.unwrap_or(Quorum(QUORUM.min(count)));
        if quorum > count {
            return Err(InvalidQuorum);
        }
        let mut currencies = match (sources.is_empty(), named.is_empty()) {
            (true, _) => BTreeSet::new(),
            (false, true) => Currency::usual().collect(),
            (false, false) => named,
        };
        currencies.extend(fixed.keys());
        Ok(Some(Self { sources, fixed, currencies, rules: Rules { age_max_s, divergence_percent, quorum } }))
    }

    /// Whether anything leaves the machine for them.
    pub const fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }
}

#[cfg(test)]
mod tests;
