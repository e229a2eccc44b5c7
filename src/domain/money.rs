//! Money: integers of millisatoshi (msat), never a bare number, never unchecked arithmetic.
//!
//! One satoshi (sat) is 1000 msat. Requests use sat, the ledger uses msat.

#![deny(clippy::arithmetic_side_effects)]

use serde::Serialize;
use utoipa::ToSchema;

/// Millisatoshi in one satoshi.
const MSAT_PER_SAT: i64 = 1000;

/// All satoshis that will ever exist: those of 21,000,000 bitcoin.
pub const SAT_MAX: i64 = 21_000_000 * 100_000_000;
/// The same in msat: no amount and no balance is larger, and no more is ever issued.
pub const MSAT_MAX: Msat = Msat(SAT_MAX * MSAT_PER_SAT);

/// A balance or a signed movement in msat. Wallet balances are never negative; system
/// accounts, and the outgoing side of a payment, are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
pub struct Msat(i64);

impl Msat {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From a number of msat.
    pub const fn new(msat: i64) -> Self {
        Self(msat)
    }

    /// The number of msat.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whole sat, rounded towards zero.
    pub const fn to_sat(self) -> i64 {
        self.0 / MSAT_PER_SAT
    }

    /// True below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// True at exactly zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// True if it exceeds the supply of bitcoin.
    pub const fn is_beyond_supply(self) -> bool {
        self.0 > MSAT_MAX.0
    }

    /// True if it is below the negated supply of bitcoin.
    pub const fn is_below_supply(self) -> bool {
        self.0 < -MSAT_MAX.0
    }

    /// This plus `amount`; `None` if it overflows an `i64` of msat.
    pub fn checked_add(self, amount: Amount) -> Option<Self> {
        self.0.checked_add(amount.0).map(Self)
    }

    /// This minus `amount`; `None` if it overflows an `i64` of msat.
    pub fn checked_sub(self, amount: Amount) -> Option<Self> {
        self.0.checked_sub(amount.0).map(Self)
    }

    /// What of a balance is left to spend when this much of it is held.
    #[must_use]
    pub const fn without(self, held: Self) -> Self {
        Self(self.0.saturating_sub(held.0))
    }

    /// A balance together with what is held beside it.
    #[must_use]
    pub const fn with(self, held: Self) -> Self {
        Self(self.0.saturating_add(held.0))
    }

    /// The same movement seen from the other side.
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }
}

/// An amount to move, in msat: always positive. A new one is at most [`MSAT_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i64);

/// What is wrong with an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// It is not positive.
    #[error("must be a whole number of sat, above 0")]
    NotPositive,
    /// It exceeds the supply of bitcoin.
    #[error("must be at most {SAT_MAX} sat: there are no more than 21000000 bitcoin")]
    TooLarge,
}

/// What is wrong with an amount that somebody asks to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrder {
    /// It exceeds the server's limit for one movement.
    #[error("must be at most {sat_max} sat")]
    OverLimit {
        /// The limit, in sat.
        sat_max: i64,
    },
    /// It is not a valid amount.
    #[error(transparent)]
    Invalid(#[from] InvalidAmount),
}

/// The unit is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be sat")]
pub struct NotSat;

/// Checks that a unit is the only supported one, in upper or lower case.
pub const fn check_unit(unit: &str) -> Result<(), NotSat> {
    if unit.eq_ignore_ascii_case("sat") { Ok(()) } else { Err(NotSat) }
}

impl Amount {
    /// From a number of sat, limited to `sat_max`.
    pub fn from_sat_within(sat: i64, sat_max: i64) -> Result<Self, InvalidOrder> {
        if sat > sat_max {
            return Err(InvalidOrder::OverLimit { sat_max });
        }
        Ok(Self::from_sat(sat)?)
    }

    /// From a number of sat.
    pub fn from_sat(sat: i64) -> Result<Self, InvalidAmount> {
        if sat > SAT_MAX {
            return Err(InvalidAmount::TooLarge);
        }
        sat.checked_mul(MSAT_PER_SAT).ok_or(InvalidAmount::NotPositive).and_then(Self::from_msat)
    }

    /// From a number of msat.
    pub const fn from_msat(msat: i64) -> Result<Self, InvalidAmount> {
        if Msat(msat).is_beyond_supply() { Err(InvalidAmount::TooLarge) } else { Self::from_stored(msat) }
    }

    /// From a stored number of msat. Databases may hold amounts above the supply of bitcoin, from
    /// before this was checked.
    pub const fn from_stored(msat: i64) -> Result<Self, InvalidAmount> {
        if msat > 0 { Ok(Self(msat)) } else { Err(InvalidAmount::NotPositive) }
    }

    /// Whole sat, rounded down.
    pub const fn to_sat(self) -> i64 {
        self.0 / MSAT_PER_SAT
    }

    /// The number of msat, always positive.
    pub const fn msat(self) -> i64 {
        self.0
    }

    /// The amount as a movement into an account.
    pub const fn incoming(self) -> Msat {
        Msat(self.0)
    }

    /// The amount as a movement out of an account.
    #[expect(clippy::arithmetic_side_effects, reason = "an amount is positive, so its negation fits")]
    pub const fn outgoing(self) -> Msat {
        Msat(-self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_told_before_the_supply() {
        let amount = |sat, sat_max| Amount::from_sat_within(sat, sat_max);
        assert_eq!(amount(1, 1), Amount::from_sat(1).map_err(InvalidOrder::from));
        assert_eq!(amount(2, 1), Err(InvalidOrder::OverLimit { sat_max: 1 }));
        assert_eq!(amount(i64::MAX, SAT_MAX), Err(InvalidOrder::OverLimit { sat_max: SAT_MAX }));
        assert_eq!(amount(i64::MAX, i64::MAX), Err(InvalidAmount::TooLarge.into()));
        for sat in [0, -1, i64::MIN] {
            assert_eq!(amount(sat, 1), Err(InvalidAmount::NotPositive.into()), "{sat}");
        }
    }

    #[test]
    fn the_only_unit_is_sat() {
        for unit in ["sat", "SAT", "Sat"] {
            assert_eq!(check_unit(unit), Ok(()), "{unit}");
        }
        for unit in ["", "sats", " sat", "usd", "msat"] {
            assert_eq!(check_unit(unit), Err(NotSat), "{unit:?}");
        }
    }
}
