//! What phoenixd answers (`ApiType` of its sources). Amounts are in sat and rounded down, fees in msat and
//! exact.

use serde::Deserialize;

use super::super::fields::{Whole, amount_named, preimage_of, proof};
use super::super::node::{Attempt, NodeError, PaymentAtNode, Receipt, Sent};
use super::super::wire::unreadable;
use crate::domain::ids::PaymentHash;
use crate::domain::money::Amount;
use crate::domain::time::UnixMs;

const MSAT_PER_SAT: i64 = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    pub(super) node_id: String,
    pub(super) chain: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) block_height: Option<Whole>,
    #[serde(default)]
    pub(super) channels: Vec<Channel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Channel {
    #[serde(default)]
    pub(super) inbound_liquidity_sat: Option<Whole>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Balance {
    pub(super) balance_sat: Whole,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    payment_hash: String,
    pub(super) serialized: String,
}

impl Made {
    pub(super) fn hash(&self) -> Result<PaymentHash, NodeError> {
        PaymentHash::from_client(&self.payment_hash).or(Err(unreadable("an invoice without a hash")))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Incoming {
    payment_hash: String,
    pub(super) preimage: String,
    is_paid: bool,
    #[serde(default)]
    requested_sat: Option<Whole>,
    received_sat: Whole,
    fees: Whole,
    #[serde(default)]
    completed_at: Option<Whole>,
    #[serde(default)]
    invoice: Option<String>,
}

impl Incoming {
    /// What the payer has paid, if it has arrived. What phoenixd takes from it for a channel is the
    /// operator's, as it is with a node that opens its channels itself.
    pub(super) fn receipt(&self) -> Result<Option<Receipt>, NodeError> {
        if !self.is_paid {
            return Ok(None);
        }
        let incomplete = || unreadable("a paid invoice without a hash, an amount or a time");
        let payment_hash = PaymentHash::from_client(&self.payment_hash).or(Err(incomplete()))?;
        let at = UnixMs::new(self.completed_at.ok_or_else(incomplete)?.0);
        let paid = self.received_sat.sat().saturating_add(self.fees.0);
        // Rounding must not make it less than was asked for, which nobody can pay less than.
        let named = self.invoice.as_deref().and_then(amount_named).map(Amount::msat);
        let requested = named.or(self.requested_sat.map(Whole::sat)).unwrap_or_default();
        let Ok(amount) = Amount::from_msat(paid.max(requested)) else { return Ok(None) };
        let preimage = preimage_of(&self.preimage, payment_hash);
        Ok(Some(Receipt { payment_hash, amount, at, preimage }))
    }
}

/// What came of a payment that was asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    #[serde(default)]
    pub(super) payment_preimage: Option<String>,
    #[serde(default)]
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outgoing {
    /// None for what was sent on the chain.
    #[serde(default)]
    payment_hash: Option<String>,
    #[serde(default)]
    preimage: Option<String>,
    is_paid: bool,
    /// With the fees.
    sent: Whole,
    fees: Whole,
    #[serde(default)]
    invoice: Option<String>,
    #[serde(default)]
    completed_at: Option<Whole>,
    pub(super) created_at: Whole,
}

impl Outgoing {
    pub(super) fn hash(&self) -> Option<PaymentHash> {
        PaymentHash::from_client(self.payment_hash.as_deref()?).ok()
    }

    pub(super) const fn has_failed(&self) -> bool {
        !self.is_paid && self.completed_at.is_some()
    }

    /// What became of it. It is under way until it is completed.
    pub(super) fn state(&self, hash: PaymentHash) -> Result<PaymentAtNode, NodeError> {
        match self.completed_at {
            _ if self.hash() != Some(hash) => Err(unreadable("a payment of another hash")),
            Some(Whole(at)) if self.is_paid => {
                let preimage = proof(self.preimage.as_deref(), hash)?;
                let amount = self.arrived().ok_or_else(|| unreadable("a payment of nothing"))?;
                Ok(PaymentAtNode::Settled(Sent { preimage, fee: self.fees.msat(), amount, at: UnixMs::new(at) }))
            }
            Some(_) => Ok(PaymentAtNode::Failed {
                attempt: Attempt(self.created_at.0),
                reason: "the node says that it has failed".to_owned(),
            }),
            None => Ok(PaymentAtNode::InFlight),
        }
    }

    /// What the payee has got: what the invoice names, or else whole sat, which is what is sent to one that
    /// names nothing.
    fn arrived(&self) -> Option<Amount> {
        let named = self.invoice.as_deref().and_then(amount_named);
        named.or_else(|| {
            let at_least = self.sent.sat().checked_sub(self.fees.0)?;
            let sat = at_least.checked_add(MSAT_PER_SAT - 1)?.checked_div(MSAT_PER_SAT)?;
            Amount::from_sat(sat).ok()
        })
    }
}
