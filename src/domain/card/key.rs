//! What a card is told by, and the AES-128 keys that it shares with its issuer.

use std::fmt;
use std::str::FromStr;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, KeyInit};
use bitcoin_hashes::hex::{DisplayHex, FromHex};
use cmac::{Cmac, Mac};
use zeroize::Zeroizing;

/// The bytes of a key, of a block, and of a MAC.
pub(super) const BLOCK_BYTES: usize = 16;
/// The bytes of a card's unique id.
const UID_BYTES: usize = 7;

/// The text is not that many bytes in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {bytes} bytes as {} hex characters", bytes * 2)]
pub struct InvalidCardBytes {
    bytes: usize,
}

/// The unique id of a card: its maker writes it, and any phone reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardUid([u8; UID_BYTES]);

impl CardUid {
    /// From its bytes.
    pub const fn new(bytes: [u8; UID_BYTES]) -> Self {
        Self(bytes)
    }

    /// From bytes whose number is not known yet, as a database gives them.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidCardBytes> {
        bytes.try_into().map(Self).or(Err(InvalidCardBytes { bytes: UID_BYTES }))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; UID_BYTES] {
        &self.0
    }
}

/// Hex in any case.
impl FromStr for CardUid {
    type Err = InvalidCardBytes;

    fn from_str(text: &str) -> Result<Self, InvalidCardBytes> {
        FromHex::from_hex(text).map(Self).or(Err(InvalidCardBytes { bytes: UID_BYTES }))
    }
}

impl fmt::Display for CardUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hex(), f)
    }
}

impl fmt::Debug for CardUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardUid({self})")
    }
}

/// One of a card's keys: wiped when dropped, never shown by `Debug`.
#[derive(Clone)]
pub struct CardKey(Zeroizing<[u8; BLOCK_BYTES]>);

impl CardKey {
    /// The key of a card that nobody has programmed yet.
    pub fn factory() -> Self {
        Self(Zeroizing::new([0; BLOCK_BYTES]))
    }

    /// From its bytes.
    pub const fn new(bytes: Zeroizing<[u8; BLOCK_BYTES]>) -> Self {
        Self(bytes)
    }

    /// From bytes whose number is not known yet, as unsealing gives them.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidCardBytes> {
        let bytes = bytes.try_into().or(Err(InvalidCardBytes { bytes: BLOCK_BYTES }))?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// Its bytes, to be sealed.
    pub fn as_bytes(&self) -> &[u8; BLOCK_BYTES] {
        &self.0
    }

    /// The key as 32 lower-case hex characters, for who programs the card.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_lower_hex_string())
    }

    /// The MAC of a message under this key (AES-CMAC, RFC 4493).
    pub(super) fn cmac(&self, message: &[u8]) -> Zeroizing<[u8; BLOCK_BYTES]> {
        let mut mac = Cmac::<Aes128>::new((&*self.0).into());
        mac.update(message);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    /// Decrypts one block. Under an initialization vector of zeros, CBC of a single block is this.
    pub(super) fn decrypt_block(&self, block: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
        let mut block = block.into();
        Aes128::new((&*self.0).into()).decrypt_block(&mut block);
        block.into()
    }
}

/// Hex in any case.
impl FromStr for CardKey {
    type Err = InvalidCardBytes;

    fn from_str(text: &str) -> Result<Self, InvalidCardBytes> {
        let bytes = FromHex::from_hex(text).or(Err(InvalidCardBytes { bytes: BLOCK_BYTES }))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4493, section 4.
    #[test]
    fn the_mac_is_that_of_the_rfc() {
        let key: CardKey = "2b7e151628aed2a6abf7158809cf4f3c".parse().unwrap();
        let message = Vec::from_hex(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        )
        .unwrap();
        for (length, mac) in [
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ] {
            assert_eq!(key.cmac(message.get(..length).unwrap()).to_lower_hex_string(), mac, "{length}");
        }
    }

    #[test]
    fn hex_is_read_in_any_case_and_keys_are_not_shown() {
        let uid: CardUid = "04996C6a926980".parse().unwrap();
        assert_eq!(
            (uid.to_string().as_str(), format!("{uid:?}").as_str()),
            ("04996c6a926980", "CardUid(04996c6a926980)")
        );
        assert_eq!(CardUid::from_slice(uid.as_bytes()), Ok(uid));
        for wrong in
            ["", "04996c6a9269", "04996c6a92698000", "04996c6a92698g", " 04996c6a926980", "0x996c6a926980", "ééééééé"]
        {
            assert_eq!(wrong.parse::<CardUid>(), Err(InvalidCardBytes { bytes: 7 }), "{wrong}");
        }
        let key: CardKey = "0C3B25D92B38AE443229dd59ad34b85d".parse().unwrap();
        assert_eq!(key.reveal().as_str(), "0c3b25d92b38ae443229dd59ad34b85d");
        assert_eq!(format!("{key:?}"), "CardKey(…)");
        assert_eq!(CardKey::from_slice(key.as_bytes()).unwrap().as_bytes(), key.as_bytes());
        assert!(CardKey::from_slice(&[0; 15]).is_err());
        let error = "0c3b".parse::<CardKey>().unwrap_err().to_string();
        assert_eq!(error, "must be 16 bytes as 32 hex characters");
    }
}
