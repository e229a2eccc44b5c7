//! Sessions: the token that a login returns, and what is stored of it. Tokens that are made by name
//! ([`super::token`]) have the same form.
//!
//! A token is 256 random bits, so storing a fast hash of it is enough: it can neither be guessed
//! nor reversed.

use std::fmt;

use bitcoin_hashes::hex::DisplayHex;
use bitcoin_hashes::{Hash, sha256};
use zeroize::Zeroizing;

use crate::crypto::random;

/// A token: wiped when dropped, never shown by `Debug`.
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    /// A new token: 64 lower-case hex characters.
    pub fn generate() -> Self {
        let bytes = random::secret_bytes::<32>();
        Self(Zeroizing::new(bytes.to_lower_hex_string()))
    }

    /// The token that a client sent, whatever it is.
    pub fn from_client(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text of the token, for the response that hands it out.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest that the session is looked up by.
    pub fn digest(&self) -> SessionDigest {
        SessionDigest(sha256::Hash::hash(self.0.as_bytes()).to_byte_array())
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// What a command to the ledger asks of the token that it is asked under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To look after every manager: an operator has logged in.
    Operate,
    /// To manage the users of its own tenant: a manager, after a login or by a token for it.
    ManageUsers,
}

/// SHA-256 of a token's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionDigest([u8; 32]);

impl SessionDigest {
    /// The bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
