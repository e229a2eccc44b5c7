//! The rules for money, as a pure function: no database, no clock, no network.
//!
//! [`decide`] folds a batch of commands, in order, over a snapshot. Each command sees the effects
//! of the ones before it, exactly as if each had been its own batch. A refused command leaves no
//! trace (promise I6).

#![deny(clippy::arithmetic_side_effects)]

mod closing;
mod hold_invoices;
mod holds;
mod invoices;
mod pay;
mod posting;
mod receipts;
mod sends;
mod withdraw;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::command::{Adjust, Authority, Command, Leg, Transfer};
use super::outcome::{Adjusted, HoldsChanged, Once, Outcome, Paid, Rejection, Transferred};
use super::state::{
    Account, AccountKind, AccountRow, CardRow, ClaimRow, Claimed, Effects, HeldInvoiceRow, Hold, HoldRow, InvoiceState,
    ReceiptId, Snapshot, TransferKind, UnderWay, Unfailed, WithdrawLink, WithdrawLinkRow, Withdrawn,
};
use crate::domain::controls::{Freeze, Spent};
use crate::domain::external_id::ExternalId;
use crate::domain::hold::{HoldGroup, HoldState};
use crate::domain::idempotency::{Claim, IdempotencyKey};
use crate::domain::ids::{
    AccountId, CardId, HitId, HoldId, InvoiceId, OriginId, PaymentHash, PaymentRow, UserId, WithdrawLinkId,
    WithdrawalId,
};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use posting::Initiator;

/// One outcome for each command, in order.
pub type Outcomes = Vec<Result<Outcome, Rejection>>;

/// Decides on `commands`, in order, given what the transaction has read and the current time.
pub fn decide(snapshot: &Snapshot, commands: &[Command], now: UnixMs) -> (Outcomes, Effects) {
    let mut work = Work::new(snapshot, now);
    let outcomes = commands.iter().map(|command| work.settle_command(command)).collect();
    (outcomes, work.finish())
}

/// The snapshot, and the changes made by the commands so far.
struct Work<'a> {
    snapshot: &'a Snapshot,
    now: UnixMs,
    /// Accounts that differ from the snapshot.
    accounts: HashMap<AccountId, Account>,
    /// The states of stored invoices that this batch has changed.
    states: HashMap<PaymentHash, InvoiceState>,
    /// The stored hold invoices among these.
    held_invoices: BTreeMap<InvoiceId, HeldInvoiceRow>,
    /// Holds that are new, or differ from the snapshot.
    holds: BTreeMap<HoldId, Hold>,
    /// The holds of each group of a manager.
    groups: HashMap<(UserId, HoldGroup), BTreeSet<HoldId>>,
    /// The holds for hold invoices.
    held_for: HashMap<PaymentHash, HoldId>,
    /// The invoices issued in this batch, by their index in the effects.
    issued: HashMap<PaymentHash, usize>,
    /// What invoices of this batch were issued for without a key.
    origins: HashMap<InvoiceId, OriginId>,
    /// Numbers of invoices waiting to be paid that differ from the snapshot.
    open_invoices: HashMap<(AccountId, OriginId), i64>,
    /// The same of how much was paid or waits to be.
    promised: HashMap<(AccountId, OriginId), Msat>,
    closed_users: HashSet<UserId>,
    /// Taps that have paid in this batch.
    spent_hits: HashSet<HitId>,
    /// The spending of cards that differs from the snapshot.
    spent_by_cards: BTreeMap<CardId, Spent>,
    /// By which card payments were made that this batch has begun.
    paid_by_card: HashMap<HoldId, CardId>,
    /// Withdraw links that differ from the snapshot.
    withdraw_links: BTreeMap<WithdrawLinkId, WithdrawLink>,
    /// What was withdrawn in this batch.
    withdrawn: HashSet<WithdrawalId>,
    /// By which link payments were withdrawn that this batch has begun.
    withdrawn_by: HashMap<HoldId, Withdrawn>,
    /// The payments that this batch has given external ids to.
    external_ids: HashMap<(AccountId, ExternalId), PaymentHash>,
    /// What this batch has done under idempotency keys.
    claims: HashMap<(AccountId, IdempotencyKey), Claimed>,
    /// The payments to other nodes that have not failed, as far as this batch has changed them.
    sends: HashMap<PaymentHash, Option<Unfailed>>,
    /// Payments to other nodes that this batch has booked late.
    late: HashSet<HoldId>,
    /// What is under way to other nodes, as far as it differs from the snapshot.
    under_way: UnderWay,
    /// What has arrived at the node and was booked in this batch.
    receipts: HashSet<ReceiptId>,
    /// The payment hashes of these.
    arrived: HashSet<PaymentHash>,
    effects: Effects,
}

