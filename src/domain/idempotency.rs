//! Idempotency keys: a request that is sent again under the same key is answered again, and
//! not done again (promise I7).
//!
//! Neither key nor request is kept, but digests of them under a secret key: a request can
//! hold a password, and a plain digest would be something to test guesses against.

use super::ids::AccountId;
use super::text::InvalidText;
use crate::crypto::secret::Sealer;

/// The longest key, in characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// A key that a client has chosen, as its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey([u8; 32]);

/// What was asked, as its digest.
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
    /// Checks a key, 1 to 255 visible ASCII characters, of one kind of caller: the keys of
    /// another kind are other keys, whatever their text.
    pub fn new(sealer: &Sealer, caller: &[u8], text: &[u8]) -> Result<Self, InvalidText> {
        let visible = text.iter().all(u8::is_ascii_graphic);
        if visible && (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len()) {
            Ok(Self(sealer.digest(&[b"idempotency-key", caller, text])))
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

/// What an answer that is kept under a key is bound to.
pub fn answer_owner(account: AccountId, key: IdempotencyKey) -> Vec<u8> {
    [account.as_bytes().as_slice(), key.as_bytes()].concat()
}

impl RequestDigest {
    /// The digest of a request.
    pub fn new(sealer: &Sealer, method: &[u8], path: &[u8], body: &[u8]) -> Self {
        Self(sealer.digest(&[b"request", method, path, body]))
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
