//! What LND answers (`lnrpc/lightning.proto`, as REST shows it).

use serde::Deserialize;

use super::super::fields::{Whole, hash_of_base64, hex_of_base64, preimage_of, proof};
use super::super::node::{Attempt, NodeError, PaymentAtNode, Receipt, Sent};
use super::super::wire::unreadable;
use crate::domain::ids::PaymentHash;
use crate::domain::time::UnixMs;

/// Codes of gRPC.
const UNKNOWN: i64 = 2;
const INVALID_ARGUMENT: i64 = 3;
const NOT_FOUND: i64 = 5;
const ALREADY_EXISTS: i64 = 6;
const PERMISSION_DENIED: i64 = 7;
const UNAVAILABLE: i64 = 14;
const UNAUTHENTICATED: i64 = 16;

/// A refusal.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

impl Failure {
    /// Reads the body of an error, which in a stream is wrapped once more.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wrapped {
            error: Failure,
        }
        serde_json::from_slice(body).or_else(|_| serde_json::from_slice(body).map(|Wrapped { error }| error)).ok()
    }

    fn says(&self, text: &str) -> bool {
        self.message.contains(text)
    }

    /// There is no such payment. An unknown path has the same code.
    pub(super) fn is_no_payment(&self) -> bool {
        self.code == NOT_FOUND && self.says("payment isn't initiated")
    }

    /// There is no such invoice.
    pub(super) fn is_no_invoice(&self) -> bool {
        matches!(self.code, NOT_FOUND | UNKNOWN)
            && (self.says("unable to locate invoice") || self.says("there are no existing invoices"))
    }

    /// There is an invoice with this hash already.
    pub(super) fn is_same_invoice(&self) -> bool {
        self.says("invoice with payment hash already exists")
    }

    /// An invoice cannot be cancelled any more.
    pub(super) fn is_invoice_settled(&self) -> bool {
        self.says("invoice already settled")
    }

    /// There is a payment of this hash, whatever became of it.
    pub(super) fn is_same_payment(&self) -> bool {
        self.code == ALREADY_EXISTS
    }

    /// What LND checks before it stores anything of a payment (`extractIntentFromSendRequest`), and who asks,
    /// which it checks before that.
    pub(super) fn is_refused_payment(&self) -> bool {
        const CHECKED_BEFORE: [&str; 11] = [
            "invoice expired. Valid until",
            "self-payments not allowed",
            "amount must be specified when paying a zero amount",
            "amount must not be specified when paying a non-zero",
            "payment request must contain either",
            "AMP flag",
            "cltv limit",
            "invoice not for current active network",
            "checksum failed",
            "invalid bech32 string",
            "invalid invoice signature",
        ];
        match self.code {
            INVALID_ARGUMENT => true,
            UNKNOWN => self.is_unauthorized() || CHECKED_BEFORE.iter().any(|text| self.says(text)),
            _ => self.is_unauthorized(),
        }
    }

    fn is_unauthorized(&self) -> bool {
        matches!(self.code, PERMISSION_DENIED | UNAUTHENTICATED)
            || self.code == UNKNOWN
                && ["permission denied", "verification failed", "macaroon"].iter().any(|text| self.says(text))
    }
}

impl From<Failure> for NodeError {
    fn from(failure: Failure) -> Self {
        let is_starting = || {
            ["waiting to start", "wallet locked", "wallet not created", "in the process of starting up"]
                .iter()
                .any(|text| failure.says(text))
        };
        if failure.is_unauthorized() {
            Self::Unauthorized(failure.message)
        } else if failure.code == UNAVAILABLE || is_starting() {
            Self::NotReady(failure.message)
        } else {
            Self::Refused(failure.message)
        }
    }
}

/// A line of a stream.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StreamItem<T> {
    Result(T),
    Error(Failure),
}

#[derive(Deserialize)]
pub(super) struct Info {
    pub(super) identity_pubkey: String,
    #[serde(default)]
    pub(super) alias: String,
    #[serde(default)]
    pub(super) version: String,
    pub(super) synced_to_chain: bool,
    #[serde(default)]
    pub(super) chains: Vec<Chains>,
    #[serde(default)]
    pub(super) best_header_timestamp: Whole,
}

#[derive(Deserialize)]
pub(super) struct Chains {
    pub(super) network: String,
}

