//! Payments by Core Lightning, told from their parts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::super::around::{await_send, failed_before, judge_refusal};
use super::super::fields::{Whole, proof};
use super::super::node::{Attempt, NodeError, PaymentAtNode, PaymentListed, PaymentOrder, SendOutcome, Sent};
use super::super::wire::{ANSWER_TIME, unreadable};
use super::answers::{Paid, Part, PartStatus, Parts};
use super::{Called, Rpc};
use crate::domain::ids::PaymentHash;
use crate::domain::money::{Amount, Msat};
use crate::domain::time::UnixMs;

/// How many blocks the money may be locked for at most: a week.
const DELAY_MAX: u32 = 1008;
/// The longest that a payment looks for routes, in seconds.
const RETRY_SECONDS_MAX: u64 = 60;
/// How long after a part was made no command makes another one: the time above, and as much again.
const OVER_AFTER_S: i64 = 120;
/// How much longer than it looks for routes a payment may take, until its request is given up. It then goes
/// on at the node.
const ARRIVAL_TIME: Duration = Duration::from_secs(120);
/// The most payments that are remembered as ended.
const ENDED_MAX: usize = 10_000;
/// How many parts there are in a page.
const PAGE: usize = 1000;

#[derive(Serialize)]
struct Pay<'a> {
    invstring: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_msat: Option<i64>,
    maxfee: i64,
    retry_for: u64,
    maxdelay: u32,
}

#[derive(Serialize)]
struct OfHash {
    payment_hash: String,
}

#[derive(Serialize)]
struct Page {
    index: &'static str,
    start: i64,
    limit: usize,
}

/// Pays, and knows which of its payments have ended.
#[derive(Debug)]
pub(super) struct Payer {
    rpc: Arc<Rpc>,
    /// Payments whose command has answered: it makes no further part.
    ended: Mutex<HashSet<PaymentHash>>,
}

impl Payer {
    pub(super) fn new(rpc: Arc<Rpc>) -> Self {
        Self { rpc, ended: Mutex::default() }
    }

    pub(super) async fn send(payer: &Arc<Self>, order: PaymentOrder) -> SendOutcome {
        let hash = order.payment_hash;
        let before = match failed_before(payer.look_up(hash).await) {
            Ok(before) => before,
            Err(outcome) => return outcome,
        };
        let sender = Arc::clone(payer);
        await_send(async move { sender.pay(&order, before).await }).await
    }

    async fn pay(&self, order: &PaymentOrder, before: Option<Attempt>) -> SendOutcome {
        let hash = order.payment_hash;
        let retry_for = order.time.as_secs().clamp(1, RETRY_SECONDS_MAX);
        let pay = Pay {
            invstring: &order.bolt11,
            amount_msat: order.amount.map(Amount::msat),
            maxfee: order.fee_max.get(),
            retry_for,
            maxdelay: DELAY_MAX,
        };
        self.ended.lock().remove(&hash);
        let time = Duration::from_secs(retry_for).saturating_add(ARRIVAL_TIME);
        let failure = match self.rpc.call_once::<Paid>("xpay", &pay, time).await {
            Ok(Called { result: Ok(paid), .. }) if proof(Some(&paid.payment_preimage), hash).is_ok() => None,
            Ok(Called { result: Ok(_), .. }) => return SendOutcome::Unclear("a payment without its proof".to_owned()),
            Ok(Called { result: Err(failure), .. }) if failure.is_of_command() => Some(failure),
            Ok(Called { result: Err(failure), .. }) => return SendOutcome::Unclear(failure.message),
            // The rune was looked at before anything else.
            Err(NodeError::Unauthorized(why)) => return SendOutcome::Refused(why),
            Err(error) => return SendOutcome::Unclear(error.to_string()),
        };
        self.note_end(hash);
        match failure {
            None => SendOutcome::Accepted,
            Some(failure) if failure.is_unknown_command() => {
                SendOutcome::Refused("the node must be Core Lightning v24.11 or later, with xpay".to_owned())
            }
            Some(failure) => judge_refusal(before, self.look_up(hash).await, failure.message),
        }
    }

    fn note_end(&self, hash: PaymentHash) {
        let mut ended = self.ended.lock();
        if ended.len() >= ENDED_MAX {
            // Those are known by their age.
            ended.clear();
        }
        ended.insert(hash);
    }

