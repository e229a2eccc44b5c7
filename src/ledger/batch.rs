//! What a batch of commands needs to read, sorted and deduplicated: every batch locks rows in this
//! order (see [`super::settle`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use super::command::{CancelHeld, Command, EndSend, NewSend, Receive, SendEnd, SettleHeld};
use crate::domain::external_id::ExternalId;
use crate::domain::hold::HoldGroup;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{AccountId, HitId, HoldId, OriginId, PaymentHash, UserId, WithdrawLinkId, WithdrawalId};
use crate::domain::session::{Right, SessionDigest};
use crate::ledger::state::ReceiptId;

/// The rows that a batch reads, except the payees and the accounts of holds, which are only known
/// once the invoices and the holds are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Users to delete.
    pub users: BTreeSet<UserId>,
    /// Managers who ask for something that only managers may do.
    pub managers: BTreeSet<UserId>,
    /// External ids that commands give to payments of an account, which is locked.
    pub external_ids: BTreeSet<(AccountId, ExternalId)>,
    /// What invoices are issued for without a key, each with the payee, which is locked: those that
    /// wait to be paid are counted.
    pub origins: BTreeSet<(AccountId, OriginId)>,
    /// Those of these origins for which only so much may be paid: what was paid and what waits to be
    /// paid is summed up.
    pub limited_origins: BTreeSet<(AccountId, OriginId)>,
    /// Card taps to pay with.
    pub hits: BTreeSet<HitId>,
    /// Withdraw links to pay by, each with what is to be withdrawn.
    pub withdrawals: BTreeSet<(WithdrawLinkId, WithdrawalId)>,
    /// Payments to other nodes that have failed: by which link or with which tap each was made, if it was.
    pub failed_sends: BTreeSet<HoldId>,
    /// Holds to settle.
    pub holds: BTreeSet<HoldId>,
    /// Groups of managers, all open holds of which are to be settled.
    pub groups: BTreeSet<(UserId, HoldGroup)>,
    /// Hold invoices, what is held for which is to be captured or given back.
    pub held_invoices: BTreeSet<PaymentHash>,
    /// Invoices to pay, to settle, or to cancel.
    pub invoices: BTreeSet<PaymentHash>,
    /// Accounts to lock: their balance may change, or they are to be deleted.
    pub accounts: BTreeSet<AccountId>,
    /// Payments to other nodes, by their payment hash: the one that has not failed.
    pub sends: BTreeSet<PaymentHash>,
    /// Accounts that send to other nodes: what is under way of theirs, and of their tenants'.
    pub senders: BTreeSet<AccountId>,
    /// What has arrived at the node.
    pub receipts: BTreeSet<ReceiptId>,
    /// Idempotency keys of the commands, with the accounts they belong to.
    pub claims: BTreeSet<(AccountId, IdempotencyKey)>,
    /// Tokens that commands are authorized by, each with the right that it must give.
    pub sessions: HashSet<(SessionDigest, Right)>,
    /// Accounts that only authorize: read, not locked. None of these is in `accounts`.
    pub readers: BTreeSet<AccountId>,
}

