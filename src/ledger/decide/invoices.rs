//! Issuing invoices, and finding those that are to be paid.

#![deny(clippy::arithmetic_side_effects)]

use super::Work;
use crate::domain::controls::Freeze;
use crate::domain::external_id::ExternalId;
use crate::domain::ids::{AccountId, InvoiceId, PaymentHash};
use crate::domain::time::UnixMs;
use crate::ledger::command::{CreateInvoice, IssueForLink, NewInvoice};
use crate::ledger::outcome::{Issued, Rejection};
use crate::ledger::state::{Invoice, InvoiceRow, InvoiceState};

impl Work<'_> {
    pub(super) fn create_invoice(&mut self, create: &CreateInvoice) -> Result<Issued, Rejection> {
        let NewInvoice { payee, payment_hash, external_id, .. } = &create.invoice;
        if let Some(id) = external_id {
            let name = (*payee, id.clone());
            self.check_external_id(&name, 0)?;
            self.external_ids.insert(name, *payment_hash);
        }
        self.issue(&create.invoice, None);
        Ok(Issued)
    }

    pub(super) fn issue_for_link(&mut self, issue: &IssueForLink) -> Result<Issued, Rejection> {
        let payee = self.open_account(issue.invoice.payee, 0)?;
        if payee.freezes.strictest() == Some(Freeze::Everything) {
            return Err(Rejection::ReceiverFrozen { leg: 0 });
        }
        self.issue(&issue.invoice, None);
        self.effects.origins.push((issue.invoice.id, issue.origin));
        Ok(Issued)
    }

    /// Makes sure that no payment of the account has the external id.
    pub(super) fn check_external_id(&self, name: &(AccountId, ExternalId), leg: usize) -> Result<(), Rejection> {
        match self.external_ids.get(name).or_else(|| self.snapshot.external_ids.get(name)) {
            Some(payment_hash) => Err(Rejection::ExternalIdExists { payment_hash: *payment_hash, leg }),
            None => Ok(()),
        }
    }

    pub(super) fn issue(&mut self, invoice: &NewInvoice, paid_at: Option<UnixMs>) {
        self.issued.insert(invoice.payment_hash, self.effects.invoices.len());
        let tenant = self.account(invoice.payee).and_then(|payee| payee.tenant);
        self.effects.invoices.push(InvoiceRow { invoice: invoice.clone(), paid_at, tenant });
    }

    /// An invoice that was stored before, or issued in this batch.
    pub(super) fn invoice(&self, hash: PaymentHash) -> Option<Invoice> {
        if let Some(stored) = self.snapshot.invoices.get(&hash) {
            return Some(stored.clone());
        }
        let row = self.issued.get(&hash).and_then(|index| self.effects.invoices.get(*index))?;
        let state = if row.paid_at.is_some() { InvoiceState::Paid } else { InvoiceState::Open };
        Some(Invoice::new(row.invoice.clone(), state))
    }

    /// Marks an invoice as paid.
    pub(super) fn settle(&mut self, hash: PaymentHash, invoice: InvoiceId) {
        self.paid.insert(hash);
        match self.issued.get(&hash).and_then(|index| self.effects.invoices.get_mut(*index)) {
            Some(row) => row.paid_at = Some(self.now),
            None => self.effects.settled.push(invoice),
        }
    }
}
