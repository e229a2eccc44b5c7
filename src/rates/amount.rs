//! Amounts in other currencies, and what they are in sat: exact, and rounded down.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::price::{PLACES, Price, SAT_PER_BITCOIN, SHOWN_PLACES, units};
use crate::domain::money::{Amount, SAT_MAX};
use crate::domain::number::{FixedPoint, InvalidDecimal, fixed_point};

/// Amounts are below this, in their smallest unit: 18 digits before the point.
const UNITS_END: i128 = 10_i128.pow(26);

/// An amount in a currency: above zero, with at most 8 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FiatAmount(Decimal);

/// What is wrong with an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFiat {
    /// It is no number.
    #[error("must be a decimal number, as 10.5")]
    NotNumber,
    /// It is not above zero.
    #[error("must be above 0")]
    NotPositive,
    /// It has too many decimals.
    #[error("must have at most 8 decimals")]
    TooPrecise,
    /// It has too many digits.
    #[error("must have at most 18 digits before the point")]
    TooLarge,
}

/// What is wrong with what an amount is in sat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInSat {
    /// It is less than the smallest amount.
    #[error("must be worth at least 1 sat")]
    BelowOneSat,
    /// It is more than an invoice may be.
    #[error("must be worth at most {sat_max} sat")]
    TooLarge {
        /// The largest amount.
        sat_max: i64,
    },
}

impl FiatAmount {
    /// Reads an amount out of its text, never through a float.
    pub fn read(text: &str) -> Result<Self, InvalidFiat> {
        let is_negative = text.trim_start().starts_with('-');
        let FixedPoint { units, is_exact } = fixed_point(text, PLACES).map_err(|error| match error {
            InvalidDecimal::NotNumber => InvalidFiat::NotNumber,
            InvalidDecimal::OutOfRange if is_negative => InvalidFiat::NotPositive,
            InvalidDecimal::OutOfRange => InvalidFiat::TooLarge,
        })?;
        if units < 0 || (is_exact && units == 0) || (!is_exact && is_negative) {
            return Err(InvalidFiat::NotPositive);
        }
        if units >= UNITS_END {
            return Err(InvalidFiat::TooLarge);
        }
        if !is_exact {
            return Err(InvalidFiat::TooPrecise);
        }
        Ok(Self(Decimal::from_i128_with_scale(units, PLACES.into()).normalize()))
    }

    /// An amount that is a number already.
    pub fn from_decimal(amount: Decimal) -> Result<Self, InvalidFiat> {
        Self::read(&amount.to_string())
    }

    /// Reads an amount that is a number or a text in JSON.
    pub fn from_json(json: &RawValue) -> Result<Self, InvalidFiat> {
        match json.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(json.get())
                .or(Err(InvalidFiat::NotNumber))
                .and_then(|text| Self::read(&text)),
            _ => Self::read(json.get()),
        }
    }

    /// The amount as it was asked for (`fiat_amount`). It is shown as a JSON number.
    pub const fn decimal(self) -> Decimal {
        self.0
    }

    /// The amount as it is shown beside sat, to three decimals.
    pub fn shown(self) -> Decimal {
        self.0.round_dp(SHOWN_PLACES).normalize()
    }

    /// What it is in sat at a price, rounded down.
    pub fn in_sat(self, price: Price, sat_max: i64) -> Result<Amount, NotInSat> {
        let sat_max = sat_max.min(SAT_MAX);
        // At most 10^34, which an i128 holds. A price is above zero.
        let sat = units(self.0) * i128::from(SAT_PER_BITCOIN) / units(price.per_bitcoin());
        let too_large = NotInSat::TooLarge { sat_max };
        let sat = i64::try_from(sat).ok().filter(|sat| *sat <= sat_max).ok_or(too_large)?;
        Amount::from_sat(sat).or(Err(NotInSat::BelowOneSat))
    }
}

