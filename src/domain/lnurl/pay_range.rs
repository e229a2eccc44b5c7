//! How much a pay link takes, as it was made: in sat, or in a currency.

#![deny(clippy::arithmetic_side_effects)]

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::super::money::{Amount, InvalidAmount, SAT_MAX};
use super::sendable::Sendable;

/// The least that a link may take, in its unit.
const LEAST: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// The most decimals of an amount in a currency.
const DECIMALS_MAX: u32 = 8;
/// What a link takes, as it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayRange {
    /// In sat.
    Sat(Sendable),
    /// In a currency, whose rate says at each payment how many sat that is.
    Currency(CurrencyRange),
}

/// In what a link counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeUnit {
    /// Whole sat.
    Sat,
    /// A currency, with decimals.
    Currency,
}

/// The least and the most that a link takes, in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyRange {
    min: Decimal,
    max: Decimal,
}

/// Why no link takes such amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// An amount is too small to be one.
    #[error("must be at least {LEAST}")]
    TooSmall,
    /// An amount is more than there will ever be.
    #[error("must be at most {SAT_MAX}")]
    TooLarge,
    /// An amount in a currency is finer than can be counted with.
    #[error("must have at most {DECIMALS_MAX} decimals")]
    TooFine,
    /// Nothing is in between.
    #[error("Min is greater than max.")]
    MinAboveMax,
    /// A part of a sat.
    #[error("Must use full satoshis.")]
    NotWholeSat,
}

impl PayRange {
    /// Checks what a link is to take.
    pub fn new(min: Decimal, max: Decimal, unit: RangeUnit) -> Result<Self, InvalidRange> {
        if min < LEAST || max < LEAST {
            return Err(InvalidRange::TooSmall);
        }
        if min > Decimal::from(SAT_MAX) || max > Decimal::from(SAT_MAX) {
            return Err(InvalidRange::TooLarge);
        }
        if min > max {
            return Err(InvalidRange::MinAboveMax);
        }
        match unit {
            RangeUnit::Sat => {
                Sendable::new(whole_sat(min)?, whole_sat(max)?).map(Self::Sat).ok_or(InvalidRange::MinAboveMax)
            }
            RangeUnit::Currency => {
                let is_too_fine = |amount: Decimal| amount.normalize().scale() > DECIMALS_MAX;
                if is_too_fine(min) || is_too_fine(max) {
                    return Err(InvalidRange::TooFine);
                }
                Ok(Self::Currency(CurrencyRange { min: min.normalize(), max: max.normalize() }))
            }
        }
    }

    /// The least, in the link's unit.
    pub fn min(self) -> Decimal {
        match self {
            Self::Sat(range) => range.min().to_sat().into(),
            Self::Currency(range) => range.min,
        }
    }

    /// The most, in the link's unit.
    pub fn max(self) -> Decimal {
        match self {
            Self::Sat(range) => range.max().to_sat().into(),
            Self::Currency(range) => range.max,
        }
    }
}

impl CurrencyRange {
    /// How much that is, where `to_amount` says how much an amount of the currency is. Fails where
    /// that does, as for an amount of less than one sat.
    pub fn sendable<E>(self, to_amount: impl Fn(Decimal) -> Result<Amount, E>) -> Result<Sendable, E> {
        let (min, max) = (to_amount(self.min)?, to_amount(self.max)?);
        Ok(Sendable::between(min, max))
    }
}

fn whole_sat(amount: Decimal) -> Result<Amount, InvalidRange> {
    let sat = amount.to_i64().filter(|_| amount.is_integer()).ok_or(InvalidRange::NotWholeSat)?;
    Amount::from_sat(sat).map_err(|why| match why {
        InvalidAmount::NotPositive => InvalidRange::NotWholeSat,
        InvalidAmount::TooLarge => InvalidRange::TooLarge,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(min: &str, max: &str, unit: RangeUnit) -> Result<PayRange, InvalidRange> {
        PayRange::new(min.parse().unwrap(), max.parse().unwrap(), unit)
    }

    fn sendable(min_sat: i64, max_sat: i64) -> Sendable {
        Sendable::new(Amount::from_sat(min_sat).unwrap(), Amount::from_sat(max_sat).unwrap()).unwrap()
    }

    #[test]
    fn links_in_sat_take_whole_sat() {
        assert_eq!(range("1", "10.00", RangeUnit::Sat), Ok(PayRange::Sat(sendable(1, 10))));
        let all = range("2100000000000000", "2100000000000000", RangeUnit::Sat).unwrap();
        assert_eq!((all.min(), all.max()), (SAT_MAX.into(), SAT_MAX.into()));
        for (min, max, why) in [
            ("10", "9", InvalidRange::MinAboveMax),
            ("10.5", "9.5", InvalidRange::MinAboveMax),
            ("0.5", "9", InvalidRange::NotWholeSat),
            ("1", "9.5", InvalidRange::NotWholeSat),
            ("0.01", "1", InvalidRange::NotWholeSat),
            ("0", "1", InvalidRange::TooSmall),
            ("-1", "1", InvalidRange::TooSmall),
            ("0.009", "1", InvalidRange::TooSmall),
            ("1", "2100000000000001", InvalidRange::TooLarge),
            ("1", "79228162514264337593543950335", InvalidRange::TooLarge),
        ] {
            assert_eq!(range(min, max, RangeUnit::Sat), Err(why), "{min} to {max}");
        }
        assert_eq!(InvalidRange::TooSmall.to_string(), "must be at least 0.01");
    }

    #[test]
    fn links_in_a_currency_have_decimals() {
        let both = range("0.01", "10.500", RangeUnit::Currency).unwrap();
        assert_eq!((both.min().to_string(), both.max().to_string()), ("0.01".to_owned(), "10.5".to_owned()));
        assert!(range("0.12345678", "0.123456780", RangeUnit::Currency).is_ok());
        for (min, max, why) in [
            ("0.123456789", "1", InvalidRange::TooFine),
            ("0.001", "1", InvalidRange::TooSmall),
            ("1.02", "1.01", InvalidRange::MinAboveMax),
        ] {
            assert_eq!(range(min, max, RangeUnit::Currency), Err(why), "{min} to {max}");
        }
        let PayRange::Currency(range) = both else { panic!("{both:?}") };
        // 1000 sat a unit.
        let to_amount = |units: Decimal| Amount::from_sat((units * Decimal::from(1000)).to_i64().unwrap());
        assert_eq!(range.sendable(to_amount), Ok(sendable(10, 10_500)));
        assert_eq!(range.sendable(|_| Err("no rate")), Err("no rate"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn whatever_the_decimals_a_range_holds_or_is_refused(
            (min, max) in any::<(i128, i128)>(),
            (min_scale, max_scale) in (0..=28_u32, 0..=28_u32),
            is_sat in any::<bool>(),
        ) {
            let decimal = |number: i128, scale| Decimal::from_i128_with_scale(number >> 33, scale);
            let (min, max) = (decimal(min, min_scale), decimal(max, max_scale));
            let unit = if is_sat { RangeUnit::Sat } else { RangeUnit::Currency };
            if let Ok(range) = PayRange::new(min, max, unit) {
                prop_assert_eq!((range.min(), range.max()), (min, max));
                prop_assert!(min >= LEAST && min <= max && (!is_sat || (min.is_integer() && max.is_integer())));
            }
        }
    }
}
