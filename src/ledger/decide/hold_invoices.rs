//! Hold invoices: invoices whose preimage only the payee knows. Paying one holds the payer's money;
//! the payee gets it with the preimage, or cancels.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;

use super::Work;
use super::pay::PayerSide;
use super::posting::{Initiator, Posting, check_spending};
use crate::crypto::secret::Sealed;
use crate::domain::controls::Freeze;
use crate::domain::hold::{HoldState, HoldSums, MoveKind};
use crate::domain::ids::{AccountId, HoldId, PaymentHash, TransferId};
use crate::domain::webhooks::EventKind;
use crate::ledger::command::{CancelHeld, SettleHeld};
use crate::ledger::outcome::{Cancelled, Paid, Rejection};
use crate::ledger::state::{HeldInvoiceRow, Hold, HoldMoveRow, Invoice, InvoiceState, PaymentEvent, TransferKind};

impl Work<'_> {
    /// Holds the payer's money for a hold invoice.
    pub(super) fn hold_for(
        &mut self,
        invoice: Invoice,
        hash: PaymentHash,
        payer: AccountId,
        transfer: TransferId,
        side: PayerSide<'_>,
    ) -> Result<Paid, Rejection> {
        let name = side.external_id.map(|id| (payer, id.clone()));
        if let Some(name) = &name {
            self.check_external_id(name, 0)?;
        }
        let mut staged = BTreeMap::new();
        let account = self.stage(&mut staged, payer, 0)?;
        check_spending(account, Initiator::Owner, invoice.amount, 0, self.now)?;
        account.hold(invoice.amount).ok_or(Rejection::InsufficientBalance { leg: 0 })?;
        if self.open_account(invoice.payee, 0)?.freezes.strictest() == Some(Freeze::Everything) {
            return Err(Rejection::ReceiverFrozen { leg: 0 });
        }
        self.accounts.extend(staged);
        self.external_ids.extend(name.map(|name| (name, hash)));
        self.change_held_invoice(hash, &invoice, InvoiceState::Held, None);
        let hold = Hold {
            account: payer,
            manager: None,
            group: None,
            payment_hash: hash,
            invoice: Some(invoice.id),
            sums: HoldSums::placed(invoice.amount),
            moves: 1,
            memo: invoice.memo.clone(),
            extra: side.extra.cloned(),
            webhook: side.webhook.map(str::to_owned),
            external_id: side.external_id.cloned(),
            send: None,
            expires_at: invoice.expires_at,
        };
        let id = HoldId::from(transfer);
        self.open_hold(id, hold);
        let invoice = Box::new(Invoice { state: InvoiceState::Held, ..invoice });
        Ok(Paid { row: id.into(), invoice, at: self.now })
    }

    /// Pays the payee with what is held, now that the preimage is known.
    pub(super) fn settle_held(&mut self, settle: &SettleHeld) -> Result<Paid, Rejection> {
        let hash = settle.payment_hash;
        let invoice = self.held_invoice(hash, settle.authority.account)?;
        match invoice.state {
            InvoiceState::Open => return Err(Rejection::InvoiceNotHeld),
            InvoiceState::Paid => return Err(Rejection::InvoiceAlreadyPaid),
            InvoiceState::Cancelled => return Err(Rejection::InvoiceCancelled),
            InvoiceState::Held => {}
        }
        let (id, hold) = self.hold_of(hash).ok_or(Rejection::InvoiceNotHeld)?;
        if self.now >= hold.expires_at {
            return Err(Rejection::InvoiceExpired);
        }
        let (transfer, amount) = (settle.transfer, hold.sums.amount);
        let sums = hold.sums.capture(amount).ok_or(Rejection::InvoiceNotHeld)?;
        self.post(&[Posting {
            by: Initiator::Manager,
            id: transfer,
            invoice: invoice.id,
            kind: TransferKind::Payment,
            debit: hold.account,
            credit: invoice.payee,
            amount,
            extra: hold.extra.as_ref(),
            hash,
            external_id: hold.external_id.as_ref(),
            webhook: hold.webhook.as_deref(),
            payee_has_webhook: invoice.has_webhook,
            is_held: true,
        }])?;
        self.change_held_invoice(hash, &invoice, InvoiceState::Paid, Some(&settle.preimage));
        self.end_hold(id, Hold { sums, ..hold }, MoveKind::Captured, Some(transfer), EventKind::HoldCaptured);
        let (state, preimage) = (InvoiceState::Paid, Some(settle.preimage.clone()));
        Ok(Paid { row: transfer.into(), invoice: Box::new(Invoice { state, preimage, ..invoice }), at: self.now })
    }

    /// Gives back what is held for an invoice, and cancels it; also one that nobody has paid yet.
    pub(super) fn cancel_held(&mut self, cancel: &CancelHeld) -> Result<Cancelled, Rejection> {
        let hash = cancel.payment_hash;
        let invoice = self.held_invoice(hash, cancel.authority.account)?;
        match invoice.state {
            InvoiceState::Paid => return Err(Rejection::InvoiceAlreadyPaid),
            InvoiceState::Cancelled => return Err(Rejection::InvoiceCancelled),
            InvoiceState::Open | InvoiceState::Held => {}
        }
        self.change_held_invoice(hash, &invoice, InvoiceState::Cancelled, None);
        if let Some((id, hold)) = self.hold_of(hash) {
            let sums = hold.sums.close(HoldState::Voided);
            self.give_back(hold.account, hold.sums.amount);
            self.end_hold(id, Hold { sums, ..hold }, MoveKind::Voided, None, EventKind::HoldReleased);
        }
        Ok(Cancelled)
    }

    /// A hold invoice of this payee.
    fn held_invoice(&self, hash: PaymentHash, payee: AccountId) -> Result<Invoice, Rejection> {
        let invoice = self.invoice(hash).filter(|invoice| invoice.payee == payee).ok_or(Rejection::InvoiceNotFound)?;
        // An invoice that satkeep has made the preimage of is settled by paying it.
        let is_made_here =
            invoice.at_node.is_some() || (invoice.preimage.is_some() && invoice.state != InvoiceState::Paid);
        if is_made_here { Err(Rejection::NotAHoldInvoice) } else { Ok(invoice) }
    }

    /// What is held for an invoice.
    fn hold_of(&self, hash: PaymentHash) -> Option<(HoldId, Hold)> {
        let id = *self.held_for.get(&hash)?;
        let hold = self.hold(id)?;
        (hold.sums.state == HoldState::Open).then(|| (id, hold.clone()))
    }

    /// The single move of a hold for an invoice after it was placed.
    fn end_hold(&mut self, id: HoldId, mut hold: Hold, kind: MoveKind, transfer: Option<TransferId>, event: EventKind) {
        hold.moves = hold.moves.saturating_add(1);
        let (last, amount) = (id.at_move(hold.moves), hold.sums.amount);
        self.effects.hold_moves.push(HoldMoveRow { id: last, kind, amount, transfer });
        self.tell_of_hold(event, hold.account, last);
        self.holds.insert(id, hold);
    }

    /// Cancels the invoice of a hold that has expired, and tells the payee.
    pub(super) fn expire_held_invoice(&mut self, hash: PaymentHash) {
        let Some(invoice) = self.invoice(hash) else { return };
        self.change_held_invoice(hash, &invoice, InvoiceState::Cancelled, None);
        let kind = EventKind::InvoiceExpired;
        if self.account(invoice.payee).is_some_and(|payee| payee.open && payee.subscribed.contains(kind)) {
            self.effects.events.push(PaymentEvent { kind, account: invoice.payee, row: invoice.id.into() });
        }
    }

    /// Changes the state of a hold invoice, which may be new in this batch.
    pub(super) fn change_held_invoice(
        &mut self,
        hash: PaymentHash,
        invoice: &Invoice,
        state: InvoiceState,
        preimage: Option<&Sealed>,
    ) {
        let paid_at = (state == InvoiceState::Paid).then_some(self.now);
        if let Some(row) = self.issued.get(&hash).and_then(|index| self.effects.invoices.get_mut(*index)) {
            (row.state, row.paid_at) = (state, paid_at);
            row.invoice.preimage = preimage.cloned();
            return;
        }
        self.states.insert(hash, state);
        let state_before = invoice.state;
        let row = self.held_invoices.entry(invoice.id).or_insert_with(|| HeldInvoiceRow {
            id: invoice.id,
            state_before,
            state,
            preimage: None,
            paid_at,
        });
        (row.state, row.paid_at, row.preimage) = (state, paid_at, preimage.cloned());
    }
}
