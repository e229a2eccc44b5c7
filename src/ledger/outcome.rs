//! The outcomes of commands, and the reasons for refusing them.

use super::state::Invoice;
use crate::domain::card::limits::LimitExceeded;
use crate::domain::hold::HoldState;
use crate::domain::ids::{HoldId, HoldMoveId, PaymentHash, PaymentRow};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::domain::withdraw::refused::WithdrawRefused;

/// The outcome of an accepted command. Each variant has the name of its command. Callers only see
/// the output: see [`Operation`](super::operation::Operation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An invoice was issued.
    CreateInvoice(Once<Issued>),
    /// An invoice was paid.
    Pay(Once<Paid>),
    /// An invoice was issued without a key.
    IssueForLink(Issued),
    /// A pay link was paid.
    PayLink(Once<Settled>),
    /// A card paid.
    PayByCard(Paid),
    /// A payment to another node has ended.
    EndSend(SendEnded),
    /// What has arrived at the node was booked.
    Receive(Received),
    /// A withdraw link paid.
    PayByWithdrawLink(Paid),
    /// Money was moved without an invoice.
    Transfer(Once<Transferred>),
    /// Money was brought in or taken out.
    Adjust(Adjusted),
    /// Money was put on hold.
    PlaceHolds(Once<HoldsChanged>),
    /// Holds were captured and voided.
    SettleHolds(Once<HoldsChanged>),
    /// Holds whose time was over were closed.
    ExpireHolds(Expired),
    /// What was held for an invoice was captured.
    SettleHeld(Paid),
    /// A hold invoice was cancelled.
    CancelHeld(Cancelled),
    /// Wallets were deleted.
    Close(Closed),
}

/// The result of a request that may be repeated under its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// It was done now.
    Done(T),
    /// The same request was made before under the same key; nothing was done now.
    Replayed {
        /// The rows of the invoice, or of the transfers, from the first request.
        payments: Vec<PaymentRow>,
    },
}

/// The invoice was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued;

/// The invoice was paid, or the payer's money is held for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The payer's row.
    pub row: PaymentRow,
    /// The invoice, in its new state.
    pub invoice: Box<Invoice>,
    /// When it was paid or held.
    pub at: UnixMs,
}

/// The invoice that came with the command was issued and paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// When it was paid.
    pub at: UnixMs,
}

/// All legs were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// When they were moved.
    pub at: UnixMs,
}

/// The balance was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// What the wallet can spend now.
    pub balance: Msat,
    /// Whether the same request was made before under the same idempotency key, so that the balance
    /// changed then and not now.
    pub replayed: bool,
}

/// Holds were placed or settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldsChanged {
    /// The holds, as the last of these moves left each.
    pub holds: Vec<HoldMoveId>,
}

impl HoldsChanged {
    /// What is stored of it under an idempotency key.
    pub(super) fn rows(&self) -> Vec<PaymentRow> {
        self.holds.iter().map(|last| (*last).into()).collect()
    }
}

/// Holds whose time was over were closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// How many.
    pub holds: usize,
}

/// A payment to another node has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendEnded {
    /// It was booked now.
    Now,
    /// It had been booked before; nothing was done now.
    Before,
    /// It has arrived after it had been reported as failed, and was booked now.
    Late {
        /// Whether the payer has paid; otherwise the operator has.
        is_by_payer: bool,
    },
}

/// What has arrived at the node was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was booked now.
    Booked {
        /// Whether it has settled its invoice, and was no more than that.
        as_usual: bool,
        /// Whether some of it belongs to nobody, and lies with the operator's adjustments.
        is_adjustment: bool,
    },
    /// It had been booked before; nothing was done now.
    Before,
    /// It was paid to an invoice that satkeep has not made; nothing was done.
    Unknown,
}

/// The hold invoice can no longer be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

