//! What LNbits answers (`lnbits/core/models/` of its sources). Amounts and fees are in msat, below 0 for
//! what has left.

use serde::Deserialize;
use serde_json::Value;

use super::super::fields::{preimage_of, proof};
use super::super::node::{Attempt, NodeError, PaymentAtNode, Receipt, Sent};
use super::super::wire::unreadable;
use crate::domain::ids::PaymentHash;
use crate::domain::money::{Amount, Msat};
use crate::domain::time::{Moment, UnixMs};

/// What is wrong, in words or in a list of what is wrong with which field.
#[derive(Deserialize)]
pub(super) struct Problem {
    detail: Value,
}

impl Problem {
    pub(super) fn detail(&self) -> String {
        self.detail.as_str().map_or_else(|| self.detail.to_string(), str::to_owned)
    }
}

#[derive(Deserialize)]
pub(super) struct Wallet {
    /// Told to whoever has the admin key.
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) name: String,
    balance: Value,
}

impl Wallet {
    pub(super) fn balance(&self) -> Result<Msat, NodeError> {
        self.balance.as_i64().map(Msat::new).ok_or_else(|| unreadable("a balance that is no number of msat"))
    }
}

/// What it may cost at most to pay an invoice.
#[derive(Deserialize)]
pub(super) struct FeeReserve {
    pub(super) fee_reserve: i64,
}

/// A payment that has begun, in whatever state it is.
#[derive(Deserialize)]
pub(super) struct Begun {
    payment_hash: String,
}

impl Begun {
    pub(super) fn is_of(&self, hash: PaymentHash) -> bool {
        PaymentHash::from_client(&self.payment_hash).is_ok_and(|it| it == hash)
    }
}

#[derive(Deserialize)]
pub(super) struct Found {
    /// Always told, so that nothing else is taken for this.
    #[serde(rename = "paid")]
    _is_paid: bool,
    #[serde(default)]
    pub(super) details: Option<Payment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Pending,
    Success,
    Failed,
}

#[derive(Deserialize)]
pub(super) struct Payment {
    #[serde(rename = "payment_hash")]
    hash: String,
    pub(super) status: Status,
    amount: i64,
    #[serde(default)]
    fee: i64,
    #[serde(default)]
    bolt11: Option<String>,
    #[serde(default, rename = "payment_request")]
    request: Option<String>,
    #[serde(default)]
    pub(super) preimage: Option<String>,
    created_at: String,
    #[serde(default)]
    updated_at: Option<String>,
}

fn time(text: &str) -> Result<UnixMs, NodeError> {
    Moment::parse(text).map(Moment::from).ok_or_else(|| unreadable("a payment with a time of another form"))
}

impl Payment {
    pub(super) fn hash(&self) -> Result<PaymentHash, NodeError> {
        PaymentHash::from_client(&self.hash).or(Err(unreadable("a payment without a hash")))
    }

    pub(super) fn bolt11(&self) -> Result<&str, NodeError> {
        let text = self.bolt11.as_deref().or(self.request.as_deref());
        text.ok_or_else(|| unreadable("an invoice without its text"))
    }

    pub(super) const fn is_outgoing(&self) -> bool {
        self.amount < 0
    }

    pub(super) fn created(&self) -> Result<UnixMs, NodeError> {
        time(&self.created_at)
    }

    /// When it was changed last, which is not before it was settled.
    pub(super) fn updated(&self) -> Result<UnixMs, NodeError> {
        time(self.updated_at.as_deref().unwrap_or(&self.created_at))
    }

    /// What has arrived, if this is an invoice that was paid.
    pub(super) fn receipt(&self) -> Result<Option<Receipt>, NodeError> {
        if self.is_outgoing() || self.status != Status::Success {
            return Ok(None);
        }
        let Ok(amount) = Amount::from_msat(self.amount) else { return Ok(None) };
        let payment_hash = self.hash()?;
        let preimage = self.preimage.as_deref().and_then(|hex| preimage_of(hex, payment_hash));
        Ok(Some(Receipt { payment_hash, amount, at: self.updated()?, preimage }))
    }

    /// What became of a payment that was sent.
    pub(super) fn state(&self) -> Result<PaymentAtNode, NodeError> {
        match self.status {
            Status::Pending => Ok(PaymentAtNode::InFlight),
            Status::Failed => Ok(PaymentAtNode::Failed {
                attempt: Attempt(self.created()?.get()),
                reason: "the node says that it has failed".to_owned(),
            }),
            Status::Success => {
                let preimage = proof(self.preimage.as_deref(), self.hash()?)?;
                let out_of_range = || unreadable("an amount or a fee out of range");
                let amount = self.amount.checked_neg().and_then(|msat| Amount::from_msat(msat).ok());
                let fee = self.fee.checked_abs().map(Msat::new).ok_or_else(out_of_range)?;
                let (amount, at) = (amount.ok_or_else(out_of_range)?, self.updated()?);
                Ok(PaymentAtNode::Settled(Sent { preimage, fee, amount, at }))
            }
        }
    }
}