#[derive(Deserialize)]
pub(super) struct ChannelBalance {
    pub(super) local_balance: Balance,
    pub(super) remote_balance: Balance,
}

#[derive(Deserialize)]
pub(super) struct Balance {
    pub(super) msat: Whole,
}

#[derive(Deserialize)]
pub(super) struct Added {
    pub(super) payment_request: String,
}

#[derive(Deserialize)]
pub(super) struct InvoicePage {
    pub(super) invoices: Vec<Invoice>,
    pub(super) last_index_offset: Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum InvoiceState {
    Open,
    Settled,
    Canceled,
    /// Held: it is being paid.
    Accepted,
}

#[derive(Deserialize)]
pub(super) struct Invoice {
    r_hash: String,
    #[serde(default)]
    r_preimage: Option<String>,
    pub(super) payment_request: String,
    pub(super) state: InvoiceState,
    #[serde(default)]
    settle_date: Whole,
    #[serde(default)]
    pub(super) settle_index: Whole,
    #[serde(default)]
    amt_paid_msat: Whole,
}

impl Invoice {
    /// What has arrived, if it is settled. There is none where nothing was paid.
    pub(super) fn receipt(&self) -> Result<Option<Receipt>, NodeError> {
        if self.state != InvoiceState::Settled {
            return Ok(None);
        }
        let payment_hash = hash_of_base64(&self.r_hash).ok_or_else(|| unreadable("an invoice without a hash"))?;
        let Some(amount) = self.amt_paid_msat.amount() else { return Ok(None) };
        let preimage = self.r_preimage.as_deref().and_then(hex_of_base64);
        let preimage = preimage.and_then(|hex| preimage_of(&hex, payment_hash));
        Ok(Some(Receipt { payment_hash, amount, at: self.settle_date.seconds(), preimage }))
    }
}

#[derive(Deserialize)]
pub(super) struct PaymentPage {
    pub(super) payments: Vec<Payment>,
    pub(super) last_index_offset: Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum PaymentStatus {
    #[serde(rename = "INITIATED")]
    Initiated,
    #[serde(rename = "IN_FLIGHT")]
    InFlight,
    #[serde(rename = "SUCCEEDED")]
    Succeeded,
    #[serde(rename = "FAILED")]
    Failed,
}

#[derive(Deserialize)]
pub(super) struct Payment {
    #[serde(rename = "payment_hash")]
    hash: String,
    status: PaymentStatus,
    #[serde(default, rename = "payment_preimage")]
    preimage: String,
    value_msat: Whole,
    fee_msat: Whole,
    creation_time_ns: Whole,
    #[serde(rename = "payment_index")]
    index: Whole,
    #[serde(default)]
    failure_reason: String,
    #[serde(default)]
    htlcs: Vec<Htlc>,
}

#[derive(Deserialize)]
struct Htlc {
    status: String,
    #[serde(default)]
    resolve_time_ns: Whole,
}

impl Payment {
    pub(super) fn hash(&self) -> Result<PaymentHash, NodeError> {
        PaymentHash::from_client(&self.hash).or(Err(unreadable("a payment without a hash")))
    }

    /// What became of it.
    pub(super) fn state(&self) -> Result<PaymentAtNode, NodeError> {
        match self.status {
            PaymentStatus::Initiated | PaymentStatus::InFlight => Ok(PaymentAtNode::InFlight),
            // What may still arrive has not failed, whatever the status says.
            PaymentStatus::Failed if self.htlcs.iter().any(|htlc| htlc.status == "IN_FLIGHT") => {
                Ok(PaymentAtNode::InFlight)
            }
            PaymentStatus::Failed => {
                Ok(PaymentAtNode::Failed { attempt: Attempt(self.index.0), reason: self.failure_reason.clone() })
            }
            PaymentStatus::Succeeded => {
                let preimage = proof(Some(&self.preimage), self.hash()?)?;
                let amount = self.value_msat.amount().ok_or_else(|| unreadable("a payment of nothing"))?;
                let resolved = self.htlcs.iter().map(|htlc| htlc.resolve_time_ns).max().unwrap_or_default();
                let at = UnixMs::new(resolved.max(self.creation_time_ns).0 / 1_000_000);
                Ok(PaymentAtNode::Settled(Sent { preimage, fee: self.fee_msat.msat(), amount, at }))
            }
        }
    }
}