impl ReadSet {
    /// The read set of `commands`.
    pub fn of(commands: &[Command]) -> Self {
        let mut read_set = Self::default();
        let mut issued = HashMap::new();
        for command in commands {
            if let Some((account, claim)) = command.claim() {
                read_set.claims.insert((account, claim.key));
            }
            read_set.sessions.extend(command.session());
            read_set.managers.extend(command.authority().and_then(|authority| authority.manager));
            match command {
                Command::CreateInvoice(create) => {
                    // With an idempotency key the account is locked, so that if two replicas get
                    // the same request, the second sees what the first did.
                    let is_locked = create.claim.is_some() || create.invoice.external_id.is_some();
                    let place = if is_locked { &mut read_set.accounts } else { &mut read_set.readers };
                    place.insert(create.authority.account);
                    read_set.name(create.invoice.payee, create.invoice.external_id.as_ref());
                    if create.invoice.preimage.is_none() {
                        read_set.invoices.insert(create.invoice.payment_hash);
                    }
                    issued.insert(create.invoice.payment_hash, create.invoice.payee);
                }
                Command::IssueForLink(issue) => {
                    read_set.accounts.insert(issue.invoice.payee);
                    read_set.origins.insert((issue.invoice.payee, issue.origin));
                    read_set.limited_origins.extend(issue.total_max.map(|_| (issue.invoice.payee, issue.origin)));
                    issued.insert(issue.invoice.payment_hash, issue.invoice.payee);
                }
                Command::PayLink(pay) => {
                    read_set.accounts.extend([pay.authority.account, pay.invoice.payee]);
                    read_set.name(pay.authority.account, pay.external_id.as_ref());
                }
                Command::PayByCard(pay) => {
                    read_set.hits.insert(pay.hit);
                    read_set.send(pay.account, pay.send.as_deref());
                    read_set.accounts.insert(pay.account);
                    read_set.invoices.insert(pay.payment_hash);
                    read_set.accounts.extend(issued.get(&pay.payment_hash));
                }
                Command::EndSend(end) => read_set.end_send(end),
                Command::Receive(receive) => read_set.receive(receive),
                Command::PayByWithdrawLink(pay) => {
                    read_set.withdrawals.insert((pay.link, pay.withdrawal));
                    read_set.send(pay.account, pay.send.as_deref());
                    read_set.accounts.insert(pay.account);
                    read_set.invoices.insert(pay.payment_hash);
                    read_set.accounts.extend(issued.get(&pay.payment_hash));
                }
                Command::Pay(pay) => {
                    read_set.send(pay.authority.account, pay.send.as_deref());
                    read_set.accounts.insert(pay.authority.account);
                    read_set.name(pay.authority.account, pay.external_id.as_ref());
                    read_set.invoices.insert(pay.payment_hash);
                    // An invoice issued in this batch is not stored yet, but its payee is known.
                    read_set.accounts.extend(issued.get(&pay.payment_hash));
                }
                Command::Transfer(transfer) => {
                    read_set.accounts.insert(transfer.authority.account);
                    for leg in &transfer.legs {
                        read_set.accounts.extend([leg.from, leg.invoice.payee]);
                        read_set.name(leg.from, leg.external_id.as_ref());
                    }
                }
                Command::PlaceHolds(place) => {
                    read_set.accounts.insert(place.authority.account);
                    read_set.accounts.extend(place.holds.iter().map(|hold| hold.account));
                }
                Command::SettleHolds(settle) => {
                    read_set.accounts.insert(settle.authority.account);
                    for capture in &settle.captures {
                        read_set.holds.insert(capture.hold);
                        read_set.accounts.extend(capture.to.iter().map(|payout| payout.to));
                    }
                    read_set.holds.extend(&settle.voids);
                    read_set.groups.extend(settle.group.clone());
                }
                Command::ExpireHolds(expire) => {
                    read_set.holds.extend(expire.holds.iter().map(|(hold, _)| *hold));
                    read_set.invoices.extend(expire.holds.iter().filter_map(|(_, invoice)| *invoice));
                }
                Command::SettleHeld(SettleHeld { authority, payment_hash, .. })
                | Command::CancelHeld(CancelHeld { authority, payment_hash }) => {
                    read_set.accounts.insert(authority.account);
                    read_set.invoices.insert(*payment_hash);
                    read_set.held_invoices.insert(*payment_hash);
                }
                Command::Adjust(adjust) => {
                    read_set.accounts.extend([adjust.leg.from, adjust.leg.invoice.payee]);
                }
                Command::Close(close) => {
                    read_set.accounts.extend(close.by.authority().map(|authority| authority.account));
                    read_set.accounts.extend(close.wallets.iter().map(|wallet| wallet.account));
                    read_set.users.extend(&close.users);
                }
            }
        }
        read_set
    }

    fn end_send(&mut self, end: &EndSend) {
        self.accounts.extend([AccountId::LIGHTNING, AccountId::FEES, AccountId::ADJUSTMENTS]);
        self.holds.insert(end.hold);
        self.sends.insert(end.payment_hash);
        if matches!(end.end, SendEnd::Failed) {
            self.failed_sends.insert(end.hold);
        }
    }

    fn receive(&mut self, receive: &Receive) {
        self.accounts.extend([AccountId::LIGHTNING, AccountId::ADJUSTMENTS]);
        self.invoices.insert(receive.payment_hash);
        self.receipts.insert((receive.node.clone(), receive.payment_hash));
    }

    fn send(&mut self, payer: AccountId, send: Option<&NewSend>) {
        if let Some(send) = send {
            self.sends.insert(send.payment_hash);
            self.senders.insert(payer);
        }
    }

    fn name(&mut self, account: AccountId, external_id: Option<&ExternalId>) {
        self.external_ids.extend(external_id.map(|id| (account, id.clone())));
    }

    /// Whether any holds are to be read.
    pub fn has_holds(&self) -> bool {
        !(self.holds.is_empty() && self.groups.is_empty() && self.held_invoices.is_empty())
    }

    /// Adds the payees of the invoices and the accounts of the holds that were found, and keeps
    /// `readers` disjoint from `accounts`.
    pub fn add_accounts(&mut self, found: impl IntoIterator<Item = AccountId>) {
        self.accounts.extend(found);
        self.readers.retain(|id| !self.accounts.contains(id));
    }
}
