//! Ids as newtypes, so that a user's id cannot be used where a wallet's is meant.
//!
//! Ids that clients see are 16 random bytes, shown as 32 lower-case hex characters. Ids of
//! append-only rows (invoices, transfers) are UUIDs of version 7 (RFC 9562): they sort by creation
//! time, so an index on them grows at its end, and "newest first" is their descending order.

use std::fmt;
use std::str::FromStr;

use bitcoin_hashes::hex::{DisplayHex, FromHex};
use serde::{Serialize, Serializer};

use super::text::InvalidText;
use super::time::UnixMs;
use crate::crypto::random;

/// The text or the bytes are not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is {expected_bytes} bytes, or twice as many lower-case hex characters")]
pub struct InvalidId {
    expected_bytes: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Its length in bytes.
            pub const LEN: usize = $len;

            /// From the bytes of the id.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// From bytes of unknown length, as a database returns them.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
                <[u8; $len]>::try_from(bytes)
                    .map(Self)
                    .or(Err(InvalidId { expected_bytes: $len }))
            }

            /// The bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hex(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                <[u8; $len]>::from_hex(text)
                    .map(Self)
                    .or(Err(InvalidId { expected_bytes: $len }))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

id!(
    /// A user or a manager: a manager is a user that creates others.
    UserId, 16
);
id!(
    /// A wallet. Its account in the ledger has the same bytes.
    WalletId, 16
);
id!(
    /// An account of the ledger: a wallet's, or the system's.
    AccountId, 16
);
id!(
    /// An invoice; sorts by time of issue.
    InvoiceId, 16
);
id!(
    /// A transfer; sorts by time.
    TransferId, 16
);
id!(
    /// An event; sorts by time.
    EventId, 16
);
id!(
    /// The row of one side of a payment in its wallet's list: the invoice's id for the payee, the
    /// transfer's or the hold's id for the payer.
    PaymentRow, 16
);
id!(
    /// A token that a manager has made for a program.
    TokenId, 16
);
id!(
    /// A webhook endpoint, to which a manager has its tenant's events sent.
    EndpointId, 16
);
id!(
    /// The owner of deliveries and of a secret: an endpoint's or a wallet's id.
    OwnerId, 16
);
id!(
    /// One delivery of an event to one target. For a payment's own webhook it is the id of the row.
    DeliveryId, 16
);
id!(
    /// The queue in which deliveries wait for each other.
    LineId, 16
);
id!(
    /// A link that anybody may pay. URLs use another name for it.
    PayLinkId, 16
);
id!(
    /// A card that pays from a wallet.
    CardId, 16
);
id!(
    /// A tap of a card, known by the digest of what may be spent with.
    HitId, 16
);
id!(
    /// A link by which anybody who has one is paid. URLs use another name for it.
    WithdrawLinkId, 16
);
id!(
    /// A withdrawal by such a link: what opening it was good for.
    WithdrawalId, 16
);
id!(
    /// What an invoice without a key was issued for: a pay link, or a tap of a card.
    OriginId, 16
);
id!(
    /// A hold; sorts by time. Its last two bytes are zero: see [`HoldMoveId`].
    HoldId, 16
);
id!(
    /// A move of a hold: the hold's id, with the number of the move in its last two bytes. It stands
    /// for the hold as that move left it.
    HoldMoveId, 16
);
id!(
    /// The SHA-256 of a preimage, which BOLT11 calls the payment hash. Clients identify a payment
    /// by it.
    PaymentHash, 32
);

impl UserId {
    /// A new id of 128 random bits.
    pub fn random() -> Self {
        Self(random::bytes())
    }
}

impl WalletId {
    /// A new id of 128 random bits.
    pub fn random() -> Self {
        Self(random::bytes())
    }

    /// The wallet's account in the ledger.
    pub const fn account(self) -> AccountId {
        AccountId(self.0)
    }
}

impl AccountId {
    /// The account that credits come from: the world outside of satkeep. Its balance is the negated
    /// sum of all wallets' balances.
    pub const ISSUANCE: Self = Self(*b"system/issuance/");
    /// What left for the Lightning network, or came from it. Its balance is what came less what left,
    /// negated.
    pub const LIGHTNING: Self = Self(*b"system/lightning");
    /// What the operator earns: fees for payments to other nodes.
    pub const FEES: Self = Self(*b"system/fees/////");
    /// What the operator loses or gains where a payment over Lightning ended otherwise than was told.
    pub const ADJUSTMENTS: Self = Self(*b"system/adjusting");
    /// The accounts that belong to no wallet.
    pub const SYSTEM: [Self; 4] = [Self::ISSUANCE, Self::LIGHTNING, Self::FEES, Self::ADJUSTMENTS];

    /// The wallet that an account belongs to, by its bytes.
    pub const fn wallet(self) -> WalletId {
        WalletId(self.0)
    }
}

impl EventId {
    /// A new id, greater than every earlier one from this process.
    pub fn next() -> Self {
        Self(*uuid::Uuid::now_v7().as_bytes())
    }

    /// Less than or equal to every id created at this time or later.
    pub fn first_at(at: UnixMs) -> Self {
        let mut bytes = [0; 16];
        let ms = u64::try_from(at.get()).unwrap_or_default().min((1 << 48) - 1).to_be_bytes();
        for (place, byte) in bytes.iter_mut().zip(ms.into_iter().skip(2)) {
            *place = byte;
        }
        Self(bytes)
    }
}

impl EndpointId {
    /// A new id of 128 random bits.
    pub fn random() -> Self {
        Self(random::bytes())
    }
}

