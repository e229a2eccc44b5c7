//! phoenixd (0.6 or later), with its password for full access.
//!
//! It takes no fee limit, but what it pays for routing is known beforehand: 0.4 % and 4 sat to the node that
//! routes for it. What would cost more than is allowed is not sent. It chooses preimages itself, tells them
//! at once, and cannot cancel an invoice. Amounts of invoices are whole sat.

mod answers;
mod payments;

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::form_urlencoded;

use self::answers::{Balance, Incoming, Info, Made};
use self::payments::Payer;
use super::around::{Overlap, poll_payment, poll_receipts};
use super::fields::{invoice_made, preimage_of, whole_sat};
use super::node::{
    Abilities, Answer, Cancelled, Cursor, Description, Identity, InvoiceAtNode, InvoiceMade, InvoiceOrder, Node,
    NodeBalance, NodeError, PaymentAtNode, PaymentListed, PaymentOrder, Receipt, Received, SendOutcome,
};
use super::wire::{Ask, Body, Reply, Wire, unreadable};
use crate::domain::ids::PaymentHash;
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;

/// How many entries of a list there are in a page.
const PAGE: usize = 500;
/// How far before the cursor the list is looked at again, in milliseconds.
const OVERLAP_MS: i64 = 600_000;

/// Asks a phoenixd.
#[derive(Debug)]
struct Api {
    wire: Wire,
}

impl Api {
    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, NodeError> {
        self.read(&self.wire.ask(ask).await?)
    }

    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, NodeError> {
        match reply.status.as_u16() {
            200 => reply.json().ok_or_else(|| unreadable("an answer of another form")),
            400 => Err(NodeError::Refused(self.wire.told(&String::from_utf8_lossy(&reply.body)))),
            _ => Err(self.wire.unexpected(reply)),
        }
    }

    /// One entry, if it is there. An unknown path has the same status, but says so.
    async fn find<T: DeserializeOwned>(&self, path: String) -> Result<Option<T>, NodeError> {
        let reply = self.wire.ask(Ask::get(path)).await?;
        if reply.status.as_u16() == 404 && reply.body.trim_ascii() == b"Not found" {
            return Ok(None);
        }
        self.read(&reply).map(Some)
    }

    /// All entries of a list since a time in milliseconds.
    async fn list<T: DeserializeOwned>(&self, of: &str, since_ms: i64) -> Result<Vec<T>, NodeError> {
        let mut entries = Vec::new();
        loop {
            let (from, offset) = (since_ms.max(0), entries.len());
            let path = format!("/payments/{of}&from={from}&limit={PAGE}&offset={offset}");
            let page: Vec<T> = self.ask(Ask::list(path)).await?;
            let is_last = page.len() < PAGE;
            entries.extend(page);
            if is_last {
                return Ok(entries);
            }
        }
    }

    /// What was received since then, in the order of time.
    async fn receipts(&self, since_ms: i64) -> Result<Vec<Receipt>, NodeError> {
        let incoming: Vec<Incoming> = self.list("incoming?all=false", since_ms).await?;
        let mut receipts = Vec::new();
        for payment in &incoming {
            receipts.extend(payment.receipt()?);
        }
        receipts.sort_by_key(|receipt| receipt.at);
        Ok(receipts)
    }
}

/// A form of these fields.
fn form(fields: &[(&str, &str)]) -> Body {
    Body::Form(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// A phoenixd.
#[derive(Debug)]
pub(super) struct Phoenixd {
    api: Arc<Api>,
    payer: Arc<Payer>,
    overlap: Overlap,
}

impl Phoenixd {
    pub(super) fn new(wire: Wire) -> Self {
        let api = Arc::new(Api { wire });
        Self { payer: Arc::new(Payer::new(Arc::clone(&api))), api, overlap: Overlap::default() }
    }

    async fn add_invoice(&self, order: &InvoiceOrder) -> Result<InvoiceMade, NodeError> {
        let sat = whole_sat(order.amount).ok_or(NodeError::Unsupported("make invoices for parts of a sat"))?;
        let (name, description) = match &order.description {
            Description::Text(text) => ("description", text.clone()),
            Description::Hash(hash) => ("descriptionHash", PaymentHash::new(*hash).to_string()),
        };
        let (sat, expiry) = (sat.to_string(), order.expiry_seconds.to_string());
        let fields = [("amountSat", &*sat), (name, &*description), ("expirySeconds", &*expiry)];
        let made: Made = self.api.ask(Ask::once("/createinvoice".to_owned(), form(&fields))).await?;
        let made = invoice_made(&made.serialized, Some(made.hash()?), order.amount)?;
        // Without its preimage the invoice is as good: it is told again when it is paid.
        let incoming = self.incoming(made.payment_hash).await.ok().flatten();
        let preimage = incoming.and_then(|incoming| preimage_of(&incoming.preimage, made.payment_hash));
        Ok(InvoiceMade { preimage, ..made })
    }

    async fn incoming(&self, hash: PaymentHash) -> Result<Option<Incoming>, NodeError> {
        self.api.find(format!("/payments/incoming/{hash}")).await
    }

    async fn look_up_invoice(&self, hash: PaymentHash) -> Result<InvoiceAtNode, NodeError> {
        let Some(incoming) = self.incoming(hash).await? else { return Ok(InvoiceAtNode::NotFound) };
        match incoming.receipt()? {
            // An expired one may still be paid by what is under way.
            None => Ok(InvoiceAtNode::Open),
            Some(receipt) if receipt.payment_hash == hash => Ok(InvoiceAtNode::Settled(receipt)),
            Some(_) => Err(unreadable("an invoice of another hash")),
        }
    }

    async fn identify(&self) -> Result<Identity, NodeError> {
        let reply = self.api.wire.ask(Ask::get("/getinfo".to_owned())).await?;
        let info: Info = self.api.read(&reply)?;
        let network = match &*info.chain {
            "mainnet" => "bitcoin".to_owned(),
            _ => info.chain,
        };
        Ok(Identity {
            id: info.node_id,
            alias: "phoenixd".to_owned(),
            version: info.version,
            is_synced: info.block_height.is_some(),
            network: Some(network),
            time: reply.time,
        })
    }

    async fn count_balance(&self) -> Result<NodeBalance, NodeError> {
        let Balance { balance_sat } = self.api.ask(Ask::get("/getbalance".to_owned())).await?;
        let info: Info = self.api.ask(Ask::get("/getinfo".to_owned())).await?;
        let inbound = info.channels.iter().filter_map(|channel| channel.inbound_liquidity_sat);
        let inbound = inbound.fold(0_i64, |sum, sat| sum.saturating_add(sat.sat()));
        Ok(NodeBalance { local: Msat::new(balance_sat.sat()), remote: Some(Msat::new(inbound)), onchain: None })
    }
}

impl Node for Phoenixd {
    fn name(&self) -> String {
        format!("phoenixd at {}", self.api.wire.place())
    }

    fn abilities(&self) -> Abilities {
        Abilities { takes_preimage: false, cancels: false, description_hash: true, amountless: true }
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
            let receipts = self.api.receipts(cursor.0.saturating_sub(OVERLAP_MS)).await?;
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
        Box::pin(self.api.receipts(since.get()))
    }
}
