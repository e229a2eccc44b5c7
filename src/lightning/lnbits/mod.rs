//! Another LNbits (v1.0 or later), or what has its API, with the admin key of a wallet: satkeep's users
//! share that wallet.
//!
//! It takes no fee limit either, but tells beforehand how much it may cost at most, and holds its own node to
//! that. It chooses preimages, and cannot cancel an invoice. Amounts of invoices are whole sat.

mod answers;
mod payments;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::answers::{Found, Payment, Problem, Status, Wallet};
use self::payments::Payer;
use super::around::{Overlap, poll_payment, poll_receipts};
use super::fields::{invoice_made, preimage_of, whole_sat};
use super::node::{
    Abilities, Answer, Cancelled, Cursor, Description, Identity, InvoiceAtNode, InvoiceMade, InvoiceOrder, Node,
    NodeBalance, NodeError, PaymentAtNode, PaymentListed, PaymentOrder, Receipt, Received, SendOutcome,
};
use super::wire::{Ask, Body, Reply, Wire, unreadable};
use crate::domain::ids::PaymentHash;
use crate::domain::time::UnixMs;

/// Where payments are.
const PAYMENTS: &str = "/api/v1/payments";
/// How many entries of a list there are in a page.
const PAGE: usize = 100;
/// How far before the cursor the list is looked at again, in milliseconds.
const OVERLAP_MS: i64 = 600_000;

/// What a list of payments is sorted by.
#[derive(Clone, Copy)]
enum Order {
    Created,
    Updated,
}

/// Asks an LNbits.
#[derive(Debug)]
struct Api {
    wire: Wire,
}

impl Api {
    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, NodeError> {
        self.read(&self.wire.ask(ask).await?)
    }

    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, NodeError> {
        if reply.status.is_success() {
            return reply.json().ok_or_else(|| unreadable("an answer of another form"));
        }
        match self.refusal(reply) {
            // What LNbits says to a key that it does not know.
            Some(why) if why.starts_with("Wallet not found") => Err(NodeError::Unauthorized(why)),
            Some(why) if !matches!(reply.status.as_u16(), 401 | 403) => Err(NodeError::Refused(why)),
            _ => Err(self.wire.unexpected(reply)),
        }
    }

    /// Why LNbits itself refuses, by what it answers with that: what stands before it answers otherwise, and
    /// what has gone wrong in it says nothing.
    fn refusal(&self, reply: &Reply) -> Option<String> {
        let is_its_own = matches!(reply.status.as_u16(), 400 | 401 | 403 | 404 | 422 | 520);
        let problem: Problem = is_its_own.then(|| reply.json()).flatten()?;
        Some(self.wire.told(&problem.detail()))
    }

    async fn wallet(&self) -> Result<Wallet, NodeError> {
        self.ask(Ask::get("/api/v1/wallet".to_owned())).await
    }

    /// The payment with this hash, if there is one in our wallet.
    async fn find(&self, hash: PaymentHash) -> Result<Option<Payment>, NodeError> {
        let reply = self.wire.ask(Ask::get(format!("{PAYMENTS}/{hash}"))).await?;
        let is_unknown = |problem: Problem| problem.detail().to_ascii_lowercase().contains("payment does not exist");
        if reply.status.as_u16() == 404 && reply.json().is_some_and(is_unknown) {
            return Ok(None);
        }
        let Found { details, .. } = self.read(&reply)?;
        let Some(payment) = details else {
            // Whoever has no key of the payment's wallet sees no details. That says something only if the key
            // is one at all.
            let Wallet { .. } = self.wallet().await?;
            return Ok(None);
        };
        if payment.hash()? != hash {
            return Err(unreadable("a payment of another hash"));
        }
        Ok(Some(payment))
    }

    /// The payments whose time is at least this one, newest first.
    async fn list(&self, order: Order, since: UnixMs) -> Result<Vec<Payment>, NodeError> {
        let name = match order {
            Order::Created => "created_at",
            Order::Updated => "updated_at",
        };
        let (mut payments, mut offset, mut last) = (Vec::new(), 0_usize, UnixMs::new(i64::MAX));
        loop {
            let path = format!("{PAYMENTS}?sortby={name}&direction=desc&limit={PAGE}&offset={offset}");
            let page: Vec<Payment> = self.ask(Ask::list(path)).await?;
            let count = page.len();
            for payment in page {
                let at = match order {
                    Order::Created => payment.created()?,
                    Order::Updated => payment.updated()?,
                };
                if at < since {
                    return Ok(payments);
                }
                // What has come in the meantime moves the others on: then they are there twice.
                if at > last && offset == 0 {
                    return Err(unreadable("a list that is not sorted as asked for"));
                }
                last = at;
                payments.push(payment);
            }
            if count < PAGE {
                return Ok(payments);
            }
            offset = offset.saturating_add(count);
        }
    }

    /// What was received since then, in the order of time.
    async fn receipts(&self, since: UnixMs) -> Result<Vec<Receipt>, NodeError> {
        let mut receipts = Vec::new();
        for payment in self.list(Order::Updated, since).await? {
            receipts.extend(payment.receipt()?);
        }
        receipts.sort_by_key(|receipt| receipt.at);
        Ok(receipts)
    }
}

