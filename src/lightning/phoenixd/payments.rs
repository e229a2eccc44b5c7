//! Payments by phoenixd.

use std::sync::Arc;

use super::super::around::{ARRIVAL_TIME, await_send, failed_before, judge_refusal};
use super::super::fields::{amount_named, whole_sat};
use super::super::node::{Attempt, NodeError, PaymentAtNode, PaymentListed, PaymentOrder, SendOutcome};
use super::super::wire::Ask;
use super::answers::{Outcome, Outgoing};
use super::{Api, form};
use crate::domain::ids::PaymentHash;
use crate::domain::money::{Amount, Msat};
use crate::domain::time::UnixMs;

/// What phoenixd pays for routing (`trampolineFees` of its sources, and its price list).
const FEE_BASE_MSAT: i64 = 4000;
const FEE_PPM: i64 = 4000;
const PPM: i64 = 1_000_000;

/// Pays.
#[derive(Debug)]
pub(super) struct Payer {
    api: Arc<Api>,
}

/// What routing an amount costs, rounded up.
fn fee_of(amount: Amount) -> Option<Msat> {
    let share = amount.msat().checked_mul(FEE_PPM)?.checked_add(PPM - 1)?.checked_div(PPM)?;
    share.checked_add(FEE_BASE_MSAT).map(Msat::new)
}

impl Payer {
    pub(super) const fn new(api: Arc<Api>) -> Self {
        Self { api }
    }

    pub(super) async fn send(payer: &Arc<Self>, order: PaymentOrder) -> SendOutcome {
        let refused = |why: &str| SendOutcome::Refused(why.to_owned());
        let Some(amount) = order.amount.or_else(|| amount_named(&order.bolt11)) else {
            return refused("the invoice names no amount");
        };
        if order.amount.is_some_and(|amount| whole_sat(amount).is_none()) {
            return refused("it must be a whole number of sat");
        }
        match fee_of(amount) {
            Some(fee) if fee <= order.fee_max => {}
            _ => return refused("routing by phoenixd costs 0.4 % and 4 sat, which is more than is allowed"),
        }
        let before = match failed_before(payer.look_up(order.payment_hash).await) {
            Ok(before) => before,
            Err(outcome) => return outcome,
        };
        let sender = Arc::clone(payer);
        await_send(async move { sender.pay(&order, before).await }).await
    }

    async fn pay(&self, order: &PaymentOrder, before: Option<Attempt>) -> SendOutcome {
        let sat = order.amount.map(|amount| amount.to_sat().to_string());
        let mut fields = vec![("invoice", &*order.bolt11)];
        fields.extend(sat.as_deref().map(|sat| ("amountSat", sat)));
        let ask = Ask::once("/payinvoice".to_owned(), form(&fields)).within(ARRIVAL_TIME);
        let refusal = match self.api.ask::<Outcome>(ask).await {
            Ok(Outcome { payment_preimage: Some(_), .. }) => return SendOutcome::Accepted,
            Ok(Outcome { reason: Some(reason), .. }) => self.api.wire.told(&reason),
            Ok(_) => return SendOutcome::Unclear("an answer of another form".to_owned()),
            // Who asks, and what, it looks at before anything else.
            Err(NodeError::Unauthorized(why) | NodeError::Refused(why)) => why,
            Err(error) => return SendOutcome::Unclear(error.to_string()),
        };
        judge_refusal(before, self.look_up(order.payment_hash).await, refusal)
    }

    pub(super) async fn look_up(&self, hash: PaymentHash) -> Result<PaymentAtNode, NodeError> {
        let found: Option<Outgoing> = self.api.find(format!("/payments/outgoingbyhash/{hash}")).await?;
        let Some(found) = found else { return Ok(PaymentAtNode::NotFound) };
        if !found.has_failed() {
            return found.state(hash);
        }
        // Of several that have failed, the oldest is told.
        let later: Vec<Outgoing> = self.api.list("outgoing?all=true", found.created_at.0).await?;
        let of_hash = later.into_iter().chain([found]).filter(|payment| payment.hash() == Some(hash));
        // One that has not failed decides: it may have begun just now.
        let newest = of_hash.max_by_key(|payment| (!payment.has_failed(), payment.created_at));
        newest.map_or(Ok(PaymentAtNode::NotFound), |payment| payment.state(hash))
    }

    pub(super) async fn list(&self, since: UnixMs) -> Result<Vec<PaymentListed>, NodeError> {
        let outgoing: Vec<Outgoing> = self.api.list("outgoing?all=true", since.get()).await?;
        let listed = outgoing.iter().filter_map(|payment| {
            let payment_hash = payment.hash()?;
            // What cannot be proved is none of ours.
            let state = payment.state(payment_hash).unwrap_or(PaymentAtNode::InFlight);
            Some(PaymentListed { payment_hash, state })
        });
        Ok(listed.collect())
    }
}
