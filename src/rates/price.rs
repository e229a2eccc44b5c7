//! Prices: what one bitcoin costs in a currency.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::domain::money::Msat;
use crate::domain::number::fixed_point;

/// Decimals of a price, and of an amount.
pub(super) const PLACES: u8 = 8;
/// Sat in one bitcoin.
pub(super) const SAT_PER_BITCOIN: i64 = 100_000_000;
/// The highest price: beyond that of every currency there is.
const UNITS_MAX: i128 = 1_000_000_000_000_000 * 100_000_000;
/// Digits of what a unit of a currency is in sat: as many as a double holds.
const RATE_DIGITS: u32 = 15;
/// Decimals of an amount that is shown beside sat.
pub(super) const SHOWN_PLACES: u32 = 3;
/// Decimals of millisat in one bitcoin.
const MSAT_PLACES: u32 = 11;

/// What one bitcoin costs: above zero, at most 10^15, with at most 8 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(Decimal);

/// The text is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrice {
    /// It is no number.
    #[error("must be a decimal number")]
    NotNumber,
    /// It is not above zero, or less than the last decimal that counts.
    #[error("must be at least 0.00000001")]
    NotPositive,
    /// It is more than any currency's.
    #[error("must be at most 1000000000000000")]
    TooLarge,
}

impl Price {
    /// Reads a price out of its text, never through a float. Decimals beyond the eighth are left
    /// out.
    pub fn read(text: &str) -> Result<Self, InvalidPrice> {
        use crate::domain::number::InvalidDecimal::{NotNumber, OutOfRange};
        let units = match fixed_point(text, PLACES) {
            Ok(number) => number.units,
            Err(NotNumber) => return Err(InvalidPrice::NotNumber),
            Err(OutOfRange) if text.trim_start().starts_with('-') => return Err(InvalidPrice::NotPositive),
            Err(OutOfRange) => return Err(InvalidPrice::TooLarge),
        };
        if units <= 0 {
            return Err(InvalidPrice::NotPositive);
        }
        if units > UNITS_MAX {
            return Err(InvalidPrice::TooLarge);
        }
        Ok(Self(Decimal::from_i128_with_scale(units, PLACES.into()).normalize()))
    }

    /// Units of the currency for one bitcoin (`price`, `btc_rate`). It is shown as a JSON number.
    pub const fn per_bitcoin(self) -> Decimal {
        self.0
    }

    /// Sat for one unit of the currency (`rate`, `fiat_rate`), to 15 digits.
    pub fn sat_per_unit(self) -> Decimal {
        let rate = Decimal::from(SAT_PER_BITCOIN) / self.0;
        rate.round_sf(RATE_DIGITS).unwrap_or(rate).normalize()
    }

    /// What money is worth, to three decimals: for display.
    pub fn worth_of(self, money: Msat) -> Decimal {
        self.worth_to(SHOWN_PLACES, money)
    }

    /// What money is worth, to as many decimals as an amount can have.
    pub fn full_worth_of(self, money: Msat) -> Decimal {
        self.worth_to(PLACES.into(), money)
    }

    fn worth_to(self, places: u32, money: Msat) -> Decimal {
        (bitcoin(money) * self.0).round_dp(places).normalize()
    }

    /// The price in the middle of two; between them even where it is rounded.
    pub(super) fn mean(self, other: Self) -> Self {
        let mean = (self.0 + other.0) / Decimal::TWO;
        Self(mean.round_dp_with_strategy(PLACES.into(), RoundingStrategy::ToZero).normalize())
    }

    /// Whether this is at most so many percent of the other one away from it.
    pub(super) fn is_within(self, percent: Decimal, other: Self) -> bool {
        (self.0 - other.0).abs() * Decimal::ONE_HUNDRED <= other.0 * percent
    }
}

/// Money in bitcoin: exact.
pub fn bitcoin(money: Msat) -> Decimal {
    Decimal::new(money.get(), MSAT_PLACES).normalize()
}

/// A price or an amount of at most [`PLACES`] decimals, in units of the last of them.
pub(super) fn units(value: Decimal) -> i128 {
    let mut value = value;
    value.rescale(PLACES.into());
    value.mantissa()
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(text: &str) -> Price {
        Price::read(text).unwrap()
    }

    #[test]
    fn a_price_keeps_its_digits() {
        let cases = [
            ("65000", "65000"),
            ("64123.52", "64123.52"),
            ("6.5e4", "65000"),
            (" 65000.10 ", "65000.1"),
            ("64123.123456789", "64123.12345678"),
            ("1000000000000000", "1000000000000000"),
            ("0.00000001", "0.00000001"),
        ];
        for (text, expected) in cases {
            assert_eq!(price(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_price_is_refused() {
        use InvalidPrice::{NotNumber, NotPositive, TooLarge};
        let long = "9".repeat(100_000);
        let negative = format!("-{long}");
        let cases = [
            ("", NotNumber),
            ("NaN", NotNumber),
            ("inf", NotNumber),
            ("Infinity", NotNumber),
            ("0x10", NotNumber),
            ("64,000", NotNumber),
            ("1e", NotNumber),
            ("0", NotPositive),
            ("-0", NotPositive),
            ("0.000000009", NotPositive),
            ("1e-999999999999999999999", NotPositive),
            ("-65000", NotPositive),
            (&negative, NotPositive),
            ("1000000000000000.00000001", TooLarge),
            ("1e999999999999999999999", TooLarge),
            (&long, TooLarge),
        ];
        for (text, expected) in cases {
            assert_eq!(Price::read(text), Err(expected), "{text:.40}");
        }
    }

    #[test]
    fn what_is_shown_is_rounded() {
        assert_eq!(price("65000").sat_per_unit().to_string(), "1538.46153846154");
        assert_eq!(price("100000000000").sat_per_unit().to_string(), "0.001");
        assert_eq!(price("65000").worth_of(Msat::new(16_153_000)).to_string(), "10.499");
        assert_eq!(price("65000").worth_of(Msat::new(-16_153_846)).to_string(), "-10.5");
        assert_eq!(price("65000").worth_of(Msat::ZERO).to_string(), "0");
        assert_eq!(price("65000").full_worth_of(Msat::new(1_000)).to_string(), "0.00065");
        assert_eq!(bitcoin(Msat::new(16_153_000)).to_string(), "0.00016153");
        // More than there are bitcoin, at the highest price.
        assert_eq!(price("1e15").worth_of(Msat::new(i64::MAX)).to_string(), "92233720368547758070000");
    }

    proptest! {
        #[test]
        fn the_mean_lies_between(a in 1..=UNITS_MAX, b in 1..=UNITS_MAX) {
            let of = |units| Price(Decimal::from_i128_with_scale(units, PLACES.into()));
            let mean = of(a).mean(of(b));
            prop_assert!(of(a).min(of(b)) <= mean && mean <= of(a).max(of(b)));
            prop_assert_eq!(mean, of(b).mean(of(a)));
            prop_assert_eq!(units(mean.0), i128::midpoint(a, b));
        }

        #[test]
        fn divergence_is_exact(a in 1..=UNITS_MAX, b in 1..=UNITS_MAX, percent in 1..=500_000_i64) {
            let of = |units| Price(Decimal::from_i128_with_scale(units, PLACES.into()));
            let expected = (a - b).abs() * 100 * 10_000 <= b * i128::from(percent);
            prop_assert_eq!(of(a).is_within(Decimal::new(percent, 4), of(b)), expected);
        }
    }
}
