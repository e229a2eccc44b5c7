//! Codes that are good for one thing, once: random, and found or compared by their digests, so that
//! neither a list nor a stolen database gives one away.

use std::fmt;
use std::str::FromStr;

use bitcoin_hashes::hex::{DisplayHex, FromHex};
use bitcoin_hashes::{Hash, sha256};
use zeroize::Zeroizing;

use super::key::BLOCK_BYTES;
use crate::crypto::random;
use crate::domain::ids::HitId;

/// The text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {} hex characters", 2 * BLOCK_BYTES)]
pub struct InvalidToken;

/// The code with which a programmer's app fetches the keys of a card, once. Wiped when dropped,
/// never shown by `Debug`.
#[derive(Clone)]
pub struct Otp(Zeroizing<[u8; BLOCK_BYTES]>);

/// By what a card is found whose code is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OtpDigest([u8; 32]);

/// What whoever is shown a tap pays with: LUD-03 calls it `k1`. The tap is known by its digest, so
/// that who sees the list of taps cannot spend with them. Wiped when dropped, never shown by
/// `Debug`.
pub struct WithdrawToken(Zeroizing<[u8; BLOCK_BYTES]>);

impl OtpDigest {
    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Otp {
    /// A new code of 128 random bits.
    pub fn generate() -> Self {
        Self(random::secret_bytes())
    }

    /// From bytes whose number is not known yet, as unsealing gives them.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Its bytes, to be sealed.
    pub(super) fn as_bytes(&self) -> &[u8; BLOCK_BYTES] {
        &self.0
    }

    /// The code as 32 lower-case hex characters, for who is to hand it to the app.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_lower_hex_string())
    }

    /// What its card is found by.
    pub fn digest(&self) -> OtpDigest {
        OtpDigest(sha256::Hash::hash(self.0.as_slice()).to_byte_array())
    }
}

/// Hex in any case.
impl FromStr for Otp {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        FromHex::from_hex(text).map(|bytes| Self(Zeroizing::new(bytes))).or(Err(InvalidToken))
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otp(…)")
    }
}

impl WithdrawToken {
    /// A new one of 128 random bits.
    pub fn generate() -> Self {
        Self(random::secret_bytes())
    }

    /// The token as 32 lower-case hex characters, for who was shown the tap.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_lower_hex_string())
    }

    /// What its tap is known by: half of its SHA-256, from which the token does not follow.
    pub fn hit(&self) -> HitId {
        let mut id = [0; HitId::LEN];
        for (place, byte) in id.iter_mut().zip(sha256::Hash::hash(self.0.as_slice()).to_byte_array()) {
            *place = byte;
        }
        HitId::new(id)
    }
}

/// Hex in any case.
impl FromStr for WithdrawToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        FromHex::from_hex(text).map(|bytes| Self(Zeroizing::new(bytes))).or(Err(InvalidToken))
    }
}

impl fmt::Debug for WithdrawToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WithdrawToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_known_by_the_digest_of_its_token() {
        let token: WithdrawToken = "000102030405060708090A0b0c0d0e0f".parse().unwrap();
        // SHA-256 of these 16 bytes.
        let digest = "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991";
        assert_eq!(Some(token.hit().to_string().as_str()), digest.get(..32));
        assert_eq!(token.reveal().as_str(), "000102030405060708090a0b0c0d0e0f");
        assert_eq!(format!("{token:?}"), "WithdrawToken(…)");
        let new = WithdrawToken::generate();
        assert_eq!(new.reveal().parse::<WithdrawToken>().unwrap().hit(), new.hit());
        for wrong in ["", "00", "000102030405060708090a0b0c0d0e", "000102030405060708090a0b0c0d0e0g"] {
            assert!(wrong.parse::<WithdrawToken>().is_err() && wrong.parse::<Otp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_code_is_found_in_any_case_and_not_shown() {
        let otp = Otp::generate();
        let upper: Otp = otp.reveal().to_uppercase().parse().unwrap();
        assert_eq!(upper.digest(), otp.digest());
        assert_ne!(Otp::generate().digest(), otp.digest());
        assert_eq!(format!("{otp:?}"), "Otp(…)");
    }
}
