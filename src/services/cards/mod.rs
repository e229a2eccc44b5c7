//! Bolt Cards: cards that pay from a wallet, what their owners do with them, and what everybody may
//! do to whom one is shown.

mod manage;
mod programming;
mod refunds;
mod spend;
mod taps;

pub use manage::{CardChange, CardTerms, Issuer, create, delete, list, set_enabled, update};
pub use programming::{Programming, renew_otp, take_keys};
pub use refunds::{RefundLink, refund_invoice, refund_link, refunds};
pub use spend::{pay, payer};
pub use taps::{Offer, Shown, Unpaid, hits, scan, scan_and_pay};

pub use crate::store::cards::hits::{Hit, Refund};
pub use crate::store::cards::{Card, Whose};

use super::callers::WalletKey;
use super::{Error, StoreError};
use crate::crypto::secret::Sealer;
use crate::domain::card::limits::LimitExceeded;
use crate::domain::card::secrets::CardSecrets;
use crate::domain::card::sun::SunError;
use crate::domain::lnurl::sendable::PayRefused;
use crate::ledger::outcome::Rejection;

/// What payments with cards, and refunds, are marked with in their wallet's list, as in LNbits.
const TAG: &str = "boltcards";
/// For how long a new code can be used, in seconds.
pub const OTP_S: i64 = 3600;
/// For how long a tap can be paid with, in seconds.
pub const HIT_S: i64 = 60;

/// A card, with its secrets where the caller may know them.
#[derive(Debug)]
pub struct CardRecord {
    /// The card.
    pub card: Card,
    /// Its secrets.
    pub secrets: Option<CardSecrets>,
}

impl CardRecord {
    /// A card with its secrets.
    fn revealed(sealer: &Sealer, card: Card) -> Result<Self, StoreError> {
        let secrets = CardSecrets::unseal(sealer, card.id, &card.secrets)?;
        Ok(Self { card, secrets: Some(secrets) })
    }
}

/// Whose cards a key asks for.
pub const fn whose(key: WalletKey, all_wallets: bool) -> Whose {
    if all_wallets { Whose::User(key.user()) } else { Whose::Wallet(key.wallet()) }
}

/// Why a card or a link of one does not do what a wallet or a till asks for, in the words that
/// these know.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// No card has this in its URL, or its wallet is gone.
    #[error("Card not found.")]
    CardNotFound,
    /// The card's owner has switched it off.
    #[error("Card is disabled.")]
    CardDisabled,
    /// The card has not proved that it was there.
    #[error(transparent)]
    Sun(#[from] SunError),
    /// Its limits let nothing more be spent.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// There is no such tap.
    #[error("LNURL-withdraw record not found.")]
    HitNotFound,
    /// Who asks does not show what the tap is paid with.
    #[error("Missing K1 token")]
    NoToken,
    /// It is another one's.
    #[error("K1 token does not match.")]
    OtherToken,
    /// Nothing is to be paid.
    #[error("Missing payment request.")]
    NoRequest,
    /// The text is no invoice.
    #[error("Failed to decode payment request.")]
    InvalidRequest,
    /// The invoice leaves the amount to the payer.
    #[error("Invoice has no amount.")]
    Amountless,
    /// The tap has paid, or its time is over.
    #[error(transparent)]
    Hit(Rejection),
    /// The ledger does not pay it.
    #[error("Payment failed - {0}.")]
    NotPaid(Rejection),
    /// Nothing was paid, so nothing can be paid back.
    #[error("Nothing was paid with this link, so nothing can be paid back.")]
    NothingToRefund,
    /// So much cannot be paid back.
    #[error(transparent)]
    NotRefundable(#[from] PayRefused),
    /// What was paid is paid back, or somebody has an invoice for it.
    #[error("So much was paid back already, or an invoice for it waits to be paid.")]
    RefundedAlready,
    /// The card's wallet takes nothing now.
    #[error("The wallet of this card takes no payments now.")]
    NotReceiving,
    /// Too many invoices for the refund wait to be paid.
    #[error("Too many invoices of this link wait to be paid; try again later.")]
    TooManyOpenInvoices,
    /// It was not looked at.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<StoreError> for CardError {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl CardError {
    /// Whether it is known that nothing was paid, and that the same would be refused again: what is not
    /// known, or not decided, may still be paid.
    const fn is_final(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::NotPaid(_) | Self::CardDisabled | Self::InvalidRequest | Self::Amountless)
    }
}

/// From an error of the store, where a tap is looked for.
fn of_hit(error: StoreError) -> CardError {
    if matches!(error, StoreError::NotFound) { CardError::HitNotFound } else { error.into() }
}
