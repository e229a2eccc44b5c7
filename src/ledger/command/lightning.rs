//! Commands about payments to and from other nodes.

use super::NewMovement;
use crate::crypto::secret::Sealed;
use crate::domain::ids::{HoldId, InvoiceId, PaymentHash, TransferId};
use crate::domain::money::{Amount, Msat};
use crate::domain::send::{NodeName, SendBounds};
use crate::domain::time::UnixMs;

/// How to pay an invoice of another node. All that it may cost is held until it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSend {
    /// The invoice's payment hash.
    pub payment_hash: PaymentHash,
    /// The invoice, in lower case.
    pub bolt11: String,
    /// What the payee gets.
    pub amount: Amount,
    /// Whether the payer has named the amount, because the invoice names none.
    pub is_amountless: bool,
    /// The most that routing may cost.
    pub fee_max: Msat,
    /// The operator's part of the costs.
    pub service_fee: Msat,
    /// What it is for, as the invoice says.
    pub memo: String,
    /// The time from which the invoice can no longer be paid.
    pub expires_at: UnixMs,
    /// How much may be under way at once.
    pub bounds: SendBounds,
}

/// Ends a payment to another node, as the node says. Ending it again changes nothing; but one that has
/// arrived after it was reported as failed is booked late.
#[derive(Clone, Debug)]
pub struct EndSend {
    /// Its hold.
    pub hold: HoldId,
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// How it has ended.
    pub end: SendEnd,
    /// What the operator is told of it.
    pub note: Option<String>,
}

/// How a payment to another node has ended.
#[derive(Clone, Debug)]
pub enum SendEnd {
    /// It has arrived.
    Settled {
        /// What routing has cost.
        fee: Msat,
        /// The encrypted preimage, bound to [`HoldId::foreign_invoice`].
        preimage: Sealed,
        /// Ids and secrets for what leaves, for the operator's part of the costs, and for what the operator
        /// has to add.
        movements: Box<[NewMovement; 3]>,
    },
    /// It has failed, and nothing of it is under way.
    Failed,
}

/// Books what has arrived at the node: once, whatever has become of the invoice meanwhile (promise I13).
#[derive(Clone, Debug)]
pub struct Receive {
    /// The node.
    pub node: NodeName,
    /// The invoice's payment hash.
    pub payment_hash: PaymentHash,
    /// How much has arrived.
    pub amount: Amount,
    /// When.
    pub received_at: UnixMs,
    /// The invoice, and the encrypted preimage bound to it, where satkeep has not made the preimage itself.
    pub preimage: Option<(InvoiceId, Sealed)>,
    /// The id for the transfer that pays the invoice.
    pub transfer: TransferId,
    /// Ids and secrets for what has arrived beside the invoice's amount.
    pub beside: NewMovement,
}
