//! Paying invoices: by key, by card, and pay links of this server.

#![deny(clippy::arithmetic_side_effects)]

use super::Work;
use super::posting::{Initiator, Posting};
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::{AccountId, PaymentHash, TransferId};
use crate::ledger::command::{Pay, PayByCard, PayLink};
use crate::ledger::outcome::{Paid, Rejection, Settled};
use crate::ledger::state::{HitRow, Invoice, InvoiceState, TransferKind};

/// What the payer adds to its side of a payment.
#[derive(Clone, Copy)]
pub(super) struct PayerSide<'a> {
    pub(super) extra: Option<&'a Extra>,
    pub(super) webhook: Option<&'a str>,
    pub(super) external_id: Option<&'a ExternalId>,
}

impl Work<'_> {
    pub(super) fn pay(&mut self, pay: &Pay) -> Result<Paid, Rejection> {
        let invoice = self.payable(pay.payment_hash, &pay.bolt11)?;
        let (extra, webhook) = (pay.extra.as_ref(), pay.webhook.as_deref());
        let side = PayerSide { extra, webhook, external_id: pay.external_id.as_ref() };
        if invoice.preimage.is_none() {
            return self.hold_for(invoice, pay.payment_hash, pay.authority.account, pay.transfer, side);
        }
        self.pay_invoice(invoice, pay.payment_hash, pay.authority.account, pay.transfer, side)
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
        let invoice = self.payable(pay.payment_hash, &pay.bolt11)?;
        // A tap ends with its payment, and a hold invoice is not paid yet.
        if invoice.preimage.is_none() {
            return Err(Rejection::IsAHoldInvoice);
        }
        let spent = self.spent_by_cards.get(&hit.card).copied().unwrap_or(card.spent).today(self.now);
        card.limits.check(spent.total, invoice.amount)?;
        let amount = invoice.amount;
        let side = PayerSide { extra: pay.extra.as_ref(), webhook: None, external_id: None };
        let paid = self.pay_invoice(invoice, pay.payment_hash, pay.account, pay.transfer, side)?;
        self.spent_hits.insert(pay.hit);
        self.spent_by_cards.insert(hit.card, spent.and(amount));
        self.effects.hits.push(HitRow { id: pay.hit, transfer: pay.transfer, amount });
        Ok(paid)
    }

    /// An invoice that can be paid now.
    pub(super) fn payable(&self, hash: PaymentHash, bolt11: &str) -> Result<Invoice, Rejection> {
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

    pub(super) fn pay_invoice(
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
