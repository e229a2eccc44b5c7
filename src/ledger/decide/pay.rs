//! Paying invoices: by key, by card, and pay links of this server.

#![deny(clippy::arithmetic_side_effects)]

use super::Work;
use super::posting::{Initiator, Posting};
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::{AccountId, HoldId, PaymentHash, TransferId};
use crate::domain::money::Amount;
use crate::ledger::command::{NewSend, Pay, PayByCard, PayLink};
use crate::ledger::outcome::{Paid, Rejection, Settled};
use crate::ledger::state::{HitRow, Invoice, InvoiceState, TransferKind};

/// What the payer adds to its side of a payment.
#[derive(Clone, Copy)]
pub(super) struct PayerSide<'a> {
    pub(super) extra: Option<&'a Extra>,
    pub(super) webhook: Option<&'a str>,
    pub(super) external_id: Option<&'a ExternalId>,
}

/// What is to be paid.
pub(super) enum Bill<'a> {
    /// An invoice of this server.
    Ours(Box<Invoice>),
    /// One of another node.
    Foreign(&'a NewSend),
}

impl Bill<'_> {
    /// How much it asks for.
    pub(super) fn amount(&self) -> Amount {
        match self {
            Self::Ours(invoice) => invoice.amount,
            Self::Foreign(send) => send.amount,
        }
    }

    /// The transfer that its payment is, or will be.
    pub(super) fn transfer(&self, transfer: TransferId) -> TransferId {
        match self {
            Self::Ours(_) => transfer,
            Self::Foreign(_) => HoldId::from(transfer).sent(),
        }
    }
}