impl<'a> Work<'a> {
    fn new(snapshot: &'a Snapshot, now: UnixMs) -> Self {
        let mut groups: HashMap<_, BTreeSet<_>> = HashMap::new();
        let mut held_for = HashMap::new();
        for (id, hold) in &snapshot.holds {
            if let Some(place) = hold.manager.zip(hold.group.clone()) {
                groups.entry(place).or_default().insert(*id);
            }
            if hold.invoice.is_some() {
                held_for.insert(hold.payment_hash, *id);
            }
        }
        Self {
            snapshot,
            now,
            accounts: HashMap::new(),
            states: HashMap::new(),
            held_invoices: BTreeMap::new(),
            holds: BTreeMap::new(),
            groups,
            held_for,
            issued: HashMap::new(),
            origins: HashMap::new(),
            open_invoices: HashMap::new(),
            promised: HashMap::new(),
            closed_users: HashSet::new(),
            spent_hits: HashSet::new(),
            spent_by_cards: BTreeMap::new(),
            paid_by_card: HashMap::new(),
            withdraw_links: BTreeMap::new(),
            withdrawn: HashSet::new(),
            withdrawn_by: HashMap::new(),
            external_ids: HashMap::new(),
            claims: HashMap::new(),
            sends: HashMap::new(),
            late: HashSet::new(),
            under_way: UnderWay::default(),
            receipts: HashSet::new(),
            arrived: HashSet::new(),
            effects: Effects { at: now, ..Effects::default() },
        }
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id).or_else(|| self.snapshot.accounts.get(&id))
    }

    fn hold(&self, id: HoldId) -> Option<&Hold> {
        self.holds.get(&id).or_else(|| self.snapshot.holds.get(&id))
    }

    fn open_account(&self, id: AccountId, leg: usize) -> Result<&Account, Rejection> {
        self.account(id).filter(|account| account.open).ok_or(Rejection::WalletNotFound { leg })
    }

    fn authorize(&self, authority: Authority) -> Result<(), Rejection> {
        let account = self
            .account(authority.account)
            .filter(|account| account.open && account.keys_version == authority.keys_version)
            .ok_or(Rejection::KeyRevoked)?;
        if account.freezes.strictest() == Some(Freeze::Everything) {
            return Err(Rejection::KeyFrozen);
        }
        let is_manager = |user| self.snapshot.managers.contains(&user);
        if authority.manager.is_none_or(is_manager) { Ok(()) } else { Err(Rejection::NotAManager) }
    }

    /// Executes a command, if its sender is authorized.
    fn settle_command(&mut self, command: &Command) -> Result<Outcome, Rejection> {
        if let Some(authority) = command.authority() {
            self.authorize(authority)?;
        }
        if command.session().is_some_and(|session| !self.snapshot.sessions.contains(&session)) {
            return Err(Rejection::KeyRevoked);
        }
        let claim = command.claim();
        Ok(match command {
            Command::CreateInvoice(create) => {
                let payments = |_: &_| vec![create.invoice.id.into()];
                Outcome::CreateInvoice(self.once(claim, payments, |work| work.create_invoice(create))?)
            }
            Command::Pay(pay) => {
                let payments = |paid: &Paid| vec![paid.row];
                Outcome::Pay(self.once(claim, payments, |work| work.pay(pay))?)
            }
            Command::IssueForLink(issue) => Outcome::IssueForLink(self.issue_for_link(issue)?),
            Command::PayLink(pay) => {
                let payments = |_: &_| vec![pay.transfer.into()];
                Outcome::PayLink(self.once(claim, payments, |work| work.pay_link(pay))?)
            }
            Command::PayByCard(pay) => Outcome::PayByCard(self.pay_by_card(pay)?),
            Command::EndSend(end) => Outcome::EndSend(self.end_send(end)?),
            Command::Receive(receive) => Outcome::Receive(self.receive(receive)?),
            Command::PayByWithdrawLink(pay) => Outcome::PayByWithdrawLink(self.pay_by_withdraw_link(pay)?),
            Command::Transfer(transfer) => {
                let payments = |_: &_| transfer.legs.iter().map(|leg| leg.transfer.into()).collect();
                Outcome::Transfer(self.once(claim, payments, |work| work.transfer(transfer))?)
            }
            Command::Adjust(adjust) => {
                let payments = |(): &()| vec![adjust.leg.transfer.into()];
                let once = self.once(claim, payments, |work| work.adjust(adjust))?;
                // Accounts are never removed, so one whose balance has changed exists.
                let wallet = self.account(adjust.wallet()).ok_or(Rejection::WalletNotFound { leg: 0 })?;
                Outcome::Adjust(Adjusted {
                    balance: wallet.available(),
                    replayed: matches!(once, Once::Replayed { .. }),
                })
            }
            Command::PlaceHolds(place) => {
                Outcome::PlaceHolds(self.once(claim, HoldsChanged::rows, |work| work.place_holds(place))?)
            }
            Command::SettleHolds(settle) => {
                Outcome::SettleHolds(self.once(claim, HoldsChanged::rows, |work| work.settle_holds(settle))?)
            }
            Command::ExpireHolds(expire) => Outcome::ExpireHolds(self.expire_holds(expire)?),
            Command::SettleHeld(settle) => Outcome::SettleHeld(self.settle_held(settle)?),
            Command::CancelHeld(cancel) => Outcome::CancelHeld(self.cancel_held(cancel)?),
            Command::Close(close) => Outcome::Close(self.close(close)?),
        })
    }

    /// Executes a request, unless the same request was made before under the same idempotency key.
    /// In that case the earlier result, `payments`, is returned.
    fn once<T>(
        &mut self,
        claim: Option<(AccountId, Claim)>,
        payments: impl FnOnce(&T) -> Vec<PaymentRow>,
        act: impl FnOnce(&mut Self) -> Result<T, Rejection>,
    ) -> Result<Once<T>, Rejection> {
        let Some((account, claim)) = claim else { return act(self).map(Once::Done) };
        let place = (account, claim.key);
        if let Some(before) = self.claims.get(&place).or_else(|| self.snapshot.claims.get(&place)) {
            return if before.request == claim.request {
                Ok(Once::Replayed { payments: before.payments.clone() })
            } else {
                Err(Rejection::IdempotencyConflict)
            };
        }
        let done = act(self)?;
        let claimed = Claimed { request: claim.request, payments: payments(&done) };
        self.claims.insert(place, claimed.clone());
        self.effects.claims.push(ClaimRow { account, key: claim.key, claimed });
        Ok(Once::Done(done))
    }

    fn transfer(&mut self, transfer: &Transfer) -> Result<Transferred, Rejection> {
        for (index, leg) in transfer.legs.iter().enumerate() {
            self.open_account(leg.from, index)?;
            self.open_account(leg.invoice.payee, index)?;
        }
        let by = |leg: &Leg| if leg.from == transfer.authority.account { Initiator::Owner } else { Initiator::Manager };
        self.post_legs(&transfer.legs, TransferKind::Transfer, by)?;
        Ok(Transferred { at: self.now })
    }

    fn adjust(&mut self, adjust: &Adjust) -> Result<(), Rejection> {
        self.open_account(adjust.wallet(), 0)?;
        self.post_legs(std::slice::from_ref(&adjust.leg), TransferKind::Credit, |_| Initiator::Operator)
    }

    /// Turns the changed accounts into rows, in id order, and asserts what must hold for every
    /// batch (promises I2 and I3).
    fn finish(mut self) -> Effects {
        let mut change: i128 = 0;
        for (id, account) in &self.accounts {
            let Some(before) = self.snapshot.accounts.get(id) else { continue };
            assert!(
                account.kind != AccountKind::Wallet || !account.balance.is_negative(),
                "I3: the balance of {id} would be negative"
            );
            assert!(
                account.kind != AccountKind::Wallet
                    || !(account.held.is_negative() || account.available().is_negative()),
                "I11: what is held of {id} would not be there"
            );
            change = change
                .saturating_add(i128::from(account.balance.get()))
                .saturating_sub(i128::from(before.balance.get()));
            if (account.entries, account.held, account.spent) != (before.entries, before.held, before.spent) {
                self.effects.accounts.push(AccountRow {
                    id: *id,
                    balance: account.balance,
                    held: account.held,
                    entries_before: before.entries,
                    entries: account.entries,
                    spent: account.spent,
                });
            }
        }
        assert!(change == 0, "I2: the batch would make {change} msat out of nothing");
        self.effects.accounts.sort_unstable_by_key(|row| row.id);
        // Hashes that clients have chosen may stand in another batch as well, in another order.
        if self.effects.invoices.iter().any(|row| row.invoice.preimage.is_none()) {
            self.effects.invoices.sort_unstable_by_key(|row| row.invoice.payment_hash);
        }
        self.effects.held_invoices.extend(self.held_invoices.into_values());
        let (stored, accounts, now) = (&self.snapshot.holds, &self.snapshot.accounts, self.now);
        self.effects.holds.extend(self.holds.into_iter().map(|(id, hold)| HoldRow {
            id,
            moves_before: stored.get(&id).map_or(0, |before| before.moves),
            tenant: accounts.get(&hold.account).and_then(|account| account.tenant),
            closed_at: (hold.sums.state != HoldState::Open).then_some(now),
            hold,
        }));
        self.effects.cards.extend(self.spent_by_cards.into_iter().map(|(id, spent)| CardRow { id, spent }));
        let links = &self.snapshot.withdraw_links;
        self.effects.withdraw_links.extend(self.withdraw_links.into_iter().map(|(id, link)| WithdrawLinkRow {
            id,
            used_before: links.get(&id).map_or(0, |before| before.used),
            used: link.used,
            uses_left: link.uses_left,
            last_used_at: link.last_used_at,
        }));
        self.effects.claims.sort_unstable_by_key(|row| (row.account, row.key));
        self.effects
    }
}
