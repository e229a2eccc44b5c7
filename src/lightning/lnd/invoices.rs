//! Invoices at LND: made with our preimage, cancelled, looked up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::super::fields::{base64_of, invoice_made};
use super::super::node::{Cancelled, Description, InvoiceAtNode, InvoiceMade, InvoiceOrder, NodeError};
use super::super::wire::{Ask, Body, unreadable};
use super::Lnd;
use super::answers::{Added, Invoice, InvoiceState};
use crate::domain::ids::PaymentHash;

#[derive(Serialize)]
struct NewInvoice<'a> {
    r_preimage: &'a str,
    value_msat: String,
    expiry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    memo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_hash: Option<String>,
}

#[derive(Serialize)]
struct Cancel {
    payment_hash: String,
}

impl Lnd {
    pub(super) async fn add_invoice(&self, order: &InvoiceOrder) -> Result<InvoiceMade, NodeError> {
        let hash = order.preimage.payment_hash();
        let preimage = base64_of(&order.preimage).ok_or_else(|| unreadable("our preimage has no form in base64"))?;
        let (memo, description_hash) = match &order.description {
            Description::Text(text) => (Some(&**text), None),
            Description::Hash(hash) => (None, Some(STANDARD.encode(hash))),
        };
        let new = NewInvoice {
            r_preimage: &preimage,
            value_msat: order.amount.msat().to_string(),
            expiry: order.expiry_seconds.to_string(),
            memo,
            description_hash,
        };
        let made = self.ask(Ask::repeatable("/v1/invoices".to_owned(), Body::json(&new))).await?;
        let bolt11 = match made {
            Ok(Added { payment_request }) => payment_request,
            // It was made before, and the answer was lost.
            Err(failure) if failure.is_same_invoice() => {
                self.invoice(hash).await?.ok_or(NodeError::Refused(failure.message))?.payment_request
            }
            Err(failure) => return Err(failure.into()),
        };
        invoice_made(&bolt11, Some(hash), order.amount)
    }

    pub(super) async fn cancel(&self, hash: PaymentHash) -> Result<Cancelled, NodeError> {
        let cancel = Cancel { payment_hash: STANDARD.encode(hash.as_bytes()) };
        let ask = Ask::repeatable("/v2/invoices/cancel".to_owned(), Body::json(&cancel));
        match self.ask::<IgnoredAny>(ask).await? {
            Ok(_) => Ok(Cancelled::Done),
            Err(failure) if failure.is_invoice_settled() => Ok(Cancelled::TooLate),
            Err(failure) if failure.is_no_invoice() => Ok(Cancelled::NotFound),
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn look_up_invoice(&self, hash: PaymentHash) -> Result<InvoiceAtNode, NodeError> {
        let Some(invoice) = self.invoice(hash).await? else { return Ok(InvoiceAtNode::NotFound) };
        match invoice.state {
            InvoiceState::Open | InvoiceState::Accepted => Ok(InvoiceAtNode::Open),
            InvoiceState::Canceled => Ok(InvoiceAtNode::Cancelled),
            InvoiceState::Settled => {
                let receipt = invoice.receipt()?.filter(|receipt| receipt.payment_hash == hash);
                receipt.map(InvoiceAtNode::Settled).ok_or_else(|| unreadable("a settled invoice of another form"))
            }
        }
    }

    async fn invoice(&self, hash: PaymentHash) -> Result<Option<Invoice>, NodeError> {
        match self.ask(Ask::get(format!("/v1/invoice/{hash}"))).await? {
            Ok(invoice) => Ok(Some(invoice)),
            Err(failure) if failure.is_no_invoice() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}
