//! Why a withdraw link does not pay, in the words that wallets know.

use super::super::money::Amount;

/// Why a withdraw link does not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawRefused {
    /// There is no such link, or its wallet is gone.
    #[error("Withdraw link does not exist.")]
    NotFound,
    /// Who asks does not show what the link was opened with.
    #[error("k1 is wrong.")]
    WrongToken,
    /// The link was opened too long ago.
    #[error("k1 is wrong: it is good for 60 seconds. Open the link again.")]
    TokenExpired,
    /// It was paid for this opening already.
    #[error("k1 is wrong: it was used. Open the link again.")]
    TokenUsed,
    /// The link's owner has switched it off.
    #[error("Withdraw link is disabled.")]
    Disabled,
    /// All its uses are used up.
    #[error("Withdraw is spent.")]
    Spent,
    /// The last use was a moment ago.
    #[error("Wait {seconds} seconds.")]
    Wait {
        /// How long.
        seconds: i64,
    },
    /// Each use has a link of its own.
    #[error("This link requires an id_unique_hash.")]
    NumberMissing,
    /// This use is used up, or there is none with this hash.
    #[error("id_unique_hash not found for this link.")]
    NumberGone,
    /// It pays less, or more.
    #[error("Amount not within limits: this link pays from {} to {} sat.", .min.to_sat(), .max.to_sat())]
    Amount {
        /// The least.
        min: Amount,
        /// The most.
        max: Amount,
    },
}
