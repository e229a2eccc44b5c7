//! What a batch of commands needs to read: sorted and without repetition, because rows are
//! locked in this order by everyone (see [`super::settle`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use super::command::Command;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{AccountId, PaymentHash, UserId};
use crate::domain::session::SessionDigest;

/// The rows that a batch reads, besides the payees, which only its invoices tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Users that are to be deleted.
    pub users: BTreeSet<UserId>,
    /// Managers who ask for what only managers may.
    pub managers: BTreeSet<UserId>,
    /// Invoices that are to be paid.
    pub invoices: BTreeSet<PaymentHash>,
    /// Accounts whose balance may change, or that are to be deleted: locked.
    pub accounts: BTreeSet<AccountId>,
    /// Idempotency keys that commands are asked under, with their account.
    pub claims: BTreeSet<(AccountId, IdempotencyKey)>,
    /// Sessions of operators that commands are asked under.
    pub sessions: HashSet<SessionDigest>,
    /// Accounts that only authorize: read, not locked. None of these is in `accounts`.
    pub readers: BTreeSet<AccountId>,
}

impl Wants {
    /// What `commands` need.
    pub fn of(commands: &[Command]) -> Self {
        let mut wants = Self::default();
        let mut issued = HashMap::new();
        for command in commands {
            if let Some((account, claim)) = command.claim() {
                wants.claims.insert((account, claim.key));
            }
            wants.sessions.extend(command.session());
            wants.managers.extend(command.authority().and_then(|authority| authority.manager));
            match command {
                Command::CreateInvoice(create) => {
                    // Under an idempotency key the account is locked, so that of two replicas the
                    // second one sees what the first has done.
                    let place = if create.claim.is_some() { &mut wants.accounts } else { &mut wants.readers };
                    place.insert(create.authority.account);
                    issued.insert(create.invoice.payment_hash, create.invoice.payee);
                }
                Command::Pay(pay) => {
                    wants.accounts.insert(pay.authority.account);
                    wants.invoices.insert(pay.payment_hash);
                    // An invoice of this very batch is not stored yet, but tells its payee.
                    wants.accounts.extend(issued.get(&pay.payment_hash));
                }
                Command::Transfer(transfer) => {
                    wants.accounts.insert(transfer.authority.account);
                    for leg in &transfer.legs {
                        wants.accounts.extend([leg.from, leg.invoice.payee]);
                    }
                }
                Command::Adjust(adjust) => {
                    wants.accounts.extend([adjust.leg.from, adjust.leg.invoice.payee]);
                }
                Command::Close(close) => {
                    wants.accounts.extend(close.by.authority().map(|authority| authority.account));
                    wants.accounts.extend(close.wallets.iter().map(|wallet| wallet.account));
                    wants.users.extend(&close.users);
                }
            }
        }
        wants
    }

    /// Adds the payees of the invoices that were found, and keeps `readers` apart from
    /// `accounts`.
    pub fn add_payees(&mut self, payees: impl IntoIterator<Item = AccountId>) {
        self.accounts.extend(payees);
        self.readers.retain(|id| !self.accounts.contains(id));
    }
}
