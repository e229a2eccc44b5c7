//! Encryption of stored secrets: what the database stores but must not reveal is encrypted under
//! the master key, which is kept outside of the database (promise I10).
//!
//! A sealed value is `version (1) | master key's mark (4) | nonce (24) | ciphertext and tag`,
//! encrypted with XChaCha20-Poly1305 and bound to its purpose and owner: a value that is moved to
//! another row cannot be decrypted. The mark identifies the master key, so values under an old and
//! a new key can coexist while the key is being rotated.

use std::fmt;
use std::str::FromStr;

use bitcoin_hashes::hex::{DisplayHex, FromHex};
use bitcoin_hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use zeroize::Zeroizing;

use crate::crypto::random;
pub use crate::crypto::sealer::{FindKeys, Sealer};

const MARK_BYTES: usize = 4;

/// 256 bits that everything secret depends on; wiped when dropped, never shown.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The text is not a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 64 hex characters")]
pub struct InvalidMasterKey;

impl MasterKey {
    /// A new key.
    pub fn generate() -> Self {
        Self(random::secret_bytes())
    }

    /// The key as 64 hex characters, for the key file.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_lower_hex_string())
    }

    /// A key for one use, which reveals neither the master key nor the key of another use:
    /// HMAC-SHA256 of the label under the master key.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut engine = HmacEngine::<sha256::Hash>::new(self.0.as_slice());
        engine.input(label.as_bytes());
        Zeroizing::new(Hmac::from_engine(engine).to_byte_array())
    }

    /// The mark that identifies its sealed values.
    pub fn mark(&self) -> Mark {
        let [a, b, c, d, ..] = *self.derive("satkeep/mark");
        Mark([a, b, c, d])
    }

    /// The digest key that used to be derived from the first master key, before it became a random
    /// one.
    pub fn digest_key(&self) -> Zeroizing<[u8; 32]> {
        self.derive("satkeep/digest")
    }
}

impl FromStr for MasterKey {
    type Err = InvalidMasterKey;

    fn from_str(text: &str) -> Result<Self, InvalidMasterKey> {
        <[u8; 32]>::from_hex(text.trim()).map(|bytes| Self(Zeroizing::new(bytes))).or(Err(InvalidMasterKey))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Identifies the master key of a sealed value; not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark([u8; MARK_BYTES]);

impl Mark {
    /// From its bytes.
    pub const fn new(bytes: [u8; MARK_BYTES]) -> Self {
        Self(bytes)
    }

    /// The mark in a sealed value; `None` if it is too short to be one.
    pub fn of_sealed(sealed: &[u8]) -> Option<Self> {
        let (_version, rest) = sealed.split_first()?;
        rest.first_chunk().copied().map(Self)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; MARK_BYTES] {
        &self.0
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_lower_hex_string())
    }
}

/// The purpose of a sealed value, which it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A wallet's admin key.
    AdminKey,
    /// A wallet's invoice key.
    InvoiceKey,
    /// The preimage of an invoice.
    Preimage,
    /// A response stored under an idempotency key.
    Answer,
    /// The signing secret of an endpoint.
    EndpointSecret,
    /// The secret that signs the webhooks of a wallet's own invoices and payments.
    WalletSecret,
    /// The headers that a pay link's webhook is sent with.
    PayLinkHeaders,
    /// The keys of a card.
    CardKeys,
    /// What stands in the URL of a withdraw link.
    WithdrawLinkSecret,
    /// The headers that a withdraw link's webhook is sent with.
    WithdrawLinkHeaders,
    /// The known plaintext that a master key is checked with at startup.
    Check,
    /// The digest key, which outlives master keys.
    DigestKey,
    /// The previous master keys.
    KeysBefore,
}

impl Purpose {
    /// The label that values of this purpose are bound to.
    pub(crate) const fn label(self) -> &'static [u8] {
        match self {
            Self::AdminKey => b"satkeep/admin-key/",
            Self::InvoiceKey => b"satkeep/invoice-key/",
            Self::Preimage => b"satkeep/preimage/",
            Self::Answer => b"satkeep/answer/",
            Self::EndpointSecret => b"satkeep/endpoint-secret/",
            Self::WalletSecret => b"satkeep/wallet-secret/",
            Self::PayLinkHeaders => b"satkeep/pay-link-headers/",
            Self::CardKeys => b"satkeep/card-keys/",
            Self::WithdrawLinkSecret => b"satkeep/withdraw-link-secret/",
            Self::WithdrawLinkHeaders => b"satkeep/withdraw-link-headers/",
            Self::Check => b"satkeep/check/",
            Self::DigestKey => b"satkeep/digest-key/",
            Self::KeysBefore => b"satkeep/keys-before/",
        }
    }
}

/// A sealed value, as the database stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// From stored bytes.
    pub const fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The value was not encrypted by a known master key for this purpose and owner, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with the master keys that are known")]
pub struct UnsealError;
