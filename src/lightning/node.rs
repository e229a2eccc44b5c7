//! What satkeep asks of a Lightning node.
//!
//! A node is another program, behind a network. Whatever it answers is a hint until it is final: only
//! [`PaymentAtNode::Settled`] and [`PaymentAtNode::Failed`] end a payment, and only
//! [`Receipt`]s make money arrive. An answer that did not come, or cannot be understood, is never
//! taken for a failure.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::domain::ids::PaymentHash;
use crate::domain::money::{Amount, Msat};
use crate::domain::node::Preimage;
use crate::domain::time::UnixMs;

/// What a method of a node gives, in time.
pub type Answer<'a, T> = BoxFuture<'a, T>;

/// A Lightning node.
pub trait Node: Send + Sync + fmt::Debug {
    /// What the node is, for people: `LND at host:8080`. Holds no secret.
    fn name(&self) -> String;

    /// What this kind of node can do.
    fn abilities(&self) -> Abilities;

    /// Makes an invoice at the node. Where it takes our preimage, asking again with the same one gives the
    /// same invoice, or an error, but never a second one. Where it does not, asking again makes another one,
    /// and nobody has ever seen the text of the first.
    fn create_invoice(&self, order: InvoiceOrder) -> Answer<'_, Result<InvoiceMade, NodeError>>;

    /// Makes an invoice unpayable. Idempotent.
    fn cancel_invoice(&self, hash: PaymentHash) -> Answer<'_, Result<Cancelled, NodeError>>;

    /// What is known of an invoice.
    fn find_invoice(&self, hash: PaymentHash) -> Answer<'_, Result<InvoiceAtNode, NodeError>>;

    /// What was received after the cursor, in the order of the node, each with the cursor that comes
    /// after it. Waits for at most `wait` while there is nothing. May tell of the same receipt more than
    /// once, and of invoices that satkeep has not made; never leaves out one between two cursors.
    fn received_since(&self, cursor: Cursor, wait: Duration) -> Answer<'_, Result<Vec<Received>, NodeError>>;

    /// Starts to pay an invoice. The fee never exceeds [`PaymentOrder::fee_max`]. Nothing that happens
    /// to the request stops the payment, once it has started.
    fn send(&self, order: PaymentOrder) -> Answer<'_, SendOutcome>;

    /// What is known of the payment with this hash, the newest attempt if there were several. While it is
    /// under way, waits for at most `wait` for its end.
    fn find_payment(&self, hash: PaymentHash, wait: Duration) -> Answer<'_, Result<PaymentAtNode, NodeError>>;

    /// Who the node is, and its clock.
    fn identity(&self) -> Answer<'_, Result<Identity, NodeError>>;

    /// What the node could send and receive.
    fn balance(&self) -> Answer<'_, Result<NodeBalance, NodeError>>;

    /// All payments that the node has started since then, for the audit.
    fn payments_since(&self, since: UnixMs) -> Answer<'_, Result<Vec<PaymentListed>, NodeError>>;

    /// All that the node has received since then, for the audit.
    fn receipts_since(&self, since: UnixMs) -> Answer<'_, Result<Vec<Receipt>, NodeError>>;
}

/// What a kind of node can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, and all combinations may be")]
pub struct Abilities {
    /// Whether it makes invoices with a preimage of ours. Otherwise it chooses one, and tells it when the
    /// invoice is paid, or at once.
    pub takes_preimage: bool,
    /// Whether an invoice can be cancelled.
    pub cancels: bool,
    /// Whether it makes invoices with the hash of a description.
    pub description_hash: bool,
    /// Whether it can pay invoices that name no amount.
    pub amountless: bool,
}

/// An invoice to make at the node.
#[derive(Clone, Debug)]
pub struct InvoiceOrder {
    /// The preimage, where the node takes one.
    pub preimage: Preimage,
    /// The amount.
    pub amount: Amount,
    /// What the payment is for.
    pub description: Description,
    /// How long it can be paid, in seconds.
    pub expiry_seconds: u64,
}

/// What an invoice says of its purpose (BOLT 11, fields `d` and `h`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// A text.
    Text(String),
    /// The SHA-256 of a longer text.
    Hash([u8; 32]),
}

/// An invoice that the node has made.
#[derive(Clone, Debug)]
pub struct InvoiceMade {
    /// Its text, in lower case.
    pub bolt11: String,
    /// Its payment hash: of our preimage, where the node takes one.
    pub payment_hash: PaymentHash,
    /// The preimage, where the node has chosen it and tells it at once.
    pub preimage: Option<Preimage>,
}

