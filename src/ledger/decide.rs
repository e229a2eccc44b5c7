//! The rules about money, as a pure function: no database, no clock, no network.
//!
//! [`decide`] folds a batch of commands, in order, over a snapshot. Each command sees what
//! the ones before it did, exactly as if each had been a batch of its own. A refused
//! command leaves no trace (promise I6).

#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, HashMap, HashSet};

use super::command::{
    Actor, Adjust, Authority, Close, Command, CreateInvoice, IssueForLink, Leg, NewInvoice, Pay, PayByCard, PayLink,
    Transfer, WalletToClose,
};
use super::outcome::{Adjusted, Closed, Issued, Once, Outcome, Paid, Rejection, Settled, Transferred};
use super::state::{
    Account, AccountKind, AccountRow, CardRow, ClaimRow, Claimed, Closure, Effects, HitRow, Invoice, InvoiceRow,
    InvoiceState, PaymentEvent, Snapshot, TransferKind, TransferRow, User,
};
use crate::domain::controls::{Freeze, Freezes, OverLimit, Spent};
use crate::domain::extra::Extra;
use crate::domain::idempotency::{Claim, IdempotencyKey};
use crate::domain::ids::{AccountId, CardId, HitId, InvoiceId, PaymentHash, PaymentRow, TransferId, UserId};
use crate::domain::money::Amount;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;

/// One outcome for each command, in order.
pub type Outcomes = Vec<Result<Outcome, Rejection>>;

/// Decides about `commands`, in order, given what the transaction has read and the time.
pub fn decide(snapshot: &Snapshot, commands: &[Command], now: UnixMs) -> (Outcomes, Effects) {
    let mut work = Work::new(snapshot, now);
    let outcomes = commands.iter().map(|command| work.settle_command(command)).collect();
    (outcomes, work.finish())
}

/// Who moves money, which is what freezes and limits depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Initiator {
    /// The wallet's own key.
    Owner,
    /// The manager of the wallet's user.
    Manager,
    /// A manager further above: of whoever has created the wallet's user, or that one's manager.
    Above,
    /// An operator.
    Operator,
}

impl Initiator {
    /// How far this mover is bound by what a wallet is frozen by. Who stands below cannot keep
    /// those above from anything.
    fn bound_by(self, freezes: Freezes) -> Option<Freeze> {
        match self {
            Self::Owner | Self::Manager => freezes.strictest(),
            Self::Above => freezes.by_operator,
            Self::Operator => None,
        }
    }
}

/// A movement to be made.
struct Posting<'a> {
    by: Initiator,
    id: TransferId,
    invoice: InvoiceId,
    kind: TransferKind,
    debit: AccountId,
    credit: AccountId,
    amount: Amount,
    extra: Option<&'a Extra>,
    /// Where the payer asks to be told of it.
    webhook: Option<&'a str>,
    /// Whether the payee asked to be told of it.
    payee_has_webhook: bool,
}

/// The snapshot, and what the commands so far have made of it.
struct Work<'a> {
    snapshot: &'a Snapshot,
    now: UnixMs,
    /// Accounts that differ from the snapshot.
    accounts: HashMap<AccountId, Account>,
    paid: HashSet<PaymentHash>,
    /// Where in the effects the invoices stand that this batch has issued.
    issued: HashMap<PaymentHash, usize>,
    closed_users: HashSet<UserId>,
    /// Taps that have paid in this batch.
    spent_hits: HashSet<HitId>,
    /// What cards have spent that were used in this batch.
    spent_by_cards: BTreeMap<CardId, Spent>,
    /// What this batch has done under idempotency keys.
    claims: HashMap<(AccountId, IdempotencyKey), Claimed>,
    effects: Effects,
}

impl<'a> Work<'a> {
    fn new(snapshot: &'a Snapshot, now: UnixMs) -> Self {
        Self {
            snapshot,
            now,
            accounts: HashMap::new(),
            paid: HashSet::new(),
            issued: HashMap::new(),
            closed_users: HashSet::new(),
            spent_hits: HashSet::new(),
            spent_by_cards: BTreeMap::new(),
            claims: HashMap::new(),
            effects: Effects { at: now, ..Effects::default() },
        }
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id).or_else(|| self.snapshot.accounts.get(&id))
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