impl TokenId {
    /// A new id of 128 random bits.
    pub fn random() -> Self {
        Self(random::bytes())
    }
}

impl From<PayLinkId> for OriginId {
    fn from(PayLinkId(link): PayLinkId) -> Self {
        Self(link)
    }
}

impl From<HitId> for OriginId {
    fn from(HitId(hit): HitId) -> Self {
        Self(hit)
    }
}

impl PayLinkId {
    /// A new id of 128 random bits.
    pub fn random() -> Self {
        Self(random::bytes())
    }
}

impl WithdrawLinkId {
    /// A new id of 128 random bits.
    pub fn random() -> Self {
        Self(random::bytes())
    }
}

impl CardId {
    /// A new id of 128 random bits.
    pub fn random() -> Self {
        Self(random::bytes())
    }
}

impl DeliveryId {
    /// A new id, greater than every earlier one from this process.
    pub fn next() -> Self {
        Self(*uuid::Uuid::now_v7().as_bytes())
    }
}

impl From<PaymentRow> for DeliveryId {
    /// A row is sent to the payment's own webhook only once.
    fn from(row: PaymentRow) -> Self {
        Self(row.0)
    }
}

impl PaymentRow {
    /// Less than or equal to every row whose id was created at this time or later.
    pub fn first_at(at: UnixMs) -> Self {
        Self(EventId::first_at(at).0)
    }

    /// The invoice behind a payee's side, by its bytes.
    pub const fn invoice(self) -> InvoiceId {
        InvoiceId(self.0)
    }

    /// The hold behind a payer's pending payment, by its bytes.
    pub const fn hold(self) -> HoldId {
        HoldId(self.0)
    }

    /// The move of a hold, where events and idempotency keys are about one, by its bytes.
    pub const fn hold_move(self) -> HoldMoveId {
        HoldMoveId(self.0)
    }
}

impl PaymentHash {
    /// From the hex characters that a client gives, in either case.
    pub fn from_client(text: &str) -> Result<Self, InvalidText> {
        text.parse().or(Err(InvalidText::Form("64 hex characters")))
    }
}

impl From<InvoiceId> for PaymentRow {
    /// The payee's side.
    fn from(id: InvoiceId) -> Self {
        Self(id.0)
    }
}

impl From<HoldId> for PaymentRow {
    /// What is held, as the payer's pending payment.
    fn from(id: HoldId) -> Self {
        Self(id.0)
    }
}

impl From<HoldMoveId> for PaymentRow {
    /// What is stored in its place for a hold: see [`PaymentRow::hold_move`].
    fn from(id: HoldMoveId) -> Self {
        Self(id.0)
    }
}

impl From<TransferId> for PaymentRow {
    /// The payer's side.
    fn from(id: TransferId) -> Self {
        Self(id.0)
    }
}

impl HoldId {
    /// A new id, greater than every earlier one from this process.
    pub fn next() -> Self {
        TransferId::next().into()
    }

    /// The move of this hold with that number, from 1.
    pub fn at_move(self, number: u16) -> HoldMoveId {
        let mut id = self.0;
        for (place, byte) in id.iter_mut().rev().zip(number.to_be_bytes().into_iter().rev()) {
            *place = byte;
        }
        HoldMoveId(id)
    }
}

impl From<TransferId> for HoldId {
    /// The hold for a payment that waits for its preimage. The bytes that are lost are random ones:
    /// ids made by one process differ in the others.
    fn from(TransferId(id): TransferId) -> Self {
        HoldMoveId(id).hold()
    }
}

impl HoldId {
    /// The transfer that a payment to another node ends with: it has the bytes of the hold, so that the
    /// payment is one row from beginning to end.
    pub const fn sent(self) -> TransferId {
        TransferId(self.0)
    }

    /// What the preimage of a payment to another node is bound to, which has no invoice here: the bytes of
    /// the hold.
    pub const fn foreign_invoice(self) -> InvoiceId {
        InvoiceId(self.0)
    }

    /// When it was placed.
    pub fn placed_at(self) -> UnixMs {
        let mut ms = [0; 8];
        for (place, byte) in ms.iter_mut().skip(2).zip(self.0) {
            *place = byte;
        }
        UnixMs::new(i64::from_be_bytes(ms))
    }
}

impl HoldMoveId {
    /// The hold.
    pub fn hold(self) -> HoldId {
        HoldId(HoldId(self.0).at_move(0).0)
    }

    /// The number of the move, from 1.
    pub const fn number(self) -> u16 {
        let [.., high, low] = self.0;
        u16::from_be_bytes([high, low])
    }
}

impl OwnerId {
    /// The endpoint, if it is one, by its bytes.
    pub const fn endpoint(self) -> EndpointId {
        EndpointId(self.0)
    }

    /// The wallet, if it is one, by its bytes.
    pub const fn wallet(self) -> WalletId {
        WalletId(self.0)
    }
}

impl From<EndpointId> for OwnerId {
    fn from(id: EndpointId) -> Self {
        Self(id.0)
    }
}

impl From<WalletId> for OwnerId {
    fn from(id: WalletId) -> Self {
        Self(id.0)
    }
}

impl InvoiceId {
    /// A new id, greater than every earlier one from this process.
    pub fn next() -> Self {
        Self(*uuid::Uuid::now_v7().as_bytes())
    }
}

impl TransferId {
    /// A new id, greater than every earlier one from this process.
    pub fn next() -> Self {
        Self(*uuid::Uuid::now_v7().as_bytes())
    }
}