    pub(super) async fn look_up(&self, hash: PaymentHash) -> Result<PaymentAtNode, NodeError> {
        let of_hash = OfHash { payment_hash: hash.to_string() };
        let Called { result, time } = self.rpc.call::<Parts>("listsendpays", &of_hash, ANSWER_TIME).await?;
        let Parts { payments } = result?;
        let is_of_another = |part: &Part| !part.payment_hash.eq_ignore_ascii_case(&of_hash.payment_hash);
        if payments.iter().any(is_of_another) {
            return Err(unreadable("a payment of another hash"));
        }
        state_of(&payments, hash, self.ended.lock().contains(&hash), time)
    }

    pub(super) async fn list(&self, since: UnixMs) -> Result<Vec<PaymentListed>, NodeError> {
        let mut of_hash: HashMap<PaymentHash, Vec<Part>> = HashMap::new();
        let mut start = 1;
        let now = loop {
            let page = Page { index: "created", start, limit: PAGE };
            let Called { result, time } = self.rpc.call::<Parts>("listsendpays", &page, ANSWER_TIME).await?;
            let Parts { payments } = result?;
            let Some(last) = payments.iter().map(|part| part.created_index.0).max() else { break time };
            if last < start {
                return Err(unreadable("a page of the list leads nowhere"));
            }
            start = last.saturating_add(1);
            for part in payments {
                let hash = PaymentHash::from_client(&part.payment_hash).or(Err(unreadable("a part without a hash")))?;
                of_hash.entry(hash).or_default().push(part);
            }
        };
        let is_since = |parts: &Vec<Part>| parts.iter().any(|part| part.created_at.seconds() >= since);
        let listed = of_hash.into_iter().filter(|(_, parts)| is_since(parts)).map(|(payment_hash, parts)| {
            let has_ended = self.ended.lock().contains(&payment_hash);
            // What cannot be proved was sent by other means than an invoice: it is none of ours.
            let state = state_of(&parts, payment_hash, has_ended, now).unwrap_or(PaymentAtNode::InFlight);
            PaymentListed { payment_hash, state }
        });
        Ok(listed.collect())
    }
}

/// What the parts of a payment come to. One that may still arrive decides, whichever attempt it belongs to.
fn state_of(
    parts: &[Part],
    hash: PaymentHash,
    has_ended: bool,
    now: Option<UnixMs>,
) -> Result<PaymentAtNode, NodeError> {
    let Some(newest) = parts.iter().max_by_key(|part| part.created_index) else { return Ok(PaymentAtNode::NotFound) };
    if parts.iter().any(|part| part.status == PartStatus::Pending) {
        return Ok(PaymentAtNode::InFlight);
    }
    if let Some(complete) = parts.iter().find(|part| part.status == PartStatus::Complete) {
        let of_group = parts.iter().filter(|part| part.groupid == complete.groupid);
        return settled(of_group.filter(|part| part.status == PartStatus::Complete), hash);
    }
    let is_over = now.is_some_and(|now| now >= newest.created_at.seconds().plus_seconds(OVER_AFTER_S));
    if !has_ended && !is_over {
        return Ok(PaymentAtNode::InFlight);
    }
    let first = parts.iter().filter(|part| part.groupid == newest.groupid).map(|part| part.created_index.0).min();
    let attempt = Attempt(first.unwrap_or(newest.created_index.0));
    Ok(PaymentAtNode::Failed { attempt, reason: "no part of it has arrived".to_owned() })
}

/// A payment whose parts have all arrived.
fn settled<'a>(parts: impl Iterator<Item = &'a Part>, hash: PaymentHash) -> Result<PaymentAtNode, NodeError> {
    let (mut amount, mut sent, mut at, mut preimage) = (0_i64, 0_i64, 0, None);
    for part in parts {
        let delivered = part.amount_msat.ok_or_else(|| unreadable("a part whose amount is not known"))?;
        amount = amount.saturating_add(delivered.0);
        sent = sent.saturating_add(part.amount_sent_msat.0);
        at = part.completed_at.unwrap_or(part.created_at).0.max(at);
        preimage = preimage.or(part.payment_preimage.as_deref());
    }
    let preimage = proof(preimage, hash)?;
    let fee = sent.checked_sub(amount).filter(|fee| *fee >= 0).ok_or_else(|| unreadable("a fee below 0"))?;
    let amount = Amount::from_msat(amount).or(Err(unreadable("a payment of nothing")))?;
    Ok(PaymentAtNode::Settled(Sent { preimage, fee: Msat::new(fee), amount, at: Whole(at).seconds() }))
}