impl Work<'_> {
    pub(super) fn pay(&mut self, pay: &Pay) -> Result<Paid, Rejection> {
        let (extra, webhook) = (pay.extra.as_ref(), pay.webhook.as_deref());
        let side = PayerSide { extra, webhook, external_id: pay.external_id.as_ref() };
        let payer = pay.authority.account;
        match self.bill(pay.payment_hash, &pay.bolt11, pay.send.as_deref())? {
            Bill::Ours(invoice) if invoice.is_hold_invoice() => {
                self.hold_for(*invoice, pay.payment_hash, payer, pay.transfer, side)
            }
            bill @ (Bill::Ours(_) | Bill::Foreign(_)) => {
                self.pay_bill(bill, pay.payment_hash, payer, pay.transfer, side)
            }
        }
    }

    /// What a text asks to be paid: an invoice of this server, or else one of another node, where it is said how
    /// that is paid.
    fn bill<'p>(&self, hash: PaymentHash, bolt11: &str, send: Option<&'p NewSend>) -> Result<Bill<'p>, Rejection> {
        match (self.payable(hash, bolt11), send) {
            (Err(Rejection::InvoiceNotFound | Rejection::InvoiceMismatch), Some(send)) => Ok(Bill::Foreign(send)),
            (invoice, _) => Ok(Bill::Ours(Box::new(invoice?))),
        }
    }

    /// The same for what ends with its payment, which a hold invoice's is not.
    pub(super) fn bill_at_once<'p>(
        &self,
        hash: PaymentHash,
        bolt11: &str,
        send: Option<&'p NewSend>,
    ) -> Result<Bill<'p>, Rejection> {
        match self.bill(hash, bolt11, send)? {
            Bill::Ours(invoice) if invoice.is_hold_invoice() => Err(Rejection::IsAHoldInvoice),
            bill @ (Bill::Ours(_) | Bill::Foreign(_)) => Ok(bill),
        }
    }

    /// Pays what was asked for, or begins to.
    pub(super) fn pay_bill(
        &mut self,
        bill: Bill<'_>,
        hash: PaymentHash,
        payer: AccountId,
        transfer: TransferId,
        side: PayerSide<'_>,
    ) -> Result<Paid, Rejection> {
        match bill {
            Bill::Ours(invoice) => self.pay_invoice(*invoice, hash, payer, transfer, side),
            Bill::Foreign(send) => self.send(send, payer, transfer, side),
        }
    }

    pub(super) fn pay_link(&mut self, pay: &PayLink) -> Result<Settled, Rejection> {
        let PayLink { authority, claim: _, transfer, invoice, origin, extra, webhook, external_id } = pay;
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
            hash: invoice.payment_hash,
            external_id: external_id.as_ref(),
            webhook: webhook.as_deref(),
            payee_has_webhook: invoice.webhook.is_some(),
            is_held: false,
        }])?;
        self.issue_paid(invoice);
        self.effects.origins.push((invoice.id, *origin));
        Ok(Settled { at: self.now })
    }

    /// Uses up the tap, counts the amount against the card's limits, and pays the invoice: all or
    /// nothing.
    pub(super) fn pay_by_card(&mut self, pay: &PayByCard) -> Result<Paid, Rejection> {
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
        let bill = self.bill_at_once(pay.payment_hash, &pay.bolt11, pay.send.as_deref())?;
        let spent = self.spent_by_cards.get(&hit.card).copied().unwrap_or(card.spent).today(self.now);
        let (amount, transfer) = (bill.amount(), bill.transfer(pay.transfer));
        card.limits.check(spent.total, amount)?;
        let side = PayerSide { extra: pay.extra.as_ref(), webhook: None, external_id: None };
        let paid = self.pay_bill(bill, pay.payment_hash, pay.account, pay.transfer, side)?;
        self.spent_hits.insert(pay.hit);
        self.spent_by_cards.insert(hit.card, spent.and(amount));
        self.paid_by_card.insert(HoldId::from(pay.transfer), hit.card);
        self.effects.hits.push(HitRow { id: pay.hit, transfer, amount });
        Ok(paid)
    }

    /// No longer counts a payment to another node, which has failed, against the limit of the card's day. Its tap
    /// stays used up: the card can be tapped again.
    pub(super) fn give_back_to_card(&mut self, hold: HoldId, amount: Amount) {
        let paid_by = self.paid_by_card.get(&hold).or_else(|| self.snapshot.paid_by_card.get(&hold));
        let Some(id) = paid_by.copied() else { return };
        let stored = || self.snapshot.cards.get(&id).map(|card| card.spent);
        let Some(spent) = self.spent_by_cards.get(&id).copied().or_else(stored) else { return };
        self.spent_by_cards.insert(id, spent.without(amount.incoming(), hold.placed_at()));
    }

    /// An invoice that can be paid now.
    fn payable(&self, hash: PaymentHash, bolt11: &str) -> Result<Invoice, Rejection> {
        let invoice = self.invoice(hash).ok_or(Rejection::InvoiceNotFound)?;
        if invoice.bolt11.as_deref() != Some(bolt11) {
            return Err(Rejection::InvoiceMismatch);
        }
        match invoice.state {
            // What is held is paid, as far as anybody else is concerned.
            InvoiceState::Paid | InvoiceState::Held => return Err(Rejection::InvoiceAlreadyPaid),
            InvoiceState::Cancelled => return Err(Rejection::InvoiceCancelled),
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
        side: PayerSide<'_>,
    ) -> Result<Paid, Rejection> {
        self.post(&[Posting {
            by: Initiator::Owner,
            id: transfer,
            invoice: invoice.id,
            kind: TransferKind::Payment,
            debit: payer,
            credit: invoice.payee,
            amount: invoice.amount,
            extra: side.extra,
            hash,
            external_id: side.external_id,
            webhook: side.webhook,
            payee_has_webhook: invoice.has_webhook,
            is_held: false,
        }])?;
        self.settle(hash, &invoice);
        let invoice = Box::new(Invoice { state: InvoiceState::Paid, ..invoice });
        Ok(Paid { row: transfer.into(), invoice, at: self.now })
    }
}
