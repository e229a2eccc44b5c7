//! What a batch of commands needs to read: sorted and without repetition, because rows are
//! locked in this order by everyone (see [`super::settle`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use super::command::Command;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{AccountId, HitId, PaymentHash, UserId};
use crate::domain::session::{Right, SessionDigest};

/// The rows that a batch reads, besides the payees, which only its invoices tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Users that are to be deleted.
    pub users: BTreeSet<UserId>,
    /// Managers who ask for what only managers may.
    pub managers: BTreeSet<UserId>,
    /// Taps of cards that are to pay.
    pub hits: BTreeSet<HitId>,
    /// Invoices that are to be paid.
    pub invoices: BTreeSet<PaymentHash>,
    /// Accounts whose balance may change, or that are to be deleted: locked.
    pub accounts: BTreeSet<AccountId>,
    /// Idempotency keys that commands are asked under, with their account.
    pub claims: BTreeSet<(AccountId, IdempotencyKey)>,
    /// Tokens that commands are asked under, each with the right that it must give.
    pub sessions: HashSet<(SessionDigest, Right)>,
    /// Accounts that only authorize: read, not locked. None of these is in `accounts`.
    pub readers: BTreeSet<AccountId>,
}

impl ReadSet {
    /// What `commands` need.
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
                    // Under an idempotency key the account is locked, so that of two replicas the
                    // second one sees what the first has done.
                    let place = if create.claim.is_some() { &mut read_set.accounts } else { &mut read_set.readers };
                    place.insert(create.authority.account);
                    issued.insert(create.invoice.payment_hash, create.invoice.payee);
                }
                Command::IssueForLink(issue) => {
                    read_set.readers.insert(issue.invoice.payee);
                    issued.insert(issue.invoice.payment_hash, issue.invoice.payee);
                }
                Command::PayLink(pay) => {
                    read_set.accounts.extend([pay.authority.account, pay.invoice.payee]);
                }
                Command::PayByCard(pay) => {
                    read_set.hits.insert(pay.hit);
                    read_set.accounts.insert(pay.account);
                    read_set.invoices.insert(pay.payment_hash);
                    read_set.accounts.extend(issued.get(&pay.payment_hash));
                }
                Command::Pay(pay) => {
                    read_set.accounts.insert(pay.authority.account);
                    read_set.invoices.insert(pay.payment_hash);
                    // An invoice of this very batch is not stored yet, but tells its payee.
                    read_set.accounts.extend(issued.get(&pay.payment_hash));
                }
                Command::Transfer(transfer) => {
                    read_set.accounts.insert(transfer.authority.account);
                    for leg in &transfer.legs {
                        read_set.accounts.extend([leg.from, leg.invoice.payee]);
                    }
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

    /// Adds the payees of the invoices that were found, and keeps `readers` apart from
    /// `accounts`.
    pub fn add_payees(&mut self, payees: impl IntoIterator<Item = AccountId>) {
        self.accounts.extend(payees);
        self.readers.retain(|id| !self.accounts.contains(id));
    }
}
