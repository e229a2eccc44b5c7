//! The kinds of events. A new kind begins here: what must know it, the compiler names.

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A wallet was paid.
    PaymentReceived,
    /// A wallet has paid.
    PaymentSent,
    /// An invoice was not paid in time.
    InvoiceExpired,
    /// A user was created.
    UserCreated,
    /// A wallet was created.
    WalletCreated,
    /// A wallet was frozen.
    WalletFrozen,
    /// Nothing: the target is tried.
    Test,
}

impl EventKind {
    /// All that can be subscribed to.
    pub const ALL: [Self; 6] = [
        Self::PaymentReceived,
        Self::PaymentSent,
        Self::InvoiceExpired,
        Self::UserCreated,
        Self::WalletCreated,
        Self::WalletFrozen,
    ];

    /// The name by which it is stored, and by which the API calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentReceived => "payment.received",
            Self::PaymentSent => "payment.sent",
            Self::InvoiceExpired => "invoice.expired",
            Self::UserCreated => "user.created",
            Self::WalletCreated => "wallet.created",
            Self::WalletFrozen => "wallet.frozen",
            Self::Test => "test",
        }
    }

    /// The kind of that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Test]).find(|kind| kind.as_str() == name)
    }

    /// Its bit in [`EventKinds`]; a stored number, so a bit never changes its meaning.
    const fn bit(self) -> i64 {
        match self {
            Self::PaymentReceived => 1,
            Self::PaymentSent => 2,
            Self::InvoiceExpired => 4,
            Self::UserCreated => 8,
            Self::WalletCreated => 16,
            Self::WalletFrozen => 32,
            Self::Test => 0,
        }
    }
}

/// A set of kinds that can be subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventKinds(i64);

impl EventKinds {
    /// From the number that is stored.
    pub const fn from_stored(bits: i64) -> Self {
        Self(bits)
    }

    /// The number to store.
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether a kind is in it.
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds, in their order.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}
