//! LND, by its REST interface (v0.15 or later), with a macaroon that may use invoices, payments and
//! information: `invoices:read invoices:write offchain:read offchain:write info:read`.
//!
//! REST is a translation of gRPC: whole numbers of 64 bits are texts, bytes are base64, and an error is a
//! code of gRPC with a text. Most refusals have the code "unknown", so that it is the text that tells.

mod answers;
mod invoices;
mod payments;
mod receipts;

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use self::answers::{Chains, ChannelBalance, Failure, StreamItem};
use super::node::{
    Abilities, Answer, Cancelled, Cursor, Identity, InvoiceAtNode, InvoiceMade, InvoiceOrder, Node, NodeBalance,
    NodeError, PaymentAtNode, PaymentListed, PaymentOrder, Receipt, Received, SendOutcome,
};
use super::wire::{Ask, Reply, Wire, unreached, unreadable};
use crate::domain::ids::PaymentHash;
use crate::domain::time::UnixMs;
use crate::net::lines::{Line, Lines};

/// An LND.
#[derive(Debug)]
pub(super) struct Lnd {
    wire: Wire,
}

impl Lnd {
    pub(super) const fn new(wire: Wire) -> Self {
        Self { wire }
    }

    /// Asks, and reads what is answered; a refusal with a code of gRPC is a [`Failure`].
    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<Result<T, Failure>, NodeError> {
        self.read(&self.wire.ask(ask).await?)
    }

    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<Result<T, Failure>, NodeError> {
        if reply.status.is_success() {
            return reply.json().map(Ok).ok_or_else(|| unreadable("an answer of another form"));
        }
        let failure = Failure::read(&reply.body).ok_or_else(|| self.wire.unexpected(reply))?;
        Ok(Err(Failure { message: self.wire.told(&failure.message), ..failure }))
    }

    /// Asks for what only fails if something is wrong with the node.
    async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, NodeError> {
        self.ask(Ask::list(path)).await?.map_err(NodeError::from)
    }

    /// The next item of a stream; `None` if there is none in time, or no further one.
    async fn next_item<T: DeserializeOwned>(
        &self,
        lines: &mut Lines,
        wait: Duration,
    ) -> Result<Option<Result<T, Failure>>, NodeError> {
        let Line::Whole(line) = lines.next(wait).await.map_err(|error| unreached(&error))? else { return Ok(None) };
        match serde_json::from_slice(&line) {
            Ok(StreamItem::Result(item)) => Ok(Some(Ok(item))),
            Ok(StreamItem::Error(failure)) => {
                Ok(Some(Err(Failure { message: self.wire.told(&failure.message), ..failure })))
            }
            Err(_) => match Failure::read(&line) {
                Some(failure) => Ok(Some(Err(Failure { message: self.wire.told(&failure.message), ..failure }))),
                None => Err(NodeError::Unreadable(format!(
                    "a line of another form, with status {}",
                    lines.status().unwrap_or_default()
                ))),
            },
        }
    }

    async fn identify(&self) -> Result<Identity, NodeError> {
        let reply = self.wire.ask(Ask::get("/v1/getinfo".to_owned())).await?;
        let info: answers::Info = self.read(&reply)??;
        let network = info.chains.into_iter().next().map(|Chains { network }| match &*network {
            "mainnet" => "bitcoin".to_owned(),
            _ => network,
        });
        let block_time = info.best_header_timestamp.seconds();
        Ok(Identity {
            id: info.identity_pubkey,
            alias: info.alias,
            version: info.version,
            is_synced: info.synced_to_chain,
            network,
            time: reply.time.or(Some(block_time)),
        })
    }

    async fn count_balance(&self) -> Result<NodeBalance, NodeError> {
        let ChannelBalance { local_balance, remote_balance } = self.get("/v1/balance/channels".to_owned()).await?;
        let remote = Some(remote_balance.msat.msat());
        Ok(NodeBalance { local: local_balance.msat.msat(), remote, onchain: None })
    }
}

impl Node for Lnd {
    fn name(&self) -> String {
        format!("LND at {}", self.wire.place())
    }

    fn abilities(&self) -> Abilities {
        Abilities { takes_preimage: true, cancels: true, description_hash: true, amountless: true }
    }

    fn create_invoice(&self, order: InvoiceOrder) -> Answer<'_, Result<InvoiceMade, NodeError>> {
        Box::pin(async move { self.add_invoice(&order).await })
    }

    fn cancel_invoice(&self, hash: PaymentHash) -> Answer<'_, Result<Cancelled, NodeError>> {
        Box::pin(self.cancel(hash))
    }

    fn find_invoice(&self, hash: PaymentHash) -> Answer<'_, Result<InvoiceAtNode, NodeError>> {
        Box::pin(self.look_up_invoice(hash))
    }

    fn received_since(&self, cursor: Cursor, wait: Duration) -> Answer<'_, Result<Vec<Received>, NodeError>> {
        let received: BoxFuture<'_, _> =
            if cursor.0 > 0 { Box::pin(self.settled_after(cursor, wait)) } else { Box::pin(self.settled_first(wait)) };
        received
    }

    fn send(&self, order: PaymentOrder) -> Answer<'_, SendOutcome> {
        Box::pin(async move { self.start_payment(&order).await })
    }

    fn find_payment(&self, hash: PaymentHash, wait: Duration) -> Answer<'_, Result<PaymentAtNode, NodeError>> {
        Box::pin(self.track(hash, wait))
    }

    fn identity(&self) -> Answer<'_, Result<Identity, NodeError>> {
        Box::pin(self.identify())
    }

    fn balance(&self) -> Answer<'_, Result<NodeBalance, NodeError>> {
        Box::pin(self.count_balance())
    }

    fn payments_since(&self, since: UnixMs) -> Answer<'_, Result<Vec<PaymentListed>, NodeError>> {
        Box::pin(self.list_payments(since))
    }

    fn receipts_since(&self, since: UnixMs) -> Answer<'_, Result<Vec<Receipt>, NodeError>> {
        Box::pin(self.list_receipts(since))
    }
}
