//! One side of a transfer: a step in the chain of one account.
//!
//! The steps of an account are numbered from 1 without gaps, in commit order. A reader who knows
//! the last step it has seen and the number of steps therefore knows how many it has missed.

use std::collections::HashMap;

use super::state::{Effects, TransferRow};
use crate::domain::ids::{AccountId, PaymentRow};
use crate::domain::money::Msat;

/// A step in an account's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The account.
    pub account: AccountId,
    /// Its number in the account's chain, from 1.
    pub entry: i64,
    /// What the account can spend after the step: its balance without what is held.
    pub available: Msat,
    /// Whether money came in.
    pub received: bool,
    /// The payment row that shows it.
    pub row: PaymentRow,
}

impl Movement {
    /// All that a batch moves. What is held is what the batch leaves held.
    pub fn all_of(effects: &Effects) -> Vec<Self> {
        let held: HashMap<_, _> = effects.accounts.iter().map(|row| (row.id, row.held)).collect();
        let held_of = |account| held.get(&account).copied().unwrap_or_default();
        effects.transfers.iter().flat_map(|transfer| Self::sides(transfer, held_of)).collect()
    }

    fn sides(transfer: &TransferRow, held_of: impl Fn(AccountId) -> Msat) -> [Self; 2] {
        let sent = Self {
            account: transfer.debit_account,
            entry: transfer.debit_entry,
            available: transfer.debit_balance.without(held_of(transfer.debit_account)),
            received: false,
            row: transfer.id.into(),
        };
        let received = Self {
            account: transfer.credit_account,
            entry: transfer.credit_entry,
            available: transfer.credit_balance.without(held_of(transfer.credit_account)),
            received: true,
            row: transfer.invoice.into(),
        };
        [sent, received]
    }
}
