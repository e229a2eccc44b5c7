//! What Core Lightning answers (`doc/schemas/` of its sources).

use serde::Deserialize;

use super::super::fields::{Whole, preimage_of};
use super::super::node::{NodeError, Receipt};
use super::super::wire::unreadable;
use crate::domain::ids::PaymentHash;

/// Codes of its errors.
const SAME_LABEL: i64 = 900;
const SAME_PREIMAGE: i64 = 901;
const WAIT_TIMEOUT: i64 = 904;
const NO_SUCH_LABEL: i64 = 905;
const OTHER_STATUS: i64 = 906;
const NO_SUCH_COMMAND: i64 = -32601;

/// An error of a command.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    /// Missing where the command could not be called.
    #[serde(default)]
    code: Option<i64>,
    pub(super) message: String,
    #[serde(default)]
    data: Option<FailureData>,
}

#[derive(Debug, Deserialize)]
struct FailureData {
    #[serde(default)]
    current_status: Option<String>,
}

/// Whether an invoice can be deleted.
pub(super) enum Undeletable {
    Paid,
    Expired,
    Unknown,
}

impl Failure {
    /// Reads the body of an error, which older versions wrap once more, and whose data is of many forms.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Bare {
            #[serde(default)]
            code: Option<i64>,
            message: String,
        }
        #[derive(Deserialize)]
        struct Wrapped {
            error: Bare,
        }
        let bare = |Bare { code, message }| Self { code, message, data: None };
        serde_json::from_slice::<Self>(body)
            .or_else(|_| serde_json::from_slice(body).map(bare))
            .or_else(|_| serde_json::from_slice(body).map(|Wrapped { error }| bare(error)))
            .ok()
    }

    /// The same in words that may be shown.
    pub(super) fn worded(self, word: impl FnOnce(&str) -> String) -> Self {
        Self { message: word(&self.message), ..self }
    }

    /// Whether the command itself has answered so: it has come to an end.
    pub(super) const fn is_of_command(&self) -> bool {
        self.code.is_some()
    }

    pub(super) const fn is_unknown_command(&self) -> bool {
        matches!(self.code, Some(NO_SUCH_COMMAND))
    }

    pub(super) const fn is_same_invoice(&self) -> bool {
        matches!(self.code, Some(SAME_LABEL | SAME_PREIMAGE))
    }

    pub(super) const fn is_timeout(&self) -> bool {
        matches!(self.code, Some(WAIT_TIMEOUT))
    }

    /// Why an invoice cannot be deleted.
    pub(super) fn undeletable(&self) -> Option<Undeletable> {
        let status = self.data.as_ref().and_then(|data| data.current_status.as_deref());
        match (self.code, status) {
            (Some(NO_SUCH_LABEL), _) => Some(Undeletable::Unknown),
            (Some(OTHER_STATUS), Some("paid")) => Some(Undeletable::Paid),
            (Some(OTHER_STATUS), Some("expired")) => Some(Undeletable::Expired),
            _ => None,
        }
    }
}

impl From<Failure> for NodeError {
    fn from(failure: Failure) -> Self {
        match failure.code {
            None => Self::NotReady(failure.message),
            Some(code) => Self::Refused(format!("{} ({code})", failure.message)),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Info {
    pub(super) id: String,
    #[serde(default)]
    pub(super) alias: String,
    pub(super) version: String,
    pub(super) network: String,
    #[serde(default)]
    pub(super) warning_bitcoind_sync: Option<String>,
    #[serde(default)]
    pub(super) warning_lightningd_sync: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Funds {
    pub(super) outputs: Vec<Output>,
    pub(super) channels: Vec<Channel>,
}

#[derive(Deserialize)]
pub(super) struct Output {
    pub(super) amount_msat: Whole,
    pub(super) status: String,
}

#[derive(Deserialize)]
pub(super) struct Channel {
    pub(super) our_amount_msat: Whole,
    pub(super) amount_msat: Whole,
    pub(super) state: String,
}

#[derive(Deserialize)]
pub(super) struct Added {
    pub(super) bolt11: String,
}

#[derive(Deserialize)]
pub(super) struct Invoices {
    pub(super) invoices: Vec<Invoice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum InvoiceStatus {
    Unpaid,
    Paid,
    Expired,
}

#[derive(Deserialize)]
pub(super) struct Invoice {
    payment_hash: String,
    pub(super) status: InvoiceStatus,
    #[serde(default)]
    pub(super) bolt11: Option<String>,
    #[serde(default)]
    pub(super) created_index: Whole,
    #[serde(default)]
    pub(super) pay_index: Option<Whole>,
    #[serde(default)]
    amount_received_msat: Option<Whole>,
    #[serde(default)]
    paid_at: Option<Whole>,
    #[serde(default)]
    payment_preimage: Option<String>,
}

impl Invoice {
    /// What has arrived, if it is paid.
    pub(super) fn receipt(&self) -> Result<Option<Receipt>, NodeError> {
        if self.status != InvoiceStatus::Paid {
            return Ok(None);
        }
        let incomplete = || unreadable("a paid invoice without a hash, an amount or a time");
        let payment_hash = PaymentHash::from_client(&self.payment_hash).or(Err(incomplete()))?;
        let amount = self.amount_received_msat.and_then(Whole::amount).ok_or_else(incomplete)?;
        let at = self.paid_at.ok_or_else(incomplete)?.seconds();
        let preimage = self.payment_preimage.as_deref().and_then(|hex| preimage_of(hex, payment_hash));
        Ok(Some(Receipt { payment_hash, amount, at, preimage }))
    }
}

/// What `xpay` answers when it has paid.
#[derive(Deserialize)]
pub(super) struct Paid {
    pub(super) payment_preimage: String,
}

#[derive(Deserialize)]
pub(super) struct Parts {
    pub(super) payments: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PartStatus {
    Pending,
    Complete,
    Failed,
}

/// A part of a payment.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    pub(super) created_index: Whole,
    pub(super) groupid: Whole,
    pub(super) payment_hash: String,
    pub(super) status: PartStatus,
    #[serde(default)]
    pub(super) amount_msat: Option<Whole>,
    pub(super) amount_sent_msat: Whole,
    pub(super) created_at: Whole,
    #[serde(default)]
    pub(super) completed_at: Option<Whole>,
    #[serde(default)]
    pub(super) payment_preimage: Option<String>,
}
