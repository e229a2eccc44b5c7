//! Commands about holds and hold invoices.

use super::{Authority, NewMovement};
use crate::crypto::secret::Sealed;
use crate::domain::extra::Extra;
use crate::domain::hold::HoldGroup;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{AccountId, HoldId, PaymentHash, TransferId, UserId};
use crate::domain::money::Amount;
use crate::domain::time::UnixMs;

/// Money to put on hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// Its id.
    pub id: HoldId,
    /// The account whose money is held.
    pub account: AccountId,
    /// The group that it belongs to, if any.
    pub group: Option<HoldGroup>,
    /// The hash that clients find it by among the account's payments.
    pub payment_hash: PaymentHash,
    /// How much.
    pub amount: Amount,
    /// What it is for; may be empty.
    pub memo: String,
    /// The client's own data.
    pub extra: Option<Extra>,
    /// The time from which it can no longer be captured.
    pub expires_at: UnixMs,
}

/// Puts money on hold: all of it or none.
#[derive(Clone, Debug)]
pub struct PlaceHolds {
    /// The manager's wallet whose key asks for it.
    pub authority: Authority,
    /// The manager, to whom the groups belong.
    pub manager: UserId,
    /// The idempotency key of the request.
    pub claim: Option<Claim>,
    /// The holds, in order.
    pub holds: Vec<NewHold>,
}

/// Somebody to be paid out of a hold.
#[derive(Clone, Debug)]
pub struct Payout {
    /// Ids and secrets for the movement.
    pub movement: NewMovement,
    /// The payee.
    pub to: AccountId,
    /// How much; `None` for what remains.
    pub amount: Option<Amount>,
}

/// Pays out of a hold.
#[derive(Clone, Debug)]
pub struct CaptureHold {
    /// The hold.
    pub hold: HoldId,
    /// Who is paid, in order.
    pub to: Vec<Payout>,
    /// Whether what remains is given back.
    pub is_final: bool,
}

/// Captures and voids holds: all of it or nothing.
#[derive(Clone, Debug)]
pub struct SettleHolds {
    /// The manager's wallet whose key asks for it.
    pub authority: Authority,
    /// The idempotency key of the request.
    pub claim: Option<Claim>,
    /// What to pay out, in order.
    pub captures: Vec<CaptureHold>,
    /// The holds to void.
    pub voids: Vec<HoldId>,
    /// A group of a manager: its open holds that are not named are voided.
    pub group: Option<(UserId, HoldGroup)>,
}

/// The most open holds of a group that are voided as a whole, without being named.
pub const GROUP_HOLDS_MAX: usize = 1000;
/// The most open holds of a group that are settled at once: as many again can be named. A store reads
/// one more of a group that has more, so that this is noticed.
pub const GROUP_READ_MAX: usize = 2 * GROUP_HOLDS_MAX;

/// Gives back what holds hold whose time is over. Those that are closed already, or not over, are
/// left alone, so anybody may ask for it at any time.
#[derive(Clone, Debug)]
pub struct ExpireHolds {
    /// The holds, with the payment hashes of the invoices that they are for.
    pub holds: Vec<(HoldId, Option<PaymentHash>)>,
}

/// Captures what is held for a hold invoice.
#[derive(Clone, Debug)]
pub struct SettleHeld {
    /// The payee.
    pub authority: Authority,
    /// The id for the transfer.
    pub transfer: TransferId,
    /// The invoice.
    pub payment_hash: PaymentHash,
    /// The encrypted preimage of that hash.
    pub preimage: Sealed,
}

/// Cancels a hold invoice; what is held for it is given back.
#[derive(Clone, Debug)]
pub struct CancelHeld {
    /// The payee.
    pub authority: Authority,
    /// The invoice.
    pub payment_hash: PaymentHash,
}
