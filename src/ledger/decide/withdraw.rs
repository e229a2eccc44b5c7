//! Paying by withdraw links: a use ends with its payment, and comes back where that fails.

#![deny(clippy::arithmetic_side_effects)]

use super::Work;
use super::pay::PayerSide;
use crate::domain::ids::HoldId;
use crate::domain::time::UnixMs;
use crate::domain::withdraw::refused::WithdrawRefused;
use crate::ledger::command::PayByWithdrawLink;
use crate::ledger::outcome::{Paid, Rejection};
use crate::ledger::state::{WithdrawLink, WithdrawalRow, Withdrawn};

impl Work<'_> {
    /// Uses the link once and pays the invoice: both or nothing.
    pub(super) fn pay_by_withdraw_link(&mut self, pay: &PayByWithdrawLink) -> Result<Paid, Rejection> {
        let link = self.withdraw_links.get(&pay.link).or_else(|| self.snapshot.withdraw_links.get(&pay.link));
        let link = link.filter(|link| link.account == pay.account).ok_or(WithdrawRefused::NotFound)?;
        if self.snapshot.withdrawals.contains(&pay.withdrawal) || self.withdrawn.contains(&pay.withdrawal) {
            return Err(WithdrawRefused::TokenUsed.into());
        }
        if self.now >= pay.withdrawal.expires_at() {
            return Err(WithdrawRefused::TokenExpired.into());
        }
        let last_used_before = link.last_used_at;
        let (link, number) = used(link, pay.number, self.now)?;
        let bill = self.bill_at_once(pay.payment_hash, &pay.bolt11, pay.send.as_deref())?;
        let (min, max, amount, transfer) = (link.min, link.max, bill.amount(), bill.transfer(pay.transfer));
        if amount < min || amount > max {
            return Err(WithdrawRefused::Amount { min, max }.into());
        }
        let side = PayerSide { extra: pay.extra.as_ref(), webhook: pay.webhook.as_deref(), external_id: None };
        let paid = self.pay_bill(bill, pay.payment_hash, pay.account, pay.transfer, side)?;
        let withdrawn = Withdrawn { id: pay.withdrawal, link: pay.link, number, at: self.now, last_used_before };
        self.withdrawn.insert(pay.withdrawal);
        self.withdrawn_by.insert(HoldId::from(pay.transfer), withdrawn);
        self.withdraw_links.insert(pay.link, link);
        self.effects.withdrawals.push(WithdrawalRow { withdrawn, account: pay.account, transfer, amount });
        Ok(paid)
    }

    /// Gives a link the use back that was taken for a payment to another node, which has failed.
    pub(super) fn give_use_back(&mut self, hold: HoldId) {
        let withdrawn = self.withdrawn_by.get(&hold).or_else(|| self.snapshot.withdrawn_by.get(&hold)).copied();
        let Some(withdrawn) = withdrawn else { return };
        self.effects.failed_withdrawals.push(withdrawn.id);
        let link = self.withdraw_links.get(&withdrawn.link);
        // It may be deleted by now.
        let Some(link) = link.or_else(|| self.snapshot.withdraw_links.get(&withdrawn.link)).cloned() else { return };
        // Unless another one has used it since, it waits for nobody on account of this one.
        let is_last = link.last_used_at == Some(withdrawn.at);
        let last_used_at = if is_last { withdrawn.last_used_before } else { link.last_used_at };
        let (used, uses_left) = (link.used.saturating_sub(1), link.uses_left.with(withdrawn.number));
        self.withdraw_links.insert(withdrawn.link, WithdrawLink { used, uses_left, last_used_at, ..link });
    }
}

/// The link after one use more, and which one that is.
fn used(link: &WithdrawLink, number: Option<u32>, now: UnixMs) -> Result<(WithdrawLink, u32), WithdrawRefused> {
    if !link.is_enabled {
        return Err(WithdrawRefused::Disabled);
    }
    if link.uses_left.numbers().is_empty() {
        return Err(WithdrawRefused::Spent);
    }
    let opens_at = link.last_used_at.map(|last| last.plus_seconds(link.wait_s));
    if let Some(opens_at) = opens_at.filter(|opens_at| now < *opens_at) {
        let seconds = opens_at.seconds().saturating_sub(now.seconds()).max(1);
        return Err(WithdrawRefused::Wait { seconds });
    }
    if link.is_unique && number.is_none() {
        return Err(WithdrawRefused::NumberMissing);
    }
    // Where all uses have one link, it does not matter which of them this is.
    let number = number.filter(|_| link.is_unique).or_else(|| link.uses_left.numbers().first().copied());
    let (number, uses_left) = number.zip(link.uses_left.without(number)).ok_or(WithdrawRefused::NumberGone)?;
    let used = link.used.saturating_add(1);
    Ok((WithdrawLink { used, uses_left, last_used_at: Some(now), ..link.clone() }, number))
}
