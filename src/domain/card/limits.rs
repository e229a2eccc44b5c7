//! How much may be spent with a card: at once, and in one day.

#![deny(clippy::arithmetic_side_effects)]

use super::super::money::{Amount, Msat, SAT_MAX};

/// The limits of a card. One of nothing lets nothing be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardLimits {
    transaction: Msat,
    daily: Msat,
}

/// The number of sat is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of sat, from 0 to {SAT_MAX}")]
pub struct InvalidLimit;

/// A card's limits do not let an amount be spent; in the words that wallets and tills know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    /// It is more than the card spends at once.
    #[error("Payment failed - the card spends at most {max_sat} sat at once.")]
    Transaction {
        /// What it spends at once.
        max_sat: i64,
    },
    /// With what was spent today it is more than the card spends in one day.
    #[error("Max daily limit spent.")]
    Daily,
}

impl CardLimits {
    /// Those of a card that spends nothing.
    pub const NOTHING: Self = Self { transaction: Msat::ZERO, daily: Msat::ZERO };

    /// From numbers of sat.
    pub fn from_sat(transaction: i64, daily: i64) -> Result<Self, InvalidLimit> {
        Ok(Self { transaction: limit(transaction)?, daily: limit(daily)? })
    }

    /// What the card spends at once, in sat.
    pub const fn transaction_sat(self) -> i64 {
        self.transaction.to_sat()
    }

    /// What the card spends in one day, in sat.
    pub const fn daily_sat(self) -> i64 {
        self.daily.to_sat()
    }

    /// Whether an amount may be spent on top of what was spent today. Both must be read in the
    /// transaction that spends: many who check at once would else each find the same room.
    pub fn check(self, spent_today: Msat, amount: Amount) -> Result<(), LimitExceeded> {
        if amount.incoming() > self.transaction {
            return Err(LimitExceeded::Transaction { max_sat: self.transaction_sat() });
        }
        match spent_today.checked_add(amount) {
            Some(sum) if sum <= self.daily => Ok(()),
            Some(_) | None => Err(LimitExceeded::Daily),
        }
    }

    /// The most that may be spent next, in whole sat: what a scan offers. It promises nothing,
    /// because others may spend with the same card before.
    pub fn withdrawable(self, spent_today: Msat) -> Result<Amount, LimitExceeded> {
        let at_once = Amount::from_sat(self.transaction_sat()).or(Err(LimitExceeded::Transaction { max_sat: 0 }))?;
        let room = self.daily.get().saturating_sub(spent_today.get());
        let room = Amount::from_sat(Msat::new(room).to_sat()).or(Err(LimitExceeded::Daily))?;
        Ok(at_once.min(room))
    }
}

fn limit(sat: i64) -> Result<Msat, InvalidLimit> {
    match sat {
        0 => Ok(Msat::ZERO),
        sat => Amount::from_sat(sat).map(Amount::incoming).or(Err(InvalidLimit)),
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test may fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sat(sat: i64) -> Msat {
        if sat == 0 { Msat::ZERO } else { Amount::from_sat(sat).unwrap().incoming() }
    }

    fn check(limits: (i64, i64), spent: Msat, amount_msat: i64) -> Result<(), LimitExceeded> {
        CardLimits::from_sat(limits.0, limits.1).unwrap().check(spent, Amount::from_msat(amount_msat).unwrap())
    }

    #[test]
    fn this_amount_counts_as_well() {
        let too_much_at_once = Err(LimitExceeded::Transaction { max_sat: 100 });
        assert_eq!(check((100, 1_000), sat(0), 100_000), Ok(()));
        assert_eq!(check((100, 1_000), sat(0), 100_001), too_much_at_once);
        assert_eq!(check((100, 1_000), sat(900), 100_000), Ok(()));
        assert_eq!(check((100, 1_000), sat(900), 100_001), too_much_at_once);
        assert_eq!(check((200, 1_000), sat(900), 100_001), Err(LimitExceeded::Daily));
        assert_eq!(check((100, 1_000), sat(1_000), 1), Err(LimitExceeded::Daily));
        assert_eq!(check((100, 50), sat(0), 50_001), Err(LimitExceeded::Daily));
        assert_eq!(check((0, 1_000), sat(0), 1), Err(LimitExceeded::Transaction { max_sat: 0 }));
        assert_eq!(check((100, 0), sat(0), 1), Err(LimitExceeded::Daily));
        // A limit that was lowered during the day.
        assert_eq!(check((100, 500), sat(900), 1_000), Err(LimitExceeded::Daily));
        assert_eq!(check((SAT_MAX, SAT_MAX), sat(SAT_MAX), 1_000), Err(LimitExceeded::Daily));
        assert_eq!(check((SAT_MAX, SAT_MAX), Msat::new(i64::MAX), 1), Err(LimitExceeded::Daily));
    }

    #[test]
    fn limits_are_whole_sat_that_there_can_be() {
        for (transaction, daily) in [(0, 0), (1, 0), (SAT_MAX, SAT_MAX)] {
            let limits = CardLimits::from_sat(transaction, daily).unwrap();
            assert_eq!((limits.transaction_sat(), limits.daily_sat()), (transaction, daily));
        }
        for wrong in [-1, SAT_MAX + 1, i64::MIN, i64::MAX] {
            assert_eq!(CardLimits::from_sat(wrong, 1), Err(InvalidLimit));
            assert_eq!(CardLimits::from_sat(1, wrong), Err(InvalidLimit));
        }
        assert_eq!(LimitExceeded::Daily.to_string(), "Max daily limit spent.");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn no_order_of_spends_goes_beyond_the_day(
            transaction in 0..1_000_i64,
            daily in 0..3_000_i64,
            amounts in prop::collection::vec(1..1_200_000_i64, 0..30),
        ) {
            let limits = CardLimits::from_sat(transaction, daily).unwrap();
            let mut spent = Msat::ZERO;
            for amount in amounts {
                let amount = Amount::from_msat(amount).unwrap();
                if limits.check(spent, amount).is_ok() {
                    prop_assert!(amount.msat() <= transaction * 1000);
                    spent = spent.checked_add(amount).unwrap();
                }
            }
            prop_assert!(spent.get() <= daily * 1000);
        }

        #[test]
        fn what_is_offered_may_be_spent_and_one_sat_more_may_not(
            transaction in 0..=SAT_MAX,
            daily in 0..=SAT_MAX,
            spent in any::<i64>(),
        ) {
            let limits = CardLimits::from_sat(transaction, daily).unwrap();
            let spent = Msat::new(spent.max(0));
            match limits.withdrawable(spent) {
                Ok(offered) => {
                    prop_assert_eq!(limits.check(spent, offered), Ok(()));
                    let more = Amount::from_stored(offered.msat() + 1000).unwrap();
                    prop_assert!(limits.check(spent, more).is_err());
                }
                Err(why) => prop_assert_eq!(limits.check(spent, Amount::from_sat(1).unwrap()), Err(why)),
            }
        }
    }
}
