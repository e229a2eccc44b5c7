//! What may be sent to a pay link, and with which comment: what is asked of whoever pays.

#![deny(clippy::arithmetic_side_effects)]

use super::super::money::{Amount, InvalidAmount};

/// The longest comment that a link may ask for, in characters.
pub const COMMENT_CHARS_MAX: u16 = 799;
/// Millisatoshi in one satoshi.
const MSAT_PER_SAT: i64 = 1000;

/// The least and the most that can be sent to a link: `minSendable` and `maxSendable` of LUD-06.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sendable {
    min: Amount,
    max: Amount,
}

/// Why a payment is not taken, in the words that wallets know; amounts are in msat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayRefused {
    /// Less than the link takes.
    #[error("Amount {amount_msat} is smaller than minimum {min_msat}.")]
    TooSmall {
        /// What was to be paid.
        amount_msat: i64,
        /// The least that is taken.
        min_msat: i64,
    },
    /// More than the link takes.
    #[error("Amount {amount_msat} is greater than maximum {max_msat}.")]
    TooLarge {
        /// What was to be paid.
        amount_msat: i64,
        /// The most that is taken.
        max_msat: i64,
    },
    /// A part of a sat, which wallets here do not hold; rounded, it would not be what was asked.
    #[error("Amount {amount_msat} is not a whole number of sat: it must be a multiple of 1000.")]
    NotWholeSat {
        /// What was to be paid.
        amount_msat: i64,
    },
    /// A longer comment than the link takes.
    #[error("Got a comment with {chars} characters, but can only accept {chars_max}")]
    CommentTooLong {
        /// How long it is.
        chars: usize,
        /// How long it may be.
        chars_max: u16,
    },
}

impl Sendable {
    /// From the least and the most; `None` where nothing is in between.
    pub fn new(min: Amount, max: Amount) -> Option<Self> {
        (min <= max).then_some(Self { min, max })
    }

    /// From two amounts, whichever is the greater one.
    pub fn between(a: Amount, b: Amount) -> Self {
        Self { min: a.min(b), max: a.max(b) }
    }

    /// The least.
    pub const fn min(self) -> Amount {
        self.min
    }

    /// The most.
    pub const fn max(self) -> Amount {
        self.max
    }

    /// The range that is taken where the rate of a currency may have moved since the wallet was
    /// told: half a percent less, and one percent more.
    #[must_use]
    pub fn with_leeway(self) -> Self {
        let less = scaled(self.min, 995).unwrap_or(self.min).min(self.min);
        let more = scaled(self.max, 1010).unwrap_or(self.max).max(self.max);
        Self { min: less, max: more }
    }

    /// Checks what a wallet asks to pay.
    pub fn check(self, amount_msat: i64) -> Result<Amount, PayRefused> {
        let (min_msat, max_msat) = (self.min.msat(), self.max.msat());
        if amount_msat < min_msat {
            return Err(PayRefused::TooSmall { amount_msat, min_msat });
        }
        if amount_msat > max_msat {
            return Err(PayRefused::TooLarge { amount_msat, max_msat });
        }
        if amount_msat.checked_rem(MSAT_PER_SAT) != Some(0) {
            return Err(PayRefused::NotWholeSat { amount_msat });
        }
        // What is in the range is an amount.
        Amount::from_msat(amount_msat).map_err(|why| match why {
            InvalidAmount::NotPositive => PayRefused::TooSmall { amount_msat, min_msat },
            InvalidAmount::TooLarge => PayRefused::TooLarge { amount_msat, max_msat },
        })
    }
}

/// How long a comment may be, in characters (LUD-12); no comment is taken where it is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommentLimit(u16);

/// The number is no limit of comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {COMMENT_CHARS_MAX}")]
pub struct InvalidCommentLimit;

impl CommentLimit {
    /// From a number of characters.
    pub fn new(chars: i64) -> Result<Self, InvalidCommentLimit> {
        let chars = u16::try_from(chars).ok().filter(|chars| *chars <= COMMENT_CHARS_MAX);
        chars.map(Self).ok_or(InvalidCommentLimit)
    }