    /// Does what is asked by one who may ask.
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
                let payments = || vec![create.invoice.id.into()];
                Outcome::CreateInvoice(self.once(claim, payments, |work| Ok(work.create_invoice(create)))?)
            }
            Command::Pay(pay) => {
                let payments = || vec![pay.transfer.into()];
                Outcome::Pay(self.once(claim, payments, |work| work.pay(pay))?)
            }
            Command::IssueForLink(issue) => Outcome::IssueForLink(self.issue_for_link(issue)?),
            Command::PayLink(pay) => {
                let payments = || vec![pay.transfer.into()];
                Outcome::PayLink(self.once(claim, payments, |work| work.pay_link(pay))?)
            }
            Command::PayByCard(pay) => Outcome::PayByCard(self.pay_by_card(pay)?),
            Command::Transfer(transfer) => {
                let payments = || transfer.legs.iter().map(|leg| leg.transfer.into()).collect();
                Outcome::Transfer(self.once(claim, payments, |work| work.transfer(transfer))?)
            }
            Command::Adjust(adjust) => {
                let payments = || vec![adjust.leg.transfer.into()];
                let once = self.once(claim, payments, |work| work.adjust(adjust))?;
                // Accounts stay, so one whose balance has changed is there.
                let wallet = self.account(adjust.wallet()).ok_or(Rejection::WalletNotFound { leg: 0 })?;
                Outcome::Adjust(Adjusted { balance: wallet.balance, replayed: matches!(once, Once::Replayed { .. }) })
            }
            Command::Close(close) => Outcome::Close(self.close(close)?),
        })
    }

    /// Does something, but for a request that was made before under the same idempotency key: that
    /// one is told what came of it then, which are `payments`.
    fn once<T>(
        &mut self,
        claim: Option<(AccountId, Claim)>,
        payments: impl FnOnce() -> Vec<PaymentRow>,
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
        let claimed = Claimed { request: claim.request, payments: payments() };
        self.claims.insert(place, claimed.clone());
        self.effects.claims.push(ClaimRow { account, key: claim.key, claimed });
        Ok(Once::Done(done))
    }

    fn create_invoice(&mut self, create: &CreateInvoice) -> Issued {
        self.issue(&create.invoice, None);
        Issued
    }

    fn issue(&mut self, invoice: &NewInvoice, paid_at: Option<UnixMs>) {
        self.issued.insert(invoice.payment_hash, self.effects.invoices.len());
        self.effects.invoices.push(InvoiceRow { invoice: invoice.clone(), paid_at });
    }

    /// An invoice that was stored before, or issued by this batch.
    fn invoice(&self, hash: PaymentHash) -> Option<Invoice> {
        if let Some(stored) = self.snapshot.invoices.get(&hash) {
            return Some(stored.clone());
        }
        let row = self.issued.get(&hash).and_then(|index| self.effects.invoices.get(*index))?;
        let state = if row.paid_at.is_some() { InvoiceState::Paid } else { InvoiceState::Open };
        Some(Invoice::new(row.invoice.clone(), state))
    }

    /// Marks an invoice as paid.
    fn settle(&mut self, hash: PaymentHash, invoice: InvoiceId) {
        self.paid.insert(hash);
        match self.issued.get(&hash).and_then(|index| self.effects.invoices.get_mut(*index)) {
            Some(row) => row.paid_at = Some(self.now),
            None => self.effects.settled.push(invoice),
        }
    }

    fn issue_for_link(&mut self, issue: &IssueForLink) -> Result<Issued, Rejection> {
        let payee = self.open_account(issue.invoice.payee, 0)?;
        if payee.freezes.strictest() == Some(Freeze::Everything) {
            return Err(Rejection::ReceiverFrozen { leg: 0 });
        }
        self.issue(&issue.invoice, None);
        self.effects.origins.push((issue.invoice.id, issue.origin));
        Ok(Issued)
    }

    fn pay_link(&mut self, pay: &PayLink) -> Result<Settled, Rejection> {
        let PayLink { authority, claim: _, transfer, invoice, origin, extra, webhook } = pay;
        self.open_account(invoice.payee, 0)?;
        self.post(&[Posting {
            by: Initiator::Owner,
            id: *transfer,
            invoice: invoice.id,
            kind: TransferKind::Payment,
            debit: authority.account,
            credit: invoice.payee,
            amount: invoice.amount,
            extra: extra.as_ref(),
            webhook: webhook.as_deref(),
            payee_has_webhook: invoice.webhook.is_some(),
        }])?;
        self.issue(invoice, Some(self.now));
        self.effects.origins.push((invoice.id, *origin));
        Ok(Settled { at: self.now })
    }

    /// The tap ends, the card's limits count this amount, and the invoice is paid: all of it, or
    /// nothing.
    fn pay_by_card(&mut self, pay: &PayByCard) -> Result<Paid, Rejection> {
        let hit = self.snapshot.hits.get(&pay.hit).ok_or(Rejection::HitNotFound)?;
        let card = self.snapshot.cards.get(&hit.card).filter(|card| card.account == pay.account);
        let card = card.ok_or(Rejection::HitNotFound)?;
        if hit.is_spent || self.spent_hits.contains(&pay.hit) {
            return Err(Rejection::HitSpent);
        }
        if self.now >= hit.expires_at {
            return Err(Rejection::HitExpired);
        }
        if !card.is_enabled {
            return Err(Rejection::CardDisabled);
        }
        let invoice = self.payable(pay.payment_hash, &pay.bolt11)?;
        let spent = self.spent_by_cards.get(&hit.card).copied().unwrap_or(card.spent).today(self.now);
        card.limits.check(spent.total, invoice.amount)?;
        let amount = invoice.amount;
        let paid = self.pay_invoice(invoice, pay.payment_hash, pay.account, pay.transfer, pay.extra.as_ref(), None)?;
        self.spent_hits.insert(pay.hit);
        self.spent_by_cards.insert(hit.card, spent.and(amount));
        self.effects.hits.push(HitRow { id: pay.hit, transfer: pay.transfer, amount });
        Ok(paid)
    }

    fn pay(&mut self, pay: &Pay) -> Result<Paid, Rejection> {
        let invoice = self.payable(pay.payment_hash, &pay.bolt11)?;
        let payer = pay.authority.account;
        let (extra, webhook) = (pay.extra.as_ref(), pay.webhook.as_deref());
        self.pay_invoice(invoice, pay.payment_hash, payer, pay.transfer, extra, webhook)
    }

    /// An invoice that can be paid now.
    fn payable(&self, hash: PaymentHash, bolt11: &str) -> Result<Invoice, Rejection> {
        let invoice = self.invoice(hash).ok_or(Rejection::InvoiceNotFound)?;
        if invoice.bolt11.as_deref() != Some(bolt11) {
            return Err(Rejection::InvoiceMismatch);
        }
        match invoice.state {
            InvoiceState::Paid => return Err(Rejection::InvoiceAlreadyPaid),
            InvoiceState::Cancelled => return Err(Rejection::InvoiceCancelled),
            InvoiceState::Open if self.paid.contains(&hash) => return Err(Rejection::InvoiceAlreadyPaid),
            InvoiceState::Open => {}
        }
        if self.open_account(invoice.payee, 0).is_err() {
            return Err(Rejection::InvoiceCancelled);
        }
        if self.now >= invoice.expires_at {
            return Err(Rejection::InvoiceExpired);
        }
        Ok(invoice)
    }

    fn pay_invoice(
        &mut self,
        invoice: Invoice,
        hash: PaymentHash,
        payer: AccountId,
        transfer: TransferId,
        extra: Option<&Extra>,
        webhook: Option<&str>,
    ) -> Result<Paid, Rejection> {
        self.post(&[Posting {
            by: Initiator::Owner,
            id: transfer,
            invoice: invoice.id,
            kind: TransferKind::Payment,
            debit: payer,
            credit: invoice.payee,
            amount: invoice.amount,
            extra,
            webhook,
            payee_has_webhook: invoice.has_webhook,
        }])?;
        self.settle(hash, invoice.id);
        Ok(Paid { invoice: Box::new(invoice), at: self.now })
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

    fn close(&mut self, close: &Close) -> Result<Closed, Rejection> {
        self.check_users(close)?;
        let mut sweeps = Vec::new();
        for (leg, wallet) in close.wallets.iter().enumerate() {
            sweeps.extend(self.sweep(close, wallet, leg)?);
        }
        let above: HashSet<_> = close.wallets.iter().filter(|it| !it.is_own).map(|it| it.account).collect();
        let by = |leg: &Leg| if above.contains(&leg.from) { Initiator::Above } else { Initiator::Manager };
        self.post_legs(&sweeps, TransferKind::Sweep, by)?;
        let accounts: Vec<_> = close.wallets.iter().map(|wallet| wallet.account).collect();
        for id in &accounts {
            let mut account = self.open_account(*id, 0)?.clone();
            account.open = false;
            self.accounts.insert(*id, account);
        }
        self.closed_users.extend(&close.users);
        self.effects.closures.push(Closure { accounts, users: close.users.clone() });
        Ok(Closed)
    }

    /// Whether a wallet may be deleted, and the movement that empties it, where it holds money.
    fn sweep(&self, close: &Close, wallet: &WalletToClose, leg: usize) -> Result<Option<Leg>, Rejection> {
        let account = self.open_account(wallet.account, leg)?;
        let caller = close.by.authority().map(|authority| authority.account);
        let sweep_to = caller.filter(|to| close.sweep && *to != wallet.account);
        let amount = Amount::from_stored(account.balance.get()).ok();
        if amount.is_some() && sweep_to.is_none() {
            return Err(Rejection::WalletHoldsMoney);
        }
        let by = match close.by {
            Actor::Operator(_) => Initiator::Operator,
            Actor::Manager(_) | Actor::Login(_) if wallet.is_own => Initiator::Manager,
            Actor::Manager(_) | Actor::Login(_) => Initiator::Above,
        };
        if by.bound_by(account.freezes).is_some() {
            return Err(Rejection::WalletFrozen { leg });
        }
        let Some((amount, payee)) = amount.zip(sweep_to) else { return Ok(None) };
        let sweep = &wallet.sweep;
        Ok(Some(Leg {
            transfer: sweep.transfer,
            from: wallet.account,
            invoice: NewInvoice::direct(
                sweep.invoice,
                sweep.payment_hash,
                sweep.preimage.clone(),
                payee,
                amount,
                "Sweep of a deleted wallet".to_owned(),
                self.now,
            ),
        }))
    }

    fn user(&self, id: UserId) -> Option<&User> {
        self.snapshot.users.get(&id).filter(|_| !self.closed_users.contains(&id))
    }

    /// The command must name exactly what is there: of each of its users all those that it has
    /// created, however deep, and all of their wallets.
    fn check_users(&self, close: &Close) -> Result<(), Rejection> {
        let Some(first) = close.users.first() else { return Ok(()) };
        self.user(*first).ok_or(Rejection::UserNotFound)?;
        let named: HashSet<_> = close.users.iter().collect();
        let mut wallets = HashSet::new();
        for id in &close.users {
            let user = self.user(*id).ok_or(Rejection::WalletsChanged)?;
            let is_left_out = |id: &UserId| !named.contains(id) && !self.closed_users.contains(id);
            if user.users.iter().any(is_left_out) {
                return Err(match close.by {
                    Actor::Manager(_) | Actor::Login(_) => Rejection::WalletsChanged,
                    Actor::Operator(_) => Rejection::UserHasUsers,
                });
            }
            // A wallet whose account was not read is one that the command did not know of.
            wallets.extend(user.wallets.iter().filter(|id| self.account(**id).is_none_or(|account| account.open)));
        }
        let named: HashSet<_> = close.wallets.iter().map(|wallet| &wallet.account).collect();
        if wallets == named { Ok(()) } else { Err(Rejection::WalletsChanged) }
    }

    /// Issues and settles the requests behind direct movements: all, or none.
    fn post_legs(&mut self, legs: &[Leg], kind: TransferKind, by: impl Fn(&Leg) -> Initiator) -> Result<(), Rejection> {
        let postings: Vec<_> = legs
            .iter()
            .map(|leg| Posting {
                by: by(leg),
                id: leg.transfer,
                invoice: leg.invoice.id,
                kind,
                debit: leg.from,
                credit: leg.invoice.payee,
                amount: leg.invoice.amount,
                extra: leg.invoice.extra.as_ref(),
                webhook: None,
                payee_has_webhook: leg.invoice.webhook.is_some(),
            })
            .collect();
        self.post(&postings)?;
        for leg in legs {
            self.issue(&leg.invoice, Some(self.now));
        }
        Ok(())
    }

    /// Makes the movements in order: all, or none.
    fn post(&mut self, postings: &[Posting<'_>]) -> Result<(), Rejection> {
        let mut staged: BTreeMap<AccountId, Account> = BTreeMap::new();
        let mut rows = Vec::with_capacity(postings.len());
        let mut events = Vec::new();
        for (leg, posting) in postings.iter().enumerate() {
            let debit = self.stage(&mut staged, posting.debit, leg)?;
            check_spending(debit, posting, leg, self.now)?;
            let balance = debit.balance.checked_sub(posting.amount).ok_or(Rejection::BalanceLimit { leg })?;
            match debit.kind {
                AccountKind::Wallet if balance.is_negative() => return Err(Rejection::InsufficientBalance { leg }),
                AccountKind::Issuance if balance.is_below_supply() => return Err(Rejection::BalanceLimit { leg }),
                AccountKind::Wallet | AccountKind::Issuance => {}
            }
            debit.balance = balance;
            debit.entries = next_entry(debit.entries);
            let (debit_balance, debit_entry) = (debit.balance, debit.entries);
            if posting.webhook.is_some() || debit.subscribed.contains(EventKind::PaymentSent) {
                events.push(PaymentEvent {
                    kind: EventKind::PaymentSent,
                    account: posting.debit,
                    row: posting.id.into(),
                });
            }

            let credit = self.stage(&mut staged, posting.credit, leg)?;
            if posting.by != Initiator::Operator && credit.freezes.strictest() == Some(Freeze::Everything) {
                return Err(Rejection::ReceiverFrozen { leg });
            }
            let balance = credit.balance.checked_add(posting.amount).filter(|balance| !balance.is_beyond_supply());
            credit.balance = balance.ok_or(Rejection::BalanceLimit { leg })?;
            credit.entries = next_entry(credit.entries);
            if posting.payee_has_webhook || credit.subscribed.contains(EventKind::PaymentReceived) {
                events.push(PaymentEvent {
                    kind: EventKind::PaymentReceived,
                    account: posting.credit,
                    row: posting.invoice.into(),
                });
            }
            rows.push(TransferRow {
                id: posting.id,
                invoice: posting.invoice,
                kind: posting.kind,
                debit_account: posting.debit,
                credit_account: posting.credit,
                amount: posting.amount,
                debit_balance,
                credit_balance: credit.balance,
                debit_entry,
                credit_entry: credit.entries,
                extra: posting.extra.cloned(),
                webhook: posting.webhook.map(str::to_owned),
                created_at: self.now,
            });
        }
        self.accounts.extend(staged);
        self.effects.transfers.extend(rows);
        self.effects.events.extend(events);
        Ok(())
    }

    fn stage<'s>(
        &self,
        staged: &'s mut BTreeMap<AccountId, Account>,
        id: AccountId,
        leg: usize,
    ) -> Result<&'s mut Account, Rejection> {
        match staged.entry(id) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => Ok(entry.insert(self.open_account(id, leg)?.clone())),
        }
    }

    /// Turns the accounts that moved into rows, in the order of their ids, and asserts what
    /// must hold of every batch (promises I2 and I3).
    fn finish(mut self) -> Effects {
        let mut change: i128 = 0;
        for (id, account) in &self.accounts {
            let Some(before) = self.snapshot.accounts.get(id) else { continue };
            assert!(
                account.kind != AccountKind::Wallet || !account.balance.is_negative(),
                "I3: the balance of {id} would be negative"
            );
            change = change
                .saturating_add(i128::from(account.balance.get()))
                .saturating_sub(i128::from(before.balance.get()));
            if account.entries != before.entries {
                self.effects.accounts.push(AccountRow {
                    id: *id,
                    balance: account.balance,
                    entries_before: before.entries,
                    entries: account.entries,
                    spent: account.spent,
                });
            }
        }
        assert!(change == 0, "I2: the batch would make {change} msat out of nothing");
        self.effects.accounts.sort_unstable_by_key(|row| row.id);
        self.effects.cards.extend(self.spent_by_cards.into_iter().map(|(id, spent)| CardRow { id, spent }));
        self.effects.claims.sort_unstable_by_key(|row| (row.account, row.key));
        self.effects
    }
}

/// Whether money may leave an account that its mover has staged; counts what its own key
/// spends.
fn check_spending(debit: &mut Account, posting: &Posting<'_>, leg: usize, now: UnixMs) -> Result<(), Rejection> {
    if posting.by.bound_by(debit.freezes).is_some() {
        return Err(Rejection::WalletFrozen { leg });
    }
    match posting.by {
        Initiator::Owner => {
            debit.spent = debit.limits.spend(debit.spent, posting.amount, now).map_err(|over| match over {
                OverLimit::Payment => Rejection::PaymentLimit { leg },
                OverLimit::Day => Rejection::DayLimit { leg },
            })?;
        }
        Initiator::Manager | Initiator::Above | Initiator::Operator => {}
    }
    Ok(())
}

/// The next position in an account's chain.
fn next_entry(entries: i64) -> i64 {
    entries.checked_add(1).expect("an account has fewer than 2^63 entries")
}