#[derive(Serialize)]
struct NewInvoice<'a> {
    out: bool,
    unit: &'static str,
    amount: i64,
    expiry: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    memo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_hash: Option<String>,
}

/// An LNbits.
#[derive(Debug)]
pub(super) struct Lnbits {
    api: Arc<Api>,
    payer: Arc<Payer>,
    overlap: Overlap,
}

impl Lnbits {
    pub(super) fn new(wire: Wire) -> Self {
        let api = Arc::new(Api { wire });
        Self { payer: Arc::new(Payer::new(Arc::clone(&api))), api, overlap: Overlap::default() }
    }

    async fn add_invoice(&self, order: &InvoiceOrder) -> Result<InvoiceMade, NodeError> {
        let amount = whole_sat(order.amount).ok_or(NodeError::Unsupported("make invoices for parts of a sat"))?;
        let (memo, description_hash) = match &order.description {
            Description::Text(text) => (Some(&**text), None),
            Description::Hash(hash) => (None, Some(PaymentHash::new(*hash).to_string())),
        };
        let expiry = order.expiry_seconds;
        let new = NewInvoice { out: false, unit: "sat", amount, expiry, memo, description_hash };
        let payment: Payment = self.api.ask(Ask::once(PAYMENTS.to_owned(), Body::json(&new))).await?;
        let made = invoice_made(payment.bolt11()?, Some(payment.hash()?), order.amount)?;
        let preimage = payment.preimage.as_deref().and_then(|hex| preimage_of(hex, made.payment_hash));
        Ok(InvoiceMade { preimage, ..made })
    }

    async fn look_up_invoice(&self, hash: PaymentHash) -> Result<InvoiceAtNode, NodeError> {
        let Some(payment) = self.api.find(hash).await? else { return Ok(InvoiceAtNode::NotFound) };
        if payment.is_outgoing() {
            return Err(unreadable("a payment to this invoice in place of the invoice"));
        }
        match payment.status {
            Status::Pending => Ok(InvoiceAtNode::Open),
            Status::Failed => Ok(InvoiceAtNode::Cancelled),
            Status::Success => {
                let receipt = payment.receipt()?;
                receipt.map(InvoiceAtNode::Settled).ok_or_else(|| unreadable("a paid invoice of nothing"))
            }
        }
    }

    async fn identify(&self) -> Result<Identity, NodeError> {
        let reply = self.api.wire.ask(Ask::get("/api/v1/wallet".to_owned())).await?;
        let wallet: Wallet = self.api.read(&reply)?;
        let id = wallet.id.ok_or_else(|| NodeError::Unauthorized("it must be the wallet's admin key".to_owned()))?;
        Ok(Identity {
            id: format!("lnbits:{id}"),
            alias: wallet.name,
            version: "LNbits".to_owned(),
            is_synced: true,
            network: None,
            time: reply.time,
        })
    }

    async fn count_balance(&self) -> Result<NodeBalance, NodeError> {
        let wallet = self.api.wallet().await?;
        Ok(NodeBalance { local: wallet.balance()?, remote: None, onchain: None })
    }
}

impl Node for Lnbits {
    fn name(&self) -> String {
        format!("LNbits at {}", self.api.wire.place())
    }

    fn abilities(&self) -> Abilities {
        Abilities { takes_preimage: false, cancels: false, description_hash: true, amountless: false }
    }

    fn create_invoice(&self, order: InvoiceOrder) -> Answer<'_, Result<InvoiceMade, NodeError>> {
        Box::pin(async move { self.add_invoice(&order).await })
    }

    fn cancel_invoice(&self, _: PaymentHash) -> Answer<'_, Result<Cancelled, NodeError>> {
        Box::pin(std::future::ready(Ok(Cancelled::Unsupported)))
    }

    fn find_invoice(&self, hash: PaymentHash) -> Answer<'_, Result<InvoiceAtNode, NodeError>> {
        Box::pin(self.look_up_invoice(hash))
    }

    fn received_since(&self, cursor: Cursor, wait: Duration) -> Answer<'_, Result<Vec<Received>, NodeError>> {
        Box::pin(poll_receipts(wait, move || async move {
            let since = UnixMs::new(cursor.0.saturating_sub(OVERLAP_MS));
            let receipts = self.api.receipts(since).await?;
            Ok(self.overlap.tell(cursor, receipts))
        }))
    }

    fn send(&self, order: PaymentOrder) -> Answer<'_, SendOutcome> {
        Box::pin(async move { Payer::send(&self.payer, order).await })
    }

    fn find_payment(&self, hash: PaymentHash, wait: Duration) -> Answer<'_, Result<PaymentAtNode, NodeError>> {
        Box::pin(poll_payment(wait, move || self.payer.look_up(hash)))
    }

    fn identity(&self) -> Answer<'_, Result<Identity, NodeError>> {
        Box::pin(self.identify())
    }

    fn balance(&self) -> Answer<'_, Result<NodeBalance, NodeError>> {
        Box::pin(self.count_balance())
    }

    fn payments_since(&self, since: UnixMs) -> Answer<'_, Result<Vec<PaymentListed>, NodeError>> {
        Box::pin(self.payer.list(since))
    }

    fn receipts_since(&self, since: UnixMs) -> Answer<'_, Result<Vec<Receipt>, NodeError>> {
        Box::pin(self.api.receipts(since))
    }
}
