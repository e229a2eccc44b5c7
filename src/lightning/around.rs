//! What several kinds of node have in common: payments that are answered only when they end, and lists
//! that have to be asked again and again.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::node::{Attempt, Cursor, NodeError, PaymentAtNode, Receipt, Received, SendOutcome};
use crate::domain::ids::PaymentHash;

/// How often a node is asked that does not notify.
const POLL: Duration = Duration::from_secs(1);
/// How long a payment may take, where the node says nothing else, until its request is given up. It then goes on at
/// the node.
pub(super) const ARRIVAL_TIME: Duration = Duration::from_secs(180);
/// How long it is waited for a node to answer to a payment. Then the request goes on behind the scenes.
const SEND_WAIT: Duration = Duration::from_secs(10);
/// For how long a receipt is not told again, although it is within the overlap.
const TOLD_FOR: Duration = Duration::from_secs(60);
/// The most receipts that are remembered as told. Others are told again: that does no harm.
const TOLD_MAX: usize = 10_000;

/// Waits at most `wait` for the end of a payment, by asking again and again.
pub(super) async fn poll_payment<F>(wait: Duration, look_up: impl Fn() -> F + Send) -> Result<PaymentAtNode, NodeError>
where
    F: Future<Output = Result<PaymentAtNode, NodeError>> + Send,
{
    let deadline = Instant::now() + wait;
    loop {
        let found = look_up().await;
        let rest = deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() || !matches!(found, Ok(PaymentAtNode::InFlight)) {
            return found;
        }
        tokio::time::sleep(rest.min(POLL)).await;
    }
}

/// Waits at most `wait` for receipts, by asking again and again.
pub(super) async fn poll_receipts<F>(wait: Duration, list: impl Fn() -> F + Send) -> Result<Vec<Received>, NodeError>
where
    F: Future<Output = Result<Vec<Received>, NodeError>> + Send,
{
    let deadline = Instant::now() + wait;
    loop {
        let received = list().await?;
        let rest = deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() || !received.is_empty() {
            return Ok(received);
        }
        tokio::time::sleep(rest.min(POLL)).await;
    }
}

/// The attempt of a payment that has failed before it is sent, by what is found then; or what sending it comes to,
/// where it must not be sent: there is something that may succeed, or has, or nothing is known.
pub(super) fn failed_before(found: Result<PaymentAtNode, NodeError>) -> Result<Option<Attempt>, SendOutcome> {
    match found {
        Ok(PaymentAtNode::NotFound) => Ok(None),
        Ok(PaymentAtNode::Failed { attempt, .. }) => Ok(Some(attempt)),
        Ok(PaymentAtNode::InFlight | PaymentAtNode::Settled(_)) => Err(SendOutcome::Accepted),
        Err(error) => Err(SendOutcome::Unclear(error.to_string())),
    }
}

/// What an answer means that says that a payment has not been made, by what is found after it. Only what
/// has left no trace was refused: everything else is for the look-ups to tell.
pub(super) fn judge_refusal(
    before: Option<Attempt>,
    after: Result<PaymentAtNode, NodeError>,
    reason: String,
) -> SendOutcome {
    match after {
        Ok(PaymentAtNode::NotFound) => SendOutcome::Refused(reason),
        Ok(PaymentAtNode::Failed { attempt, .. }) if Some(attempt) == before => SendOutcome::Refused(reason),
        Ok(_) => SendOutcome::Accepted,
        Err(error) => SendOutcome::Unclear(format!("{reason}; {error}")),
    }
}

/// Waits for what a payment comes to, for a while. Its request goes on, and its answer is awaited, even if nobody
/// waits for it here.
pub(super) async fn await_send(sending: impl Future<Output = SendOutcome> + Send + 'static) -> SendOutcome {
    match tokio::time::timeout(SEND_WAIT, tokio::spawn(sending)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => SendOutcome::Unclear(error.to_string()),
        Err(_) => SendOutcome::Unclear("the node has not answered yet".to_owned()),
    }
}

/// Receipts of a node whose list is by time. Two may have the same time, and one may become visible after
/// another that is newer, so that what comes shortly before the cursor is looked at again. What was told
/// from there just now is not told again at once: it would end every wait.
#[derive(Debug, Default)]
pub(super) struct Overlap(Mutex<HashMap<PaymentHash, Instant>>);

impl Overlap {
    /// What is to be told of receipts in the order of their times; the cursor is a time in milliseconds.
    pub(super) fn tell(&self, cursor: Cursor, receipts: Vec<Receipt>) -> Vec<Received> {
        let now = Instant::now();
        let mut told = self.0.lock();
        told.retain(|_, at| now.duration_since(*at) < TOLD_FOR);
        let mut received = Vec::new();
        let mut last = cursor;
        for receipt in receipts {
            let at = Cursor(receipt.at.get());
            if at <= cursor && told.contains_key(&receipt.payment_hash) {
                continue;
            }
            if told.len() < TOLD_MAX {
                told.insert(receipt.payment_hash, now);
            }
            last = last.max(at);
            received.push(Received { receipt, cursor: last });
        }
        received
    }
}
