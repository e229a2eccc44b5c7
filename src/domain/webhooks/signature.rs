//! Webhook secrets and signatures.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bitcoin_hashes::hex::{DisplayHex, FromHex};
use bitcoin_hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use zeroize::Zeroizing;

use crate::crypto::random;
use crate::crypto::secret::{Purpose, Sealed, Sealer, UnsealError};
use crate::domain::ids::OwnerId;
use crate::domain::time::UnixMs;

/// The kind of owner whose secret signs: an endpoint's for its deliveries, a wallet's for the
/// webhooks of its own invoices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// An endpoint.
    Endpoint,
    /// A wallet.
    Wallet,
}

impl OwnerKind {
    /// The name under which it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Wallet => "wallet",
        }
    }

    /// The owner with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Endpoint, Self::Wallet].into_iter().find(|kind| kind.as_str() == name)
    }

    /// The purpose of its sealed secret.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Endpoint => Purpose::EndpointSecret,
            Self::Wallet => Purpose::WalletSecret,
        }
    }
}

/// The headers that sign one attempt to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `X-Satkeep-Signature`: time and body.
    pub satkeep: String,
    /// `webhook-timestamp` of Standard Webhooks, in seconds.
    pub timestamp: String,
    /// `webhook-signature` of Standard Webhooks: event, time and body.
    pub standard: String,
}

/// A signing secret: 64 hex characters, which are used as the key as they are. Wiped when dropped,
/// never shown by `Debug`.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<String>);

impl WebhookSecret {
    /// A new secret of 256 random bits.
    pub fn generate() -> Self {
        Self(Zeroizing::new(random::secret_bytes::<32>().to_lower_hex_string()))
    }

    /// A secret from its text.
    pub fn from_text(text: &str) -> Option<Self> {
        <[u8; 32]>::from_hex(text).ok().map(|_| Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret itself, for its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Encrypts the secret for storage.
    pub fn seal(&self, sealer: &Sealer, kind: OwnerKind, owner: OwnerId) -> Sealed {
        sealer.seal(kind.purpose(), owner.as_bytes(), self.0.as_bytes())
    }

    /// Decrypts what [`WebhookSecret::seal`] made.
    pub fn unseal(sealer: &Sealer, kind: OwnerKind, owner: OwnerId, sealed: &[u8]) -> Result<Self, UnsealError> {
        let plain = sealer.unseal(kind.purpose(), owner.as_bytes(), sealed)?;
        let text = std::str::from_utf8(&plain).or(Err(UnsealError))?;
        Self::from_text(text).ok_or(UnsealError)
    }

    /// Signs the body of an event that is sent at this time.
    pub fn sign(&self, at: UnixMs, event: &str, body: &str) -> Signature {
        let timestamp = at.seconds().to_string();
        let satkeep = self.mac(&[&timestamp, body]).to_lower_hex_string();
        let standard = BASE64_STANDARD.encode(self.mac(&[event, &timestamp, body]));
        Signature { satkeep: format!("t={timestamp},v1={satkeep}"), standard: format!("v1,{standard}"), timestamp }
    }

    /// The HMAC-SHA256 of these parts, joined by dots.
    fn mac(&self, parts: &[&str]) -> [u8; 32] {
        let mut engine = HmacEngine::<sha256::Hash>::new(self.0.as_bytes());
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                engine.input(b".");
            }
            engine.input(part.as_bytes());
        }
        Hmac::<sha256::Hash>::from_engine(engine).to_byte_array()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}
