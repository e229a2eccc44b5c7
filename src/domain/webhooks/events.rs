//! The kinds of events. To add a kind, start here: the compiler points to all code that must know
//! it.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A wallet received a payment.
    PaymentReceived,
    /// A wallet sent a payment.
    PaymentSent,
    /// A payment to another node has failed, and costs nothing.
    PaymentFailed,
    /// An invoice was not paid in time.
    InvoiceExpired,
    /// Money of a wallet was put on hold.
    HoldPlaced,
    /// Money was paid out of a hold.
    HoldCaptured,
    /// What was left of a hold was given back: it was voided, or has expired.
    HoldReleased,
    /// A user was created.
    UserCreated,
    /// A wallet was created.
    WalletCreated,
    /// A wallet was frozen.
    WalletFrozen,
    /// Nothing: a test of the target.
    Test,
}

impl EventKind {
    /// All kinds that can be subscribed to.
    pub const ALL: [Self; 10] = [
        Self::PaymentReceived,
        Self::PaymentSent,
        Self::PaymentFailed,
        Self::InvoiceExpired,
        Self::HoldPlaced,
        Self::HoldCaptured,
        Self::HoldReleased,
        Self::UserCreated,
        Self::WalletCreated,
        Self::WalletFrozen,
    ];

    /// The name in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentReceived => "payment.received",
            Self::PaymentSent => "payment.sent",
            Self::PaymentFailed => "payment.failed",
            Self::InvoiceExpired => "invoice.expired",
            Self::HoldPlaced => "hold.placed",
            Self::HoldCaptured => "hold.captured",
            Self::HoldReleased => "hold.released",
            Self::UserCreated => "user.created",
            Self::WalletCreated => "wallet.created",
            Self::WalletFrozen => "wallet.frozen",
            Self::Test => "test",
        }
    }

    /// The kind with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Test]).find(|kind| kind.as_str() == name)
    }

    /// Its bit in [`EventKinds`]; the number is stored, so a bit never changes its meaning.
    const fn bit(self) -> i64 {
        match self {
            Self::PaymentReceived => 1,
            Self::PaymentSent => 2,
            Self::InvoiceExpired => 4,
            Self::UserCreated => 8,
            Self::WalletCreated => 16,
            Self::WalletFrozen => 32,
            Self::HoldPlaced => 64,
            Self::HoldCaptured => 128,
            Self::HoldReleased => 256,
            Self::PaymentFailed => 512,
            Self::Test => 0,
        }
    }
}

/// A set of kinds that can be subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventKinds(i64);

impl EventKinds {
    /// From the stored number.
    pub const fn from_stored(bits: i64) -> Self {
        Self(bits)
    }

    /// The number to store.
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether it contains a kind.
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The union of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds, in order.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}
