//! Issuing invoices, and finding those that are to be paid.

#![deny(clippy::arithmetic_side_effects)]

use super::Work;
use crate::crypto::secret::Sealed;
use crate::domain::controls::Freeze;
use crate::domain::external_id::ExternalId;
use crate::domain::ids::{AccountId, OriginId, PaymentHash};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::ledger::command::{CreateInvoice, IssueForLink, NewInvoice};
use crate::ledger::outcome::{Issued, Rejection};
use crate::ledger::state::{AtNode, Invoice, InvoiceRow, InvoiceState};

impl Work<'_> {
    pub(super) fn create_invoice(&mut self, create: &CreateInvoice) -> Result<Issued, Rejection> {
        let NewInvoice { payee, payment_hash, preimage, external_id, .. } = &create.invoice;
        // A hash that a client has chosen may be anybody's.
        if preimage.is_none() && self.invoice(*payment_hash).is_some() {
            return Err(Rejection::PaymentHashTaken);
        }
        if let Some(id) = external_id {
            let name = (*payee, id.clone());
            self.check_external_id(&name, 0)?;
            self.external_ids.insert(name, *payment_hash);
        }
        self.issue(&create.invoice);
        Ok(Issued)
    }

    pub(super) fn issue_for_link(&mut self, issue: &IssueForLink) -> Result<Issued, Rejection> {
        let payee = self.open_account(issue.invoice.payee, 0)?;
        if payee.freezes.strictest() == Some(Freeze::Everything) {
            return Err(Rejection::ReceiverFrozen { leg: 0 });
        }
        // Anybody may ask for these, so only so many may wait.
        let open = self.open_invoices(issue.invoice.payee, issue.origin);
        if open >= i64::from(issue.open_max) {
            return Err(Rejection::TooManyOpenInvoices);
        }
        let promised = self.promised(issue)?;
        if self.now < issue.invoice.expires_at {
            self.promised.insert((issue.invoice.payee, issue.origin), promised);
            self.open_invoices.insert((issue.invoice.payee, issue.origin), open.saturating_add(1));
        }
        self.issue(&issue.invoice);
        self.origins.insert(issue.invoice.id, issue.origin);
        self.effects.origins.push((issue.invoice.id, issue.origin));
        Ok(Issued)
    }

    /// How much will have been paid for the origin when the invoice is paid as well, and all others that
    /// can still be.
    fn promised(&self, issue: &IssueForLink) -> Result<Msat, Rejection> {
        let place = (issue.invoice.payee, issue.origin);
        let before = self.promised.get(&place).or_else(|| self.snapshot.promised.get(&place)).copied();
        let promised = before.unwrap_or_default().checked_add(issue.invoice.amount);
        let fits = |promised: &Msat| issue.total_max.is_none_or(|max| *promised <= max.incoming());
        promised.filter(fits).ok_or(Rejection::TooMuchForOrigin)
    }

    /// How many invoices of a payee wait to be paid for an origin.
    fn open_invoices(&self, payee: AccountId, origin: OriginId) -> i64 {
        let place = (payee, origin);
        self.open_invoices.get(&place).or_else(|| self.snapshot.open_invoices.get(&place)).copied().unwrap_or_default()
    }

    /// Makes sure that no payment of the account has the external id.
    pub(super) fn check_external_id(&self, name: &(AccountId, ExternalId), leg: usize) -> Result<(), Rejection> {
        match self.external_ids.get(name).or_else(|| self.snapshot.external_ids.get(name)) {
            Some(payment_hash) => Err(Rejection::ExternalIdExists { payment_hash: *payment_hash, leg }),
            None => Ok(()),
        }
    }

    pub(super) fn issue(&mut self, invoice: &NewInvoice) {
        self.store_invoice(invoice, InvoiceState::Open, None);
    }

    /// Issues an invoice that is paid at once.
    pub(super) fn issue_paid(&mut self, invoice: &NewInvoice) {
        self.store_invoice(invoice, InvoiceState::Paid, Some(self.now));
    }

    fn store_invoice(&mut self, invoice: &NewInvoice, state: InvoiceState, paid_at: Option<UnixMs>) {
        self.issued.insert(invoice.payment_hash, self.effects.invoices.len());
        let tenant = self.account(invoice.payee).and_then(|payee| payee.tenant);
        self.effects.invoices.push(InvoiceRow { invoice: invoice.clone(), state, paid_at, tenant });
    }

    /// An invoice that was stored before, or issued in this batch, as it is now.
    pub(super) fn invoice(&self, hash: PaymentHash) -> Option<Invoice> {
        if let Some(stored) = self.snapshot.invoices.get(&hash) {
            let state = self.states.get(&hash).copied().unwrap_or(stored.state);
            let at_node = if self.arrived.contains(&hash) { Some(AtNode::Settled) } else { stored.at_node };
            return Some(Invoice { state, at_node, ..stored.clone() });
        }
        let row = self.issued.get(&hash).and_then(|index| self.effects.invoices.get(*index))?;
        let origin = self.origins.get(&row.invoice.id).copied();
        let invoice = Invoice::new(row.invoice.clone(), row.state);
        let at_node = if self.arrived.contains(&hash) { Some(AtNode::Settled) } else { invoice.at_node };
        Some(Invoice { origin, at_node, ..invoice })
    }

    /// Marks an invoice as paid, and keeps the preimage that the node has told.
    pub(super) fn settle_with(&mut self, hash: PaymentHash, invoice: &Invoice, preimage: &Sealed) {
        self.count_as_paid(invoice);
        self.change_held_invoice(hash, invoice, InvoiceState::Paid, Some(preimage));
    }

    fn count_as_paid(&mut self, invoice: &Invoice) {
        if let Some(origin) = invoice.origin {
            let open = self.open_invoices(invoice.payee, origin).saturating_sub(1);
            self.open_invoices.insert((invoice.payee, origin), open);
        }
    }

    /// Marks an invoice as paid.
    pub(super) fn settle(&mut self, hash: PaymentHash, invoice: &Invoice) {
        self.count_as_paid(invoice);
        if let Some(row) = self.issued.get(&hash).and_then(|index| self.effects.invoices.get_mut(*index)) {
            (row.state, row.paid_at) = (InvoiceState::Paid, Some(self.now));
        } else {
            self.states.insert(hash, InvoiceState::Paid);
            self.effects.settled.push(invoice.id);
        }
    }
}
