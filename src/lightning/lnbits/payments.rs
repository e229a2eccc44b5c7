//! Payments by an LNbits.

use std::sync::Arc;

use serde::Serialize;

use super::super::around::{ARRIVAL_TIME, await_send, failed_before, judge_refusal};
use super::super::node::{Attempt, NodeError, PaymentAtNode, PaymentListed, PaymentOrder, SendOutcome};
use super::super::wire::{Ask, Body, Reply};
use super::answers::{Begun, FeeReserve};
use super::{Api, Order, PAYMENTS};
use crate::domain::ids::PaymentHash;
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;

#[derive(Serialize)]
struct Pay<'a> {
    out: bool,
    bolt11: &'a str,
}

/// Pays.
#[derive(Debug)]
pub(super) struct Payer {
    api: Arc<Api>,
}

impl Payer {
    pub(super) const fn new(api: Arc<Api>) -> Self {
        Self { api }
    }

    pub(super) async fn send(payer: &Arc<Self>, order: PaymentOrder) -> SendOutcome {
        if order.amount.is_some() {
            return SendOutcome::Refused("LNbits pays no invoices that name no amount".to_owned());
        }
        let before = match failed_before(payer.look_up(order.payment_hash).await) {
            Ok(before) => before,
            Err(outcome) => return outcome,
        };
        match payer.quote(&order.bolt11).await {
            Ok(fee) if fee <= order.fee_max => {}
            Ok(fee) => {
                let why = format!("it wants to reserve {} msat for fees, which is more than is allowed", fee.get());
                return SendOutcome::Refused(why);
            }
            Err(NodeError::Refused(why)) => return SendOutcome::Refused(why),
            Err(error) => return SendOutcome::Unclear(error.to_string()),
        }
        let sender = Arc::clone(payer);
        await_send(async move { sender.pay(&order, before).await }).await
    }

    /// What it may cost at most.
    async fn quote(&self, bolt11: &str) -> Result<Msat, NodeError> {
        let path = format!("{PAYMENTS}/fee-reserve?invoice={bolt11}");
        let FeeReserve { fee_reserve } = self.api.ask(Ask::get(path)).await?;
        Ok(Msat::new(fee_reserve))
    }

    async fn pay(&self, order: &PaymentOrder, before: Option<Attempt>) -> SendOutcome {
        let pay = Pay { out: true, bolt11: &order.bolt11 };
        let ask = Ask::once(PAYMENTS.to_owned(), Body::json(&pay)).within(ARRIVAL_TIME);
        let reply: Reply = match self.api.wire.ask(ask).await {
            Ok(reply) if !reply.status.is_success() => reply,
            Ok(reply) => {
                let is_ours = reply.json().is_some_and(|begun: Begun| begun.is_of(order.payment_hash));
                let unclear = || SendOutcome::Unclear("an answer of another form".to_owned());
                return if is_ours { SendOutcome::Accepted } else { unclear() };
            }
            Err(error) => return SendOutcome::Unclear(error.to_string()),
        };
        match self.api.refusal(&reply) {
            Some(why) => judge_refusal(before, self.look_up(order.payment_hash).await, why),
            None => SendOutcome::Unclear(self.api.wire.unexpected(&reply).to_string()),
        }
    }

    pub(super) async fn look_up(&self, hash: PaymentHash) -> Result<PaymentAtNode, NodeError> {
        match self.api.find(hash).await? {
            None => Ok(PaymentAtNode::NotFound),
            Some(payment) if payment.is_outgoing() => payment.state(),
            // An invoice of the same wallet has the hash. A payment of it is later, and would be in the list alone.
            Some(invoice) => {
                for payment in self.api.list(Order::Created, invoice.created()?).await? {
                    if payment.is_outgoing() && payment.hash()? == hash {
                        return payment.state();
                    }
                }
                Ok(PaymentAtNode::NotFound)
            }
        }
    }

    pub(super) async fn list(&self, since: UnixMs) -> Result<Vec<PaymentListed>, NodeError> {
        let mut listed = Vec::new();
        for payment in self.api.list(Order::Created, since).await?.iter().filter(|payment| payment.is_outgoing()) {
            // Payments within that LNbits may have no proof.
            let state = payment.state().unwrap_or(PaymentAtNode::InFlight);
            listed.push(PaymentListed { payment_hash: payment.hash()?, state });
        }
        Ok(listed)
    }
}
