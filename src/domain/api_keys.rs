//! API keys: 128 random bits that clients send as 32 lower-case hex characters.
//!
//! A key is looked up by its SHA-256 digest. The key is random and long, so a fast hash is enough,
//! and someone who can read the database cannot reverse the digest. Because the documented workflow
//! shows wallet keys to the manager repeatedly, the key itself is stored as well, but encrypted
//! (see [`crate::crypto::secret`]).

use std::fmt;

use bitcoin_hashes::hex::DisplayHex;
use bitcoin_hashes::{Hash, sha256};
use zeroize::Zeroizing;

use crate::crypto::random;
use crate::crypto::secret::{Purpose, Sealed, Sealer, UnsealError};
use crate::domain::ids::WalletId;

/// What a key permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Reading and receiving.
    Invoice,
    /// Spending as well.
    Admin,
}

impl KeyKind {
    /// Both kinds: every wallet has one key of each.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Invoice];

    /// The name under which the kind is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Admin => "admin",
        }
    }

    /// The kind with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The purpose of a sealed key of this kind.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Invoice => Purpose::InvoiceKey,
            Self::Admin => Purpose::AdminKey,
        }
    }
}

/// The number for a new generation of a wallet's keys. It is random, so that no two generations
/// share a number, not even with one that a failover has lost: a process may still have its keys
/// cached.
pub fn new_generation() -> i64 {
    i64::from_be_bytes(random::bytes())
}

/// The key itself: wiped when dropped, never shown by `Debug`.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// A new key.
    pub fn generate() -> Self {
        let bytes = random::secret_bytes::<16>();
        Self(Zeroizing::new(bytes.to_lower_hex_string()))
    }

    /// The key that a client sent, whatever it is.
    pub fn from_client(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text of the key, for the response that hands it out.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest that the key is looked up by.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(sha256::Hash::hash(self.0.as_bytes()).to_byte_array())
    }

    /// Encrypts the key for storage, bound to its wallet and kind.
    pub fn seal(&self, sealer: &Sealer, wallet: WalletId, kind: KeyKind) -> Sealed {
        sealer.seal(kind.purpose(), wallet.as_bytes(), self.0.as_bytes())
    }

    /// Decrypts what [`ApiKey::seal`] made.
    pub fn unseal(sealer: &Sealer, wallet: WalletId, kind: KeyKind, sealed: &[u8]) -> Result<Self, UnsealError> {
        let plain = sealer.unseal(kind.purpose(), wallet.as_bytes(), sealed)?;
        let text = std::str::from_utf8(&plain).or(Err(UnsealError))?;
        Ok(Self::from_client(text))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// SHA-256 of a key's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From stored bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }
}

/// The two keys of one wallet.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The key that may also spend.
    pub admin: ApiKey,
    /// The key that reads and receives.
    pub invoice: ApiKey,
}

impl KeyPair {
    /// Two new keys.
    pub fn generate() -> Self {
        Self { admin: ApiKey::generate(), invoice: ApiKey::generate() }
    }

    /// The key of a kind.
    pub const fn of(&self, kind: KeyKind) -> &ApiKey {
        match kind {
            KeyKind::Admin => &self.admin,
            KeyKind::Invoice => &self.invoice,
        }
    }
}