impl fmt::Display for FiatAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<String, InvalidFiat> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        FiatAmount::from_json(&raw).map(|amount| amount.to_string())
    }

    fn in_sat(amount: &str, price: &str, sat_max: i64) -> Result<i64, NotInSat> {
        let amount = FiatAmount::read(amount).unwrap();
        amount.in_sat(Price::read(price).unwrap(), sat_max).map(Amount::to_sat)
    }

    #[test]
    fn numbers_and_texts_are_amounts() {
        let cases = [
            ("10.5", "10.5"),
            ("\"10.50\"", "10.5"),
            ("\" 10 \"", "10"),
            ("1.05e1", "10.5"),
            ("\"\\u0031\"", "1"),
            ("0.00000001", "0.00000001"),
            ("0.100000000000000000000000000000000000000000000", "0.1"),
            ("999999999999999999.99999999", "999999999999999999.99999999"),
        ];
        for (json, expected) in cases {
            assert_eq!(read(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        use InvalidFiat::{NotNumber, NotPositive, TooLarge, TooPrecise};
        let cases = [
            ("\"\"", NotNumber),
            ("null", NotNumber),
            ("true", NotNumber),
            ("[1]", NotNumber),
            ("{}", NotNumber),
            ("\"NaN\"", NotNumber),
            ("\"inf\"", NotNumber),
            ("\"1,5\"", NotNumber),
            ("\"\\ud800\"", NotNumber),
            ("0", NotPositive),
            ("-0.0", NotPositive),
            ("-10.5", NotPositive),
            ("-1e400", NotPositive),
            ("-0.000000001", NotPositive),
            ("0.000000001", TooPrecise),
            ("0.30000000000000004", TooPrecise),
            ("1e-400", TooPrecise),
            ("1000000000000000000", TooLarge),
            ("1e400", TooLarge),
        ];
        for (json, expected) in cases {
            assert_eq!(read(json), Err(expected), "{json}");
        }
    }

    #[test]
    fn sat_are_rounded_down() {
        assert_eq!(in_sat("10.5", "65000", SAT_MAX), Ok(16_153));
        assert_eq!(in_sat("30.50", "100000", SAT_MAX), Ok(30_500));
        assert_eq!(in_sat("0.00065", "65000", SAT_MAX), Ok(1));
        assert_eq!(in_sat("0.00064999", "65000", SAT_MAX), Err(NotInSat::BelowOneSat));
        // Division to 28 digits would round this up to the next sat.
        let amount = "999999999999999.99999999";
        assert_eq!(in_sat(amount, "1000000000000000", SAT_MAX), Ok(99_999_999));
    }

    #[test]
    fn the_maximum_is_kept() {
        assert_eq!(in_sat("65000", "65000", 100_000_000), Ok(100_000_000));
        let too_large = |sat_max| Err(NotInSat::TooLarge { sat_max });
        assert_eq!(in_sat("65000.00065", "65000", 100_000_000), too_large(100_000_000));
        assert_eq!(in_sat("999999999999999999", "0.00000001", i64::MAX), too_large(SAT_MAX));
    }

    proptest! {
        #[test]
        fn never_more_than_it_is_worth(amount in 1..10_i128.pow(18), price in 1..=10_i128.pow(23)) {
            let text = |units: i128| Decimal::from_i128_with_scale(units, 8).to_string();
            match in_sat(&text(amount), &text(price), SAT_MAX) {
                Ok(sat) => {
                    let sat = i128::from(sat);
                    prop_assert!(sat * price <= amount * 100_000_000 && amount * 100_000_000 < (sat + 1) * price);
                }
                Err(NotInSat::BelowOneSat) => prop_assert!(amount * 100_000_000 < price),
                Err(NotInSat::TooLarge { .. }) => {
                    prop_assert!(amount * 100_000_000 >= (i128::from(SAT_MAX) + 1) * price);
                }
            }
        }

        #[test]
        fn any_text_is_judged(text in ".{0,40}") {
            if let Ok(amount) = FiatAmount::read(&text) {
                prop_assert!(amount.decimal() > Decimal::ZERO);
                prop_assert!(amount.decimal().scale() <= 8);
            }
        }
    }
}