    /// The number of characters.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Checks a comment.
    pub fn check(self, comment: &str) -> Result<(), PayRefused> {
        let chars = comment.chars().count();
        if chars > usize::from(self.0) {
            return Err(PayRefused::CommentTooLong { chars, chars_max: self.0 });
        }
        Ok(())
    }
}

/// So many thousandths of an amount, rounded down; `None` where that is no amount.
fn scaled(amount: Amount, thousandths: i128) -> Option<Amount> {
    let scaled = i128::from(amount.msat()).checked_mul(thousandths)?.checked_div(1000)?;
    i64::try_from(scaled).ok().and_then(|msat| Amount::from_msat(msat).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::money::SAT_MAX;
    use super::*;

    fn sendable(min_sat: i64, max_sat: i64) -> Sendable {
        Sendable::new(Amount::from_sat(min_sat).unwrap(), Amount::from_sat(max_sat).unwrap()).unwrap()
    }

    #[test]
    fn payments_outside_of_the_range_are_refused_in_known_words() {
        let range = sendable(10, 20);
        assert_eq!(range.check(10_000), Ok(Amount::from_sat(10).unwrap()));
        assert_eq!(range.check(20_000), Ok(Amount::from_sat(20).unwrap()));
        for (amount_msat, why) in [
            (9_999, "Amount 9999 is smaller than minimum 10000."),
            (0, "Amount 0 is smaller than minimum 10000."),
            (-1, "Amount -1 is smaller than minimum 10000."),
            (i64::MIN, "Amount -9223372036854775808 is smaller than minimum 10000."),
            (20_001, "Amount 20001 is greater than maximum 20000."),
            (i64::MAX, "Amount 9223372036854775807 is greater than maximum 20000."),
            (10_001, "Amount 10001 is not a whole number of sat: it must be a multiple of 1000."),
            (19_999, "Amount 19999 is not a whole number of sat: it must be a multiple of 1000."),
        ] {
            assert_eq!(range.check(amount_msat).unwrap_err().to_string(), why);
        }
        assert_eq!(Sendable::new(range.max(), range.min()), None);
        assert_eq!(Sendable::between(range.max(), range.min()), range);
    }

    #[test]
    fn a_rate_may_move_a_little() {
        let range = sendable(1_000, 1_000).with_leeway();
        assert_eq!((range.min().msat(), range.max().msat()), (995_000, 1_010_000));
        assert!(range.check(994_000).is_err() && range.check(1_011_000).is_err());
        let all = sendable(1, SAT_MAX).with_leeway();
        assert_eq!((all.min().msat(), all.max().to_sat()), (995, SAT_MAX));
        assert!(all.check(1_000).is_ok() && all.check(SAT_MAX * 1000).is_ok() && all.check(995).is_err());
    }

    #[test]
    fn comments_are_counted_in_characters() {
        let limit = CommentLimit::new(5).unwrap();
        for comment in ["", "tea", "Zoë🎮!"] {
            assert_eq!(limit.check(comment), Ok(()), "{comment}");
        }
        let refused = limit.check("Zoë🎮!!").unwrap_err().to_string();
        assert_eq!(refused, "Got a comment with 6 characters, but can only accept 5");
        let none = CommentLimit::default();
        assert_eq!(none.check(""), Ok(()));
        assert_eq!(none.check("x").unwrap_err().to_string(), "Got a comment with 1 characters, but can only accept 0");
        assert_eq!((CommentLimit::new(0).unwrap(), CommentLimit::new(799).unwrap().get()), (none, 799));
        for wrong in [-1, 800, i64::MAX] {
            assert_eq!(CommentLimit::new(wrong), Err(InvalidCommentLimit));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn what_is_taken_is_whole_and_in_the_range(min in 1..=SAT_MAX, more in 0..=SAT_MAX, amount in any::<i64>()) {
            let range = sendable(min, min.saturating_add(more).min(SAT_MAX));
            for amount in [amount, amount % 10_000_000, range.min().msat(), range.max().msat()] {
                if let Ok(taken) = range.check(amount) {
                    prop_assert!(taken.msat() == amount && amount % 1000 == 0);
                    prop_assert!(range.min() <= taken && taken <= range.max());
                    prop_assert_eq!(range.with_leeway().check(amount), Ok(taken));
                }
            }
        }
    }
}