/// Whether an invoice was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It can never be paid now.
    Done,
    /// It was paid before, or is being paid.
    TooLate,
    /// The node does not know it.
    NotFound,
    /// Such a node cannot cancel.
    Unsupported,
}

/// What a node knows of an invoice.
#[derive(Clone, Debug)]
pub enum InvoiceAtNode {
    /// There is none.
    NotFound,
    /// It waits to be paid.
    Open,
    /// It can never be paid.
    Cancelled,
    /// It was paid.
    Settled(Receipt),
}

/// Money that has arrived: final.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The hash of the invoice that it was paid to.
    pub payment_hash: PaymentHash,
    /// How much has arrived, which may be more than was asked for.
    pub amount: Amount,
    /// When.
    pub at: UnixMs,
    /// The preimage, if the node tells it.
    pub preimage: Option<Preimage>,
}

/// A receipt, and where the node's list goes on.
#[derive(Clone, Debug)]
pub struct Received {
    /// What has arrived.
    pub receipt: Receipt,
    /// The cursor after it.
    pub cursor: Cursor,
}

/// A place in the list of what a node has received; zero is its beginning. What the number means is the
/// node's own affair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub i64);

/// A payment to send.
#[derive(Clone, Debug)]
pub struct PaymentOrder {
    /// The invoice, in lower case.
    pub bolt11: String,
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// The amount, for an invoice that names none.
    pub amount: Option<Amount>,
    /// The most that routing may cost.
    pub fee_max: Msat,
    /// How long the node looks for routes. A payment that is on its way by then goes on.
    pub time: Duration,
}

/// What a node says to a payment that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is under way, or has ended: [`Node::find_payment`] tells.
    Accepted,
    /// The node has looked at it and has not started it, for this reason.
    Refused(String),
    /// Nobody knows: it may be under way.
    Unclear(String),
}

/// What a node knows of a payment.
#[derive(Clone, Debug)]
pub enum PaymentAtNode {
    /// There is none. A node whose database was lost says this too.
    NotFound,
    /// Under way: it may still succeed.
    InFlight,
    /// It has arrived: final.
    Settled(Sent),
    /// It has failed, and nothing of it is under way: final for this attempt.
    Failed {
        /// Which attempt. An earlier one of the same hash may have failed long ago.
        attempt: Attempt,
        /// Why, in the node's words.
        reason: String,
    },
}

/// What tells attempts of one payment hash apart: a number of the node that grows, or differs, with
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt(pub i64);

/// A payment that has arrived.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The proof.
    pub preimage: Preimage,
    /// What routing has cost.
    pub fee: Msat,
    /// What has arrived at the payee.
    pub amount: Amount,
    /// When.
    pub at: UnixMs,
}

/// A payment in the list of a node.
#[derive(Clone, Debug)]
pub struct PaymentListed {
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// What became of it.
    pub state: PaymentAtNode,
}

/// Who a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its public key in hex, or another name that no other node has.
    pub id: String,
    /// The name that it gives itself.
    pub alias: String,
    /// Its software.
    pub version: String,
    /// Whether it has seen the newest blocks, where it tells.
    pub is_synced: bool,
    /// The network: `bitcoin`, `testnet`, `signet` or `regtest`, where it tells.
    pub network: Option<String>,
    /// The time by the node's clock, where it tells: that of the newest block, if nothing better.
    pub time: Option<UnixMs>,
}

/// What a node could send and receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeBalance {
    /// In channels, and its own.
    pub local: Msat,
    /// What others could send to it at most, where it tells.
    pub remote: Option<Msat>,
    /// On the chain, where it tells.
    pub onchain: Option<Msat>,
}

/// Why a node gave no answer. None of these says anything of a payment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// It could not be reached, or did not answer in time.
    #[error("the node cannot be reached: {0}")]
    Unreachable(String),
    /// It is there, but not ready: locked, starting, not synced.
    #[error("the node is not ready: {0}")]
    NotReady(String),
    /// It does not accept our secret, or the secret does not allow this.
    #[error("the node does not let us in: {0}")]
    Unauthorized(String),
    /// It refuses what was asked for.
    #[error("the node refuses: {0}")]
    Refused(String),
    /// It cannot do this.
    #[error("this kind of node cannot {0}")]
    Unsupported(&'static str),
    /// Its answer cannot be understood.
    #[error("the node's answer cannot be understood: {0}")]
    Unreadable(String),
}

impl NodeError {
    /// Whether it is of this one question, so that others may well be answered.
    pub const fn is_of_one_question(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Unsupported(_) | Self::Unreadable(_) => true,
            Self::Unreachable(_) | Self::NotReady(_) | Self::Unauthorized(_) => false,
        }
    }
}
