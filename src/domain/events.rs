//! Events: what others are told of, in which order, how often it is tried, and how it is
//! signed. Pure.

use std::fmt;

use bitcoin_hashes::hex::{DisplayHex, FromHex};
use bitcoin_hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use zeroize::Zeroizing;

use super::consumer::Consumer;
use super::ids::AccountId;
use super::random;
use super::secret::{Purpose, Sealed, Sealer, UnsealError};
use super::time::UnixMs;

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

/// Seconds between one attempt and the next, but for the jitter: about 31 hours in all.
const BACK_OFF_S: [i64; 13] = [1, 5, 30, 120, 600, 1800, 3600, 7200, 14_400, 18_000, 21_600, 21_600, 21_600];

/// After so many failures an event leaves its line, and those behind it go on.
const FAILURES_IN_LINE: i64 = 2;

/// When to try again after so many attempts, all of which failed; `None` once there were
/// enough of them. `jitter` is any number: it shifts the time by up to a quarter either way, so
/// that what failed together does not come back together.
pub fn next_attempt(now: UnixMs, attempts: i64, jitter: u16) -> Option<UnixMs> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    let ms = BACK_OFF_S.get(index)?.saturating_mul(1000);
    let shift = (i64::from(jitter) - 32_768).saturating_mul(ms) / (4 * 32_768);
    Some(UnixMs::new(now.get().saturating_add(ms).saturating_add(shift)))
}

/// Whether an event that has failed so often still holds its line up: order is kept as far as a
/// failing target allows.
pub const fn holds_its_line(attempts: i64) -> bool {
    attempts <= FAILURES_IN_LINE
}

/// The line in which the events of one wallet wait for one target: a digest, because only being
/// the same matters.
pub fn line(account: Option<AccountId>, owner: &[u8; 16], place: &str) -> [u8; 16] {
    let mut engine = sha256::Hash::engine();
    engine.input(account.map_or([0; 16], |account| *account.as_bytes()).as_slice());
    engine.input(owner);
    engine.input(place.as_bytes());
    let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        sha256::Hash::from_engine(engine).to_byte_array();
    first
}

/// Where deliveries go, as far as fairness matters: a host is slow for one tenant alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Whose share the deliveries are charged to.
    pub consumer: Consumer,
    /// Host and port of the target.
    pub host: String,
}

/// Whose secret signs: an endpoint's for what goes to it, a wallet's for the webhooks of its own
/// invoices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// An endpoint.
    Endpoint,
    /// A wallet.
    Wallet,
}

impl OwnerKind {
    /// The name by which it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Wallet => "wallet",
        }
    }

    /// The owner of that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Endpoint, Self::Wallet].into_iter().find(|kind| kind.as_str() == name)
    }

    /// What its sealed secret is.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Endpoint => Purpose::EndpointSecret,
            Self::Wallet => Purpose::WalletSecret,
        }
    }
}

/// What the body of an invoice's own webhook looks like. Endpoints are told of events, which have
/// one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFormat {
    /// As the reference describes it: `amount` in sat, `comment`, and the fields of a payment.
    Reference,
    /// LNbits' payment: `amount` in msat.
    Lnbits,
}

impl WebhookFormat {
    /// The name by which it is stored, and by which the API calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Lnbits => "lnbits",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reference, Self::Lnbits].into_iter().find(|format| format.as_str() == name)
    }
}

/// What signs webhooks: 64 hex characters, which are the key as they stand. Wiped when dropped,
/// never shown by `Debug`.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<String>);

impl WebhookSecret {
    /// A new secret of 256 random bits.
    pub fn generate() -> Self {
        Self(Zeroizing::new(random::secret_bytes::<32>().to_lower_hex_string()))
    }

    /// The secret itself, for its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As the database keeps it.
    pub fn seal(&self, sealer: &Sealer, kind: OwnerKind, owner: &[u8; 16]) -> Sealed {
        sealer.seal(kind.purpose(), owner, self.0.as_bytes())
    }

    /// Out of what [`WebhookSecret::seal`] made.
    pub fn unseal(sealer: &Sealer, kind: OwnerKind, owner: &[u8; 16], sealed: &[u8]) -> Result<Self, UnsealError> {
        let plain = sealer.unseal(kind.purpose(), owner, sealed)?;
        let text = std::str::from_utf8(&plain).or(Err(UnsealError))?;
        <[u8; 32]>::from_hex(text).or(Err(UnsealError))?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The header `X-Satkeep-Signature` of a body that is sent at this time.
    pub fn sign(&self, at: UnixMs, body: &str) -> String {
        let seconds = at.seconds();
        let mut engine = HmacEngine::<sha256::Hash>::new(self.0.as_bytes());
        engine.input(format!("{seconds}.").as_bytes());
        engine.input(body.as_bytes());
        format!("t={seconds},v1={}", Hmac::<sha256::Hash>::from_engine(engine).to_byte_array().to_lower_hex_string())
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}