/// The wallets were deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Why a command was refused. If several reasons apply, the first in this order is given;
/// `tests/ledger/precedence.rs` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The key was revoked after the handler had verified it.
    #[error("the key was revoked")]
    KeyRevoked,
    /// The key's wallet is frozen completely.
    #[error("the wallet of the key is frozen")]
    KeyFrozen,
    /// The key's user may no longer create users, which this request requires.
    #[error("the user of the key is not a manager")]
    NotAManager,
    /// A different request was made before under the same idempotency key.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// The user to delete does not exist any more.
    #[error("the user does not exist")]
    UserNotFound,
    /// The user to delete has users of its own, which the request does not name.
    #[error("the user has users of its own")]
    UserHasUsers,
    /// The user gained or lost a wallet or a user while the deletion was in progress.
    #[error("the user's wallets or users have changed meanwhile")]
    WalletsChanged,
    /// A wallet to move money from or to, or to delete, does not exist any more.
    #[error("a wallet does not exist")]
    WalletNotFound {
        /// The leg's index, from 0.
        leg: usize,
    },
    /// Money of a wallet to delete is on hold.
    #[error("money of a wallet is on hold")]
    WalletHasHolds,
    /// A wallet to delete holds money.
    #[error("a wallet holds money")]
    WalletHoldsMoney,
    /// There is no such tap, or it belongs to another card.
    #[error("LNURL-withdraw record not found.")]
    HitNotFound,
    /// The tap has already paid.
    #[error("Payment already claimed.")]
    HitSpent,
    /// The tap has expired.
    #[error("This link has expired.")]
    HitExpired,
    /// The card is disabled.
    #[error("Card is disabled.")]
    CardDisabled,
    /// The withdraw link does not pay this.
    #[error(transparent)]
    Withdraw(#[from] WithdrawRefused),
    /// There is no such hold.
    #[error("the hold does not exist")]
    HoldNotFound {
        /// Which one.
        hold: HoldId,
    },
    /// The hold is for a hold invoice, which its payee settles or cancels.
    #[error("the hold is for an invoice, which its payee settles or cancels")]
    HoldOfInvoice {
        /// Which one.
        hold: HoldId,
    },
    /// The hold was captured or voided before.
    #[error("the hold is closed already")]
    HoldClosed {
        /// Which one.
        hold: HoldId,
        /// How.
        state: HoldState,
    },
    /// The time of the hold is over.
    #[error("the hold has expired")]
    HoldExpired {
        /// Which one.
        hold: HoldId,
    },
    /// The hold does not hold that much any more.
    #[error("the capture exceeds what the hold still holds")]
    CaptureTooLarge {
        /// Which one.
        hold: HoldId,
        /// What remains.
        remaining: Msat,
    },
    /// The group has more open holds than can be settled as a whole.
    #[error("the group has too many open holds to be settled as a whole")]
    GroupTooLarge,
    /// The hold was captured as often as a hold can be.
    #[error("the hold was captured too often")]
    TooManyCaptures {
        /// Which one.
        hold: HoldId,
    },
    /// Another invoice has the payment hash.
    #[error("another invoice has the payment hash")]
    PaymentHashTaken,
    /// The invoice was issued with a preimage of satkeep's.
    #[error("the invoice is not a hold invoice")]
    NotAHoldInvoice,
    /// The invoice is a hold invoice, which this kind of payment cannot wait for.
    #[error("the invoice is a hold invoice")]
    IsAHoldInvoice,
    /// Nobody has paid the hold invoice yet.
    #[error("no payment is held for the invoice")]
    InvoiceNotHeld,
    /// No invoice of ours has this payment hash.
    #[error("the invoice is not one of ours")]
    InvoiceNotFound,
    /// The invoice string is not the one that was issued.
    #[error("the invoice does not match the one issued")]
    InvoiceMismatch,
    /// The invoice was paid before.
    #[error("the invoice is paid already")]
    InvoiceAlreadyPaid,
    /// A payment of this invoice to another node is under way.
    #[error("a payment of this invoice is under way")]
    PaymentUnderWay,
    /// The invoice's wallet was deleted.
    #[error("the invoice was cancelled")]
    InvoiceCancelled,
    /// The invoice has expired.
    #[error("the invoice has expired")]
    InvoiceExpired,
    /// Another payment of the wallet has the external id.
    #[error("another payment of the wallet has the external id")]
    ExternalIdExists {
        /// Which payment.
        payment_hash: PaymentHash,
        /// Which leg, from 0.
        leg: usize,
    },
    /// A wallet that money would leave, or that is to be deleted, is frozen.
    #[error("the wallet is frozen")]
    WalletFrozen {
        /// The leg's index, from 0.
        leg: usize,
    },
    /// The amount exceeds the wallet's limit for one payment.
    #[error("over the wallet's limit for one payment")]
    PaymentLimit {
        /// The leg's index, from 0.
        leg: usize,
    },
    /// The amount exceeds what the wallet may still spend today.
    #[error("over the wallet's limit for one day")]
    DayLimit {
        /// The leg's index, from 0.
        leg: usize,
    },
    /// The amount exceeds one of the card's limits.
    #[error(transparent)]
    CardLimit(#[from] LimitExceeded),
    /// The payer's balance is less than the amount.
    #[error("insufficient balance")]
    InsufficientBalance {
        /// The leg's index, from 0.
        leg: usize,
    },
    /// As much is under way to other nodes as may be at once.
    #[error("too much is under way to other nodes")]
    TooMuchUnderWay,
    /// The receiving wallet is frozen completely.
    #[error("the receiving wallet is frozen")]
    ReceiverFrozen {
        /// The leg's index, from 0.
        leg: usize,
    },
    /// The payee would hold more bitcoin than exist, or more than that would be issued.
    #[error("the receiving wallet cannot hold that much: there are no more than 21000000 bitcoin")]
    BalanceLimit {
        /// The leg's index, from 0.
        leg: usize,
    },
    /// As many invoices as may wait to be paid were issued for the origin already.
    #[error("too many invoices wait to be paid")]
    TooManyOpenInvoices,
    /// No more may be paid for the origin than is paid already or waits to be paid.
    #[error("no more may be paid for this than is paid already or waits to be paid")]
    TooMuchForOrigin,
}

impl Rejection {
    /// The index, from 0, of the movement that was refused, if the reason is about one movement.
    pub const fn leg(self) -> Option<usize> {
        match self {
            Self::WalletNotFound { leg }
            | Self::ExternalIdExists { leg, .. }
            | Self::WalletFrozen { leg }
            | Self::ReceiverFrozen { leg }
            | Self::PaymentLimit { leg }
            | Self::DayLimit { leg }
            | Self::InsufficientBalance { leg }
            | Self::BalanceLimit { leg } => Some(leg),
            Self::KeyRevoked
            | Self::HitNotFound
            | Self::HitSpent
            | Self::HitExpired
            | Self::CardDisabled
            | Self::Withdraw(_)
            | Self::CardLimit(_)
            | Self::KeyFrozen
            | Self::NotAManager
            | Self::IdempotencyConflict
            | Self::UserNotFound
            | Self::UserHasUsers
            | Self::WalletsChanged
            | Self::WalletHoldsMoney
            | Self::WalletHasHolds
            | Self::HoldNotFound { .. }
            | Self::HoldOfInvoice { .. }
            | Self::HoldClosed { .. }
            | Self::HoldExpired { .. }
            | Self::CaptureTooLarge { .. }
            | Self::TooManyCaptures { .. }
            | Self::GroupTooLarge
            | Self::PaymentHashTaken
            | Self::NotAHoldInvoice
            | Self::IsAHoldInvoice
            | Self::InvoiceNotHeld
            | Self::InvoiceNotFound
            | Self::InvoiceMismatch
            | Self::InvoiceAlreadyPaid
            | Self::PaymentUnderWay
            | Self::TooMuchUnderWay
            | Self::InvoiceCancelled
            | Self::InvoiceExpired
            | Self::TooManyOpenInvoices
            | Self::TooMuchForOrigin => None,
        }
    }
}
