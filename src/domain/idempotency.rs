//! Idempotency keys: a request that is repeated under the same key gets the same response, and is
//! not executed again (promise I7).
//!
//! Only digests of key and request are stored, under a secret key. A request can contain a
//! password, and guesses could be tested against a plain digest.

use super::ids::AccountId;
use super::text::InvalidText;
use crate::crypto::secret::Sealer;

/// The longest key, in characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// The digest of a key chosen by a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey([u8; 32]);

/// The digest of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestDigest([u8; 32]);

/// A request under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: IdempotencyKey,
    /// The request.
    pub request: RequestDigest,
}

impl IdempotencyKey {
    /// Checks a key, 1 to 255 visible ASCII characters, for one kind of caller. Keys of another
    /// kind are distinct, even with the same text.
    pub fn new(sealer: &Sealer, caller: &[u8], text: &[u8]) -> Result<Self, InvalidText> {
        let visible = text.iter().all(u8::is_ascii_graphic);
        if visible && (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len()) {
            Ok(Self(sealer.digest(&[b"idempotency-key", caller, text])))
        } else {
            Err(InvalidText::Form("1 to 255 visible ASCII characters"))
        }
    }

    /// From stored bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The owner that a response stored under a key is bound to.
pub fn answer_owner(account: AccountId, key: IdempotencyKey) -> Vec<u8> {
    [account.as_bytes().as_slice(), key.as_bytes()].concat()
}

impl RequestDigest {
    /// The digest of a request.
    pub fn new(sealer: &Sealer, method: &[u8], path: &[u8], body: &[u8]) -> Self {
        Self(sealer.digest(&[b"request", method, path, body]))
    }

    /// From stored bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
