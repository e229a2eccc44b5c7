//! Core Lightning (v24.11 or later, for `xpay`), by its plugin `clnrest`, with a rune that may use
//! `getinfo`, `invoice`, `delinvoice`, `listinvoices`, `waitanyinvoice`, `xpay`, `listsendpays` and
//! `listfunds`.
//!
//! Every command is a POST of its parameters. A payment is the work of a command that runs until it has
//! paid or gives up, and tries one part after the other: between two tries there is nothing under way that
//! could be seen. So a payment has failed only if no part is under way **and** the command has ended:
//! it has answered, or its time is long over.

mod answers;
mod invoices;
mod payments;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::answers::{Failure, Funds, Info};
use self::payments::Payer;
use super::around::poll_payment;
use super::node::{
    Abilities, Answer, Cancelled, Cursor, Identity, InvoiceAtNode, InvoiceMade, InvoiceOrder, Node, NodeBalance,
    NodeError, PaymentAtNode, PaymentListed, PaymentOrder, Receipt, Received, SendOutcome,
};
use super::wire::{ANSWER_TIME, Ask, Body, Reply, Wire, unreadable};
use crate::domain::ids::PaymentHash;
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;

/// Calls the commands of a Core Lightning.
#[derive(Debug)]
struct Rpc {
    wire: Wire,
}

/// What a command answered, and when by the clock of the node.
struct Called<T> {
    result: Result<T, Failure>,
    time: Option<UnixMs>,
}

impl Rpc {
    async fn call<T: DeserializeOwned>(
        &self,
        command: &str,
        parameters: &impl Serialize,
        time: Duration,
    ) -> Result<Called<T>, NodeError> {
        let ask = Ask::repeatable(format!("/v1/{command}"), Body::json(parameters)).within(time);
        self.read(&self.wire.ask(ask).await?)
    }

    /// A command that is never sent twice.
    async fn call_once<T: DeserializeOwned>(
        &self,
        command: &str,
        parameters: &impl Serialize,
        time: Duration,
    ) -> Result<Called<T>, NodeError> {
        let ask = Ask::once(format!("/v1/{command}"), Body::json(parameters)).within(time);
        self.read(&self.wire.ask(ask).await?)
    }

    /// Calls a command that only fails if something is wrong with the node.
    async fn get<T: DeserializeOwned>(&self, command: &str, parameters: &impl Serialize) -> Result<T, NodeError> {
        self.call(command, parameters, ANSWER_TIME).await?.result.map_err(NodeError::from)
    }

    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<Called<T>, NodeError> {
        let time = reply.time;
        if reply.status.is_success() {
            let answer = reply.json().ok_or_else(|| unreadable("an answer of another form"))?;
            return Ok(Called { result: Ok(answer), time });
        }
        // These are the statuses of what a command has answered. The others are of the rune, or of something
        // between us and the node, and say nothing of the command.
        let is_of_command = matches!(reply.status.as_u16(), 404 | 500);
        let failure = Failure::read(&reply.body).filter(|_| is_of_command);
        let failure = failure.ok_or_else(|| self.wire.unexpected(reply))?;
        Ok(Called { result: Err(failure.worded(|text| self.wire.told(text))), time })
    }
}

/// No parameters.
#[derive(Serialize)]
struct Nothing {}

/// A Core Lightning.
#[derive(Debug)]
pub(super) struct Cln {
    rpc: Arc<Rpc>,
    payer: Arc<Payer>,
}

impl Cln {
    pub(super) fn new(wire: Wire) -> Self {
        let rpc = Arc::new(Rpc { wire });
        Self { payer: Arc::new(Payer::new(Arc::clone(&rpc))), rpc }
    }

    async fn identify(&self) -> Result<Identity, NodeError> {
        let Called { result, time } = self.rpc.call::<Info>("getinfo", &Nothing {}, ANSWER_TIME).await?;
        let info = result?;
        let is_synced = info.warning_bitcoind_sync.is_none() && info.warning_lightningd_sync.is_none();
        let network = Some(info.network);
        Ok(Identity { id: info.id, alias: info.alias, version: info.version, is_synced, network, time })
    }

    async fn count_balance(&self) -> Result<NodeBalance, NodeError> {
        let Funds { outputs, channels } = self.rpc.get("listfunds", &Nothing {}).await?;
        let mut balance = NodeBalance { local: Msat::ZERO, remote: Some(Msat::ZERO), onchain: Some(Msat::ZERO) };
        for channel in channels.iter().filter(|channel| channel.state == "CHANNELD_NORMAL") {
            let theirs = channel.amount_msat.0.saturating_sub(channel.our_amount_msat.0);
            balance.local = balance.local.with(channel.our_amount_msat.msat());
            balance.remote = balance.remote.map(|remote| remote.with(Msat::new(theirs)));
        }
        for output in outputs.iter().filter(|output| output.status == "confirmed") {
            balance.onchain = balance.onchain.map(|onchain| onchain.with(output.amount_msat.msat()));
        }
        Ok(balance)
    }
}

impl Node for Cln {
    fn name(&self) -> String {
        format!("Core Lightning at {}", self.rpc.wire.place())
    }

    fn abilities(&self) -> Abilities {
        // Its invoices hash a description that it knows itself.
        Abilities { takes_preimage: true, cancels: true, description_hash: false, amountless: true }
    }

    fn create_invoice(&self, order: InvoiceOrder) -> Answer<'_, Result<InvoiceMade, NodeError>> {
        Box::pin(async move { self.add_invoice(&order).await })
    }

    fn cancel_invoice(&self, hash: PaymentHash) -> Answer<'_, Result<Cancelled, NodeError>> {
        Box::pin(self.delete_invoice(hash))
    }

    fn find_invoice(&self, hash: PaymentHash) -> Answer<'_, Result<InvoiceAtNode, NodeError>> {
        Box::pin(self.look_up_invoice(hash))
    }

    fn received_since(&self, cursor: Cursor, wait: Duration) -> Answer<'_, Result<Vec<Received>, NodeError>> {
        Box::pin(self.paid_after(cursor, wait))
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
        Box::pin(self.list_receipts(since))
    }
}
