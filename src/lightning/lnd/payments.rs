//! Payments by LND: started, tracked, listed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde::Serialize;
use tokio::time::Instant;

use super::super::node::{NodeError, PaymentAtNode, PaymentListed, PaymentOrder, SendOutcome};
use super::super::wire::{ANSWER_TIME, Ask, Body, unreadable};
use super::Lnd;
use super::answers::{Payment, PaymentPage};
use crate::domain::ids::PaymentHash;
use crate::domain::time::UnixMs;

/// How many blocks the money may be locked for at most: a week. LND's own limit is twice that.
const CLTV_LIMIT: u32 = 1008;
/// How many payments there are in a page.
const PAGE: usize = 200;

#[derive(Serialize)]
struct SendPayment<'a> {
    payment_request: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amt_msat: Option<String>,
    fee_limit_msat: String,
    cltv_limit: u32,
    timeout_seconds: u64,
    /// Our hanging up stops nothing.
    cancelable: bool,
    allow_self_payment: bool,
    /// The first line says that it has begun.
    no_inflight_updates: bool,
}

impl Lnd {
    pub(super) async fn start_payment(&self, order: &PaymentOrder) -> SendOutcome {
        let send = SendPayment {
            payment_request: &order.bolt11,
            amt_msat: order.amount.map(|amount| amount.msat().to_string()),
            fee_limit_msat: order.fee_max.get().to_string(),
            cltv_limit: CLTV_LIMIT,
            timeout_seconds: order.time.as_secs().max(1),
            cancelable: false,
            allow_self_payment: false,
            no_inflight_updates: false,
        };
        match self.send_and_read(&send, order.payment_hash).await {
            Ok(outcome) => outcome,
            Err(error) => SendOutcome::Unclear(error.to_string()),
        }
    }

    async fn send_and_read(&self, send: &SendPayment<'_>, hash: PaymentHash) -> Result<SendOutcome, NodeError> {
        let ask = Ask::once("/v2/router/send".to_owned(), Body::json(send));
        let mut lines = self.wire.stream(ask).await?;
        match self.next_item::<Payment>(&mut lines, ANSWER_TIME).await? {
            Some(Ok(payment)) if payment.hash()? == hash => Ok(SendOutcome::Accepted),
            Some(Ok(_)) => Err(unreadable("a payment of another hash")),
            Some(Err(failure)) if failure.is_same_payment() => Ok(SendOutcome::Accepted),
            Some(Err(failure)) if failure.is_refused_payment() => Ok(SendOutcome::Refused(failure.message)),
            Some(Err(failure)) => Ok(SendOutcome::Unclear(failure.message)),
            None => Ok(SendOutcome::Unclear("the node has not answered".to_owned())),
        }
    }

    pub(super) async fn track(&self, hash: PaymentHash, wait: Duration) -> Result<PaymentAtNode, NodeError> {
        let deadline = Instant::now() + wait;
        let path = format!("/v2/router/track/{}", URL_SAFE.encode(hash.as_bytes()));
        let mut lines = self.wire.stream(Ask::get(path)).await?;
        // The first line says how it is now, whatever comes later.
        let mut rest = ANSWER_TIME;
        let mut state = None;
        loop {
            match self.next_item::<Payment>(&mut lines, rest).await {
                Ok(Some(Ok(payment))) if payment.hash()? == hash => state = Some(payment.state()?),
                Ok(Some(Ok(_))) => return Err(unreadable("a payment of another hash")),
                Ok(Some(Err(failure))) if failure.is_no_payment() => return Ok(PaymentAtNode::NotFound),
                Ok(Some(Err(failure))) if state.is_none() => return Err(failure.into()),
                Err(error) if state.is_none() => return Err(error),
                // The stream has ended before the payment: how it was, was told.
                Ok(Some(Err(_)) | None) | Err(_) => break,
            }
            rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() || !matches!(state, Some(PaymentAtNode::InFlight)) {
                break;
            }
        }
        state.ok_or_else(|| NodeError::Unreachable("no answer in time".to_owned()))
    }

    pub(super) async fn list_payments(&self, since: UnixMs) -> Result<Vec<PaymentListed>, NodeError> {
        let mut listed = Vec::new();
        let mut offset = 0;
        loop {
            let path = format!(
                "/v1/payments?include_incomplete=true&omit_hops=true&creation_date_start={}&index_offset={offset}\
                 &max_payments={PAGE}",
                since.seconds().max(0)
            );
            let page: PaymentPage = self.get(path).await?;
            for payment in &page.payments {
                // Those of another kind (AMP) prove nothing by a preimage: they are none of ours.
                let state = payment.state().unwrap_or(PaymentAtNode::InFlight);
                listed.push(PaymentListed { payment_hash: payment.hash()?, state });
            }
            if page.payments.len() < PAGE {
                return Ok(listed);
            }
            if page.last_index_offset.0 <= offset {
                return Err(unreadable("a page of the list leads nowhere"));
            }
            offset = page.last_index_offset.0;
        }
    }
}
