//! Moving money from one account to another: every movement goes through here.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, HashMap};

use super::Work;
use crate::domain::consumer::Consumer;
use crate::domain::controls::{Freeze, Freezes, OverLimit};
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::{AccountId, InvoiceId, PaymentHash, TransferId, UserId};
use crate::domain::money::Amount;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::ledger::command::Leg;
use crate::ledger::outcome::Rejection;
use crate::ledger::state::{Account, AccountKind, PaymentEvent, TransferKind, TransferRow};

/// Who moves the money. Freezes and limits depend on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Initiator {
    /// The wallet's own key.
    Owner,
    /// The manager of the wallet's user.
    Manager,
    /// A manager further up: whoever created that manager, directly or indirectly.
    Above,
    /// An operator.
    Operator,
}

impl Initiator {
    /// The freeze that binds this initiator, if any. A freeze set at a lower level does not bind
    /// those above.
    pub(super) fn bound_by(self, freezes: Freezes) -> Option<Freeze> {
        match self {
            Self::Owner | Self::Manager => freezes.strictest(),
            Self::Above => freezes.by_operator,
            Self::Operator => None,
        }
    }
}

/// A movement to be made.
pub(super) struct Posting<'a> {
    pub(super) by: Initiator,
    pub(super) id: TransferId,
    pub(super) invoice: InvoiceId,
    pub(super) kind: TransferKind,
    pub(super) debit: AccountId,
    pub(super) credit: AccountId,
    pub(super) amount: Amount,
    pub(super) extra: Option<&'a Extra>,
    pub(super) hash: PaymentHash,
    /// What the payer calls it.
    pub(super) external_id: Option<&'a ExternalId>,
    /// The URL at which the payer asked to be notified.
    pub(super) webhook: Option<&'a str>,
    /// Whether the payee asked to be notified.
    pub(super) payee_has_webhook: bool,
    /// Whether the money is paid out of what is held of the payer's.
    pub(super) is_held: bool,
}

impl<'a> Posting<'a> {
    /// A movement without an invoice that anybody has seen.
    pub(super) fn direct(leg: &'a Leg, kind: TransferKind, by: Initiator) -> Self {
        Self {
            by,
            id: leg.transfer,
            invoice: leg.invoice.id,
            kind,
            debit: leg.from,
            credit: leg.invoice.payee,
            amount: leg.invoice.amount,
            extra: leg.invoice.extra.as_ref(),
            hash: leg.invoice.payment_hash,
            external_id: leg.external_id.as_ref(),
            webhook: None,
            payee_has_webhook: leg.invoice.webhook.is_some(),
            is_held: false,
        }
    }
}

impl Work<'_> {
    /// Issues and settles the invoices behind direct movements: all or none.
    pub(super) fn post_legs(
        &mut self,
        legs: &[Leg],
        kind: TransferKind,
        by: impl Fn(&Leg) -> Initiator,
    ) -> Result<(), Rejection> {
        let postings: Vec<_> = legs.iter().map(|leg| Posting::direct(leg, kind, by(leg))).collect();
        self.post(&postings)?;
        for leg in legs {
            self.issue_paid(&leg.invoice);
        }
        Ok(())
    }

    /// Makes the movements in order: all or none.
    pub(super) fn post(&mut self, postings: &[Posting<'_>]) -> Result<(), Rejection> {
        let mut staged: BTreeMap<AccountId, Account> = BTreeMap::new();
        let mut rows = Vec::with_capacity(postings.len());
        let mut events = Vec::new();
        let mut names: HashMap<(AccountId, ExternalId), PaymentHash> = HashMap::new();
        for (leg, posting) in postings.iter().enumerate() {
            // A hold had the external id before its capture gets it.
            if let Some(id) = posting.external_id.filter(|_| !posting.is_held) {
                let name = (posting.debit, id.clone());
                self.check_external_id(&name, leg)?;
                if let Some(payment_hash) = names.insert(name, posting.hash) {
                    return Err(Rejection::ExternalIdExists { payment_hash, leg });
                }
            }
            let debit = self.stage(&mut staged, posting.debit, leg)?;
            check_spending(debit, posting.by, posting.amount, leg, self.now)?;
            if posting.is_held {
                debit.give_back(posting.amount);
            }
            let balance = debit.balance.checked_sub(posting.amount).ok_or(Rejection::BalanceLimit { leg })?;
            match debit.kind {
                AccountKind::Wallet if balance < debit.held => return Err(Rejection::InsufficientBalance { leg }),
                AccountKind::Issuance | AccountKind::Lightning | AccountKind::Fees | AccountKind::Adjustments
                    if balance.is_below_supply() =>
                {
                    return Err(Rejection::BalanceLimit { leg });
                }
                AccountKind::Wallet
                | AccountKind::Issuance
                | AccountKind::Lightning
                | AccountKind::Fees
                | AccountKind::Adjustments => {}
            }
            debit.balance = balance;
            debit.entries = next_entry(debit.entries);
            let (debit_balance, debit_entry, tenant) = (debit.balance, debit.entries, debit.tenant);
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
                external_id: posting.external_id.cloned(),
                tenant,
                payee_tenant: elsewhere(tenant, credit.tenant),
                created_at: self.now,
            });
        }
        self.accounts.extend(staged);
        self.external_ids.extend(names);
        self.effects.transfers.extend(rows);
        self.effects.events.extend(events);
        Ok(())
    }

    pub(super) fn stage<'s>(
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
}

/// Checks that money of a staged account may leave it or be held, and counts what the account's own
/// key spends.
pub(super) fn check_spending(
    debit: &mut Account,
    by: Initiator,
    amount: Amount,
    leg: usize,
    now: UnixMs,
) -> Result<(), Rejection> {
    if by.bound_by(debit.freezes).is_some() {
        return Err(Rejection::WalletFrozen { leg });
    }
    match by {
        Initiator::Owner => {
            debit.spent = debit.limits.spend(debit.spent, amount, now).map_err(|over| match over {
                OverLimit::Payment => Rejection::PaymentLimit { leg },
                OverLimit::Day => Rejection::DayLimit { leg },
            })?;
        }
        Initiator::Manager | Initiator::Above | Initiator::Operator => {}
    }
    Ok(())
}

/// The payee's tenant, unless it is the payer's as well; of issuance, nobody's.
fn elsewhere(payer: Option<UserId>, payee: Option<UserId>) -> Option<UserId> {
    (payer != payee).then(|| payee.unwrap_or(Consumer::NOBODY.tenant))
}

/// The next position in an account's chain.
fn next_entry(entries: i64) -> i64 {
    entries.checked_add(1).expect("an account has fewer than 2^63 entries")
}
