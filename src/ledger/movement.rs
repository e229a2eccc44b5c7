//! One side of a transfer: a step in the chain of one account.
//!
//! The steps of an account are numbered from 1 without gaps, in commit order. A reader who knows
//! the last step it has seen and the number of steps therefore knows how many it has missed.

use super::state::TransferRow;
use crate::domain::ids::{AccountId, PaymentRow};
use crate::domain::money::Msat;

/// A step in an account's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The account.
    pub account: AccountId,
    /// Its number in the account's chain, from 1.
    pub entry: i64,
    /// The account's balance after the step.
    pub balance: Msat,
    /// Whether money came in.
    pub received: bool,
    /// The payment row that shows it.
    pub row: PaymentRow,
}

impl Movement {
    /// Both sides of a transfer.
    pub fn sides(transfer: &TransferRow) -> [Self; 2] {
        let sent = Self {
            account: transfer.debit_account,
            entry: transfer.debit_entry,
            balance: transfer.debit_balance,
            received: false,
            row: transfer.id.into(),
        };
        let received = Self {
            account: transfer.credit_account,
            entry: transfer.credit_entry,
            balance: transfer.credit_balance,
            received: true,
            row: transfer.invoice.into(),
        };
        [sent, received]
    }
}
