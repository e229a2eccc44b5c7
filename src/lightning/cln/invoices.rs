//! Invoices at Core Lightning: made with our preimage and a label of their hash, deleted, looked up, waited
//! for.

use std::time::Duration;

use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::super::fields::{Whole, invoice_made};
use super::super::node::{
    Cancelled, Cursor, Description, InvoiceAtNode, InvoiceMade, InvoiceOrder, NodeError, Receipt, Received,
};
use super::super::wire::{ANSWER_TIME, unreadable};
use super::Cln;
use super::answers::{Added, Invoice, InvoiceStatus, Invoices, Undeletable};
use crate::domain::ids::PaymentHash;
use crate::domain::time::UnixMs;

/// How many invoices there are in a page.
const PAGE: usize = 1000;
/// The most receipts that are told at once: each is a call.
const TOLD_MAX: usize = 100;

#[derive(Serialize)]
struct NewInvoice<'a> {
    amount_msat: i64,
    label: String,
    description: &'a str,
    expiry: u64,
    preimage: &'a str,
}

#[derive(Serialize)]
struct Delete {
    label: String,
    status: &'static str,
}

#[derive(Serialize)]
struct OfHash {
    payment_hash: String,
}

#[derive(Serialize)]
struct Wait {
    lastpay_index: i64,
    timeout: u64,
}

#[derive(Serialize)]
struct Page {
    index: &'static str,
    start: i64,
    limit: usize,
}

/// The label of the invoice with this hash: there can be only one.
fn label(hash: PaymentHash) -> String {
    format!("satkeep-{hash}")
}

impl Cln {
    pub(super) async fn add_invoice(&self, order: &InvoiceOrder) -> Result<InvoiceMade, NodeError> {
        let Description::Text(description) = &order.description else {
            return Err(NodeError::Unsupported("make invoices with the hash of a description"));
        };
        let hash = order.preimage.payment_hash();
        let preimage = zeroize::Zeroizing::new(order.preimage.reveal());
        let new = NewInvoice {
            amount_msat: order.amount.msat(),
            label: label(hash),
            description,
            expiry: order.expiry_seconds,
            preimage: &preimage,
        };
        let bolt11 = match self.rpc.call("invoice", &new, ANSWER_TIME).await?.result {
            Ok(Added { bolt11 }) => bolt11,
            // It was made before, and the answer was lost.
            Err(failure) if failure.is_same_invoice() => {
                let invoice = self.invoice(hash).await?;
                invoice.and_then(|invoice| invoice.bolt11).ok_or_else(|| NodeError::from(failure))?
            }
            Err(failure) => return Err(failure.into()),
        };
        invoice_made(&bolt11, Some(hash), order.amount)
    }

    pub(super) async fn delete_invoice(&self, hash: PaymentHash) -> Result<Cancelled, NodeError> {
        let delete = Delete { label: label(hash), status: "unpaid" };
        let deleted = self.rpc.call::<IgnoredAny>("delinvoice", &delete, ANSWER_TIME).await?.result;
        let Err(failure) = deleted else { return Ok(Cancelled::Done) };
        match failure.undeletable() {
            Some(Undeletable::Unknown) => Ok(Cancelled::NotFound),
            Some(Undeletable::Paid) => Ok(Cancelled::TooLate),
            Some(Undeletable::Expired) => Ok(Cancelled::Done),
            None => Err(failure.into()),
        }
    }

    pub(super) async fn look_up_invoice(&self, hash: PaymentHash) -> Result<InvoiceAtNode, NodeError> {
        let Some(invoice) = self.invoice(hash).await? else { return Ok(InvoiceAtNode::NotFound) };
        match invoice.status {
            InvoiceStatus::Unpaid => Ok(InvoiceAtNode::Open),
            InvoiceStatus::Expired => Ok(InvoiceAtNode::Cancelled),
            InvoiceStatus::Paid => {
                let receipt = invoice.receipt()?.filter(|receipt| receipt.payment_hash == hash);
                receipt.map(InvoiceAtNode::Settled).ok_or_else(|| unreadable("an invoice of another hash"))
            }
        }
    }

    async fn invoice(&self, hash: PaymentHash) -> Result<Option<Invoice>, NodeError> {
        let found: Invoices = self.rpc.get("listinvoices", &OfHash { payment_hash: hash.to_string() }).await?;
        Ok(found.invoices.into_iter().next())
    }

    /// What was paid after this index: the node tells one at a time, in order, from the first.
    pub(super) async fn paid_after(&self, cursor: Cursor, wait: Duration) -> Result<Vec<Received>, NodeError> {
        let mut received: Vec<Received> = Vec::new();
        let mut timeout = wait.as_secs();
        let mut last = cursor;
        while received.len() < TOLD_MAX {
            let parameters = Wait { lastpay_index: last.0, timeout };
            let time = ANSWER_TIME.saturating_add(Duration::from_secs(timeout));
            let asked = Instant::now();
            let answer = self.rpc.call::<Invoice>("waitanyinvoice", &parameters, time).await;
            let invoice = match answer.map(|called| called.result) {
                Ok(Ok(invoice)) => invoice,
                Ok(Err(failure)) if failure.is_timeout() => break,
                // What has been told counts.
                Ok(Err(_)) | Err(_) if !received.is_empty() => break,
                Ok(Err(failure)) => return Err(failure.into()),
                Err(error) => return Err(error),
            };
            let index = invoice.pay_index.map(|Whole(index)| Cursor(index)).filter(|index| *index > last);
            last = index.ok_or_else(|| unreadable("a paid invoice that does not come after the last one"))?;
            match invoice.receipt()? {
                Some(receipt) => {
                    received.push(Received { receipt, cursor: last });
                    timeout = 0;
                }
                None => timeout = timeout.saturating_sub(asked.elapsed().as_secs()),
            }
        }
        Ok(received)
    }

    pub(super) async fn list_receipts(&self, since: UnixMs) -> Result<Vec<Receipt>, NodeError> {
        let mut receipts = Vec::new();
        let mut start = 1;
        loop {
            let page = Page { index: "created", start, limit: PAGE };
            let Invoices { invoices } = self.rpc.get("listinvoices", &page).await?;
            for invoice in &invoices {
                receipts.extend(invoice.receipt()?.filter(|receipt| receipt.at >= since));
            }
            let Some(last) = invoices.iter().map(|invoice| invoice.created_index.0).max() else { break };
            if last < start {
                return Err(unreadable("a page of the list leads nowhere"));
            }
            start = last.saturating_add(1);
        }
        receipts.sort_by_key(|receipt| receipt.at);
        Ok(receipts)
    }
}
