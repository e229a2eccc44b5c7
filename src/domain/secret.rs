//! Sealing: what the database keeps but must not give away is encrypted under the master
//! key, which lives outside of the database (promise I10).
//!
//! A sealed value is `version (1) | master key's mark (4) | nonce (24) | ciphertext and tag`,
//! by XChaCha20-Poly1305, and is bound to its purpose and owner: a value that is moved to
//! another row does not open. The mark tells which master key opens it.

use std::fmt;
use std::str::FromStr;

use bitcoin_hashes::hex::{DisplayHex, FromHex};
use bitcoin_hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::random;

const VERSION: u8 = 1;
const MARK_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;

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

    /// The key as 64 hex characters, for the file that keeps it.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_lower_hex_string())
    }

    /// A key for one use, from which neither the master key nor another use's key follows:
    /// HMAC-SHA256 of the label under the master key.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut engine = HmacEngine::<sha256::Hash>::new(self.0.as_slice());
        engine.input(label.as_bytes());
        Zeroizing::new(Hmac::from_engine(engine).to_byte_array())
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

/// What a sealed value is; part of what it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A wallet's admin key.
    AdminKey,
    /// A wallet's invoice key.
    InvoiceKey,
    /// The preimage of an invoice.
    Preimage,
    /// An answer that is kept under an idempotency key.
    Answer,
    /// The known text by which a master key is recognized at start.
    Check,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::AdminKey => b"satkeep/admin-key/",
            Self::InvoiceKey => b"satkeep/invoice-key/",
            Self::Preimage => b"satkeep/preimage/",
            Self::Answer => b"satkeep/answer/",
            Self::Check => b"satkeep/check/",
        }
    }
}

/// A sealed value, as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// From bytes that the database kept.
    pub const fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The value was not sealed by this master key for this purpose and owner, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with this master key")]
pub struct UnsealError;

/// Seals and unseals under one master key.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    mark: [u8; MARK_BYTES],
    digest_key: Zeroizing<[u8; 32]>,
}

impl Sealer {
    /// For a master key.
    pub fn new(master: &MasterKey) -> Self {
        let [a, b, c, d, ..] = *master.derive("satkeep/mark");
        let key = master.derive("satkeep/seal");
        let digest_key = master.derive("satkeep/digest");
        Self { cipher: XChaCha20Poly1305::new((&*key).into()), mark: [a, b, c, d], digest_key }
    }

    /// HMAC-SHA256 of parts, in order, under the master key: equal for what is equal, but
    /// nobody without the key can find out what it was by trying.
    pub fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut engine = HmacEngine::<sha256::Hash>::new(self.digest_key.as_slice());
        for part in parts {
            // Their lengths keep the parts apart.
            engine.input(&part.len().to_be_bytes());
            engine.input(part);
        }
        Hmac::from_engine(engine).to_byte_array()
    }

    /// Seals `plain` for one purpose and one owner.
    ///
    /// # Panics
    ///
    /// Never: the cipher refuses only messages of more than 256 GiB.
    pub fn seal(&self, purpose: Purpose, owner: &[u8], plain: &[u8]) -> Sealed {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let aad = [purpose.label(), owner].concat();
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .expect("the message is shorter than 256 GiB");
        Sealed([&[VERSION], self.mark.as_slice(), &nonce, &ciphertext].concat())
    }

    /// Opens what [`Sealer::seal`] made for the same purpose and owner.
    pub fn unseal(&self, purpose: Purpose, owner: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (version, rest) = sealed.split_first().ok_or(UnsealError)?;
        let (mark, rest) = rest.split_first_chunk::<MARK_BYTES>().ok_or(UnsealError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError)?;
        if *version != VERSION || *mark != self.mark {
            return Err(UnsealError);
        }
        let aad = [purpose.label(), owner].concat();
        self.cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .or(Err(UnsealError))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}
