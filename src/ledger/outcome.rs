//! What a command came to, or why it was refused.

use super::state::Invoice;
use crate::domain::card::limits::LimitExceeded;
use crate::domain::ids::{PaymentHash, PaymentRow};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;

/// What an accepted command of any kind came to; each has the name of its command. Callers see
/// the output alone: see [`Operation`](super::operation::Operation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Of the issue of an invoice.
    CreateInvoice(Once<Issued>),
    /// Of a payment.
    Pay(Once<Paid>),
    /// Of the issue of an invoice that no key asked for.
    IssueForLink(Issued),
    /// Of a payment to a pay link.
    PayLink(Once<Settled>),
    /// Of a payment with a card.
    PayByCard(Paid),
    /// Of movements without an invoice.
    Transfer(Once<Transferred>),
    /// Of money that came in, or was taken out.
    Adjust(Adjusted),
    /// Of a deletion.
    Close(Closed),
}

/// What came of something that may be asked again under its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// It is done now.
    Done(T),
    /// The same was asked before under the same key: nothing has happened now.
    Replayed {
        /// The rows of the invoice, or of the transfers, that came of it then.
        payments: Vec<PaymentRow>,
    },
}

/// The invoice is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued;

/// The invoice is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The invoice.
    pub invoice: Box<Invoice>,
    /// When it was paid.
    pub at: UnixMs,
}

/// The invoice that came with the command is issued and paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// When.
    pub at: UnixMs,
}

/// All legs were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// When.
    pub at: UnixMs,
}

/// The balance has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// What the wallet holds now.
    pub balance: Msat,
    /// Whether it was asked before under the same idempotency key, and has changed then.
    pub replayed: bool,
}

/// The wallets are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Why a command was refused. Where several reasons hold, the first in this order is
/// given; `tests/ledger/precedence.rs` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The key was revoked after the handler had proved it.
    #[error("the key was revoked")]
    KeyRevoked,
    /// The wallet of the key is frozen for everything.
    #[error("the wallet of the key is frozen")]
    KeyFrozen,
    /// The user of the key may no longer create users, and only one who may can ask for this.
    #[error("the user of the key is not a manager")]
    NotAManager,
    /// Something else was asked before under the same idempotency key.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// The user to delete is gone.
    #[error("the user does not exist")]
    UserNotFound,
    /// The user to delete has users of its own, and who asks does not delete these.
    #[error("the user has users of its own")]
    UserHasUsers,
    /// The user got or lost a wallet or a user while the deletion was under way.
    #[error("the user's wallets or users have changed meanwhile")]
    WalletsChanged,
    /// A wallet to move money from or to, or to delete, is gone.
    #[error("a wallet does not exist")]
    WalletNotFound {
        /// Which leg, from 0.
        leg: usize,
    },
    /// A wallet to delete holds money.
    #[error("a wallet holds money")]
    WalletHoldsMoney,
    /// There is no such tap, or not of this card.
    #[error("LNURL-withdraw record not found.")]
    HitNotFound,
    /// The tap has paid.
    #[error("Payment already claimed.")]
    HitSpent,
    /// The tap's time is over.
    #[error("This link has expired.")]
    HitExpired,
    /// The card may not pay.
    #[error("Card is disabled.")]
    CardDisabled,
    /// No invoice of ours has the payment hash.
    #[error("the invoice is not one of ours")]
    InvoiceNotFound,
    /// The text is not the one that was issued.
    #[error("the invoice does not match the one issued")]
    InvoiceMismatch,
    /// The invoice was paid before.
    #[error("the invoice is paid already")]
    InvoiceAlreadyPaid,
    /// The invoice's wallet was deleted.
    #[error("the invoice was cancelled")]
    InvoiceCancelled,
    /// The invoice's time is over.
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
    /// A wallet that money is to leave, or that is to be deleted, is frozen.
    #[error("the wallet is frozen")]
    WalletFrozen {
        /// Which leg, from 0.
        leg: usize,
    },
    /// The amount is over what the wallet may spend with one payment.
    #[error("over the wallet's limit for one payment")]
    PaymentLimit {
        /// Which leg, from 0.
        leg: usize,
    },
    /// The amount is over what the wallet may still spend on this day.
    #[error("over the wallet's limit for one day")]
    DayLimit {
        /// Which leg, from 0.
        leg: usize,
    },
    /// The card's limits do not let the amount be spent.
    #[error(transparent)]
    CardLimit(#[from] LimitExceeded),
    /// The payer has less than the amount.
    #[error("insufficient balance")]
    InsufficientBalance {
        /// Which leg, from 0.
        leg: usize,
    },
    /// The wallet that money is to come to is frozen for everything.
    #[error("the receiving wallet is frozen")]
    ReceiverFrozen {
        /// Which leg, from 0.
        leg: usize,
    },
    /// The payee would hold more than there are bitcoin, or more than that would be issued.
    #[error("the receiving wallet cannot hold that much: there are no more than 21000000 bitcoin")]
    BalanceLimit {
        /// Which leg, from 0.
        leg: usize,
    },
}

impl Rejection {
    /// Which movement of several was refused, from 0, where it was one of them.
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
            | Self::CardLimit(_)
            | Self::KeyFrozen
            | Self::NotAManager
            | Self::IdempotencyConflict
            | Self::UserNotFound
            | Self::UserHasUsers
            | Self::WalletsChanged
            | Self::WalletHoldsMoney
            | Self::InvoiceNotFound
            | Self::InvoiceMismatch
            | Self::InvoiceAlreadyPaid
            | Self::InvoiceCancelled
            | Self::InvoiceExpired => None,
        }
    }
}
