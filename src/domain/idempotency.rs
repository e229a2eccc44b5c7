//! Idempotency keys: a request that is sent again under the same key is answered again, and
//! not done again (promise I7).

use bitcoin_hashes::{Hash, HashEngine, sha256};

use super::text::InvalidText;

/// The longest key, in characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// A key that a client has chosen, as its SHA-256: whatever it says is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey([u8; 32]);

/// What was asked, as its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestDigest([u8; 32]);

/// A request under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Under which key.
    pub key: IdempotencyKey,
    /// What was asked.
    pub request: RequestDigest,
}

impl IdempotencyKey {
    /// Checks a key: 1 to 255 visible ASCII characters.
    pub fn new(text: &[u8]) -> Result<Self, InvalidText> {
        let visible = text.iter().all(u8::is_ascii_graphic);
        if visible && (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len()) {
            Ok(Self(sha256::Hash::hash(text).to_byte_array()))
        } else {
            Err(InvalidText::Form("1 to 255 visible ASCII characters"))
        }
    }

    /// From the bytes that the database kept.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl RequestDigest {
    /// The digest of a request's parts, in order.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut engine = sha256::Hash::engine();
        for part in parts {
            // Their lengths keep the parts apart.
            engine.input(&part.len().to_be_bytes());
            engine.input(part);
        }
        Self(sha256::Hash::from_engine(engine).to_byte_array())
    }

    /// From the bytes that the database kept.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
