//! Keys of cards that follow from one key of their issuer and the card's unique id (the scheme of
//! boltcard.org), so that whoever holds the issuer's key can wipe a card whose own keys are lost.

use std::fmt;
use std::str::FromStr;

use super::key::{CardKey, CardUid, InvalidCardBytes};
use super::secrets::KeySet;

/// In front of what is derived; the last byte says what it is for.
const fn label(of: u8) -> [u8; 4] {
    [0x2d, 0x00, 0x3f, of]
}

const CARD_KEY: [u8; 4] = label(0x75);
const K0: [u8; 4] = label(0x76);
const K1: [u8; 4] = label(0x77);
const K2: [u8; 4] = label(0x78);

/// The key of an issuer, from which the keys of all its cards follow.
#[derive(Clone)]
pub struct IssuerKey(CardKey);

impl IssuerKey {
    /// The keys of a card. With every new version a card that is programmed again has new ones.
    pub fn card_keys(&self, uid: CardUid, version: u32) -> KeySet {
        let of_card = self.card_key(uid, version);
        let derived = |from: &CardKey, label: [u8; 4]| CardKey::new(from.cmac(&label));
        KeySet { k0: derived(&of_card, K0), k1: self.encryption_key(), k2: derived(&of_card, K2) }
    }

    /// The `k1` of every card.
    pub fn encryption_key(&self) -> CardKey {
        CardKey::new(self.0.cmac(&K1))
    }

    fn card_key(&self, uid: CardUid, version: u32) -> CardKey {
        let message = [CARD_KEY.as_slice(), uid.as_bytes(), &version.to_le_bytes()].concat();
        CardKey::new(self.0.cmac(&message))
    }
}

/// Hex in any case.
impl FromStr for IssuerKey {
    type Err = InvalidCardBytes;

    fn from_str(text: &str) -> Result<Self, InvalidCardBytes> {
        text.parse().map(Self)
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuerKey(…)")
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may fail by panicking")]
mod tests {
    use bitcoin_hashes::hex::DisplayHex;

    use super::*;

    const ISSUER: &str = "00000000000000000000000000000001";
    const UID: &str = "04a39493cc8680";

    fn all_of(issuer: &str, uid: &str, version: u32) -> [String; 4] {
        let (issuer, uid): (IssuerKey, CardUid) = (issuer.parse().unwrap(), uid.parse().unwrap());
        let keys = issuer.card_keys(uid, version);
        [issuer.card_key(uid, version), keys.k0, keys.k1, keys.k2].map(|key| key.reveal().to_string())
    }

    #[test]
    fn the_known_vector_is_derived() {
        let expected = [
            "ebff5a4e6da5ee14cbfe720ae06fbed9",
            "a29119fcb48e737d1591d3489557e49b",
            "55da174c9608993dc27bb3f30a4a7314",
            "f4b404be700ab285e333e32348fa3d3b",
        ];
        assert_eq!(all_of(ISSUER, UID, 1), expected);
    }

    #[test]
    fn what_follows_depends_on_every_bit_of_what_it_follows_from() {
        let [card_key, k0, k1, k2] = all_of(ISSUER, UID, 1);
        for bit in 0..128 {
            let issuer = (1_u128 ^ (1 << bit)).to_be_bytes().to_lower_hex_string();
            for (changed, known) in all_of(&issuer, UID, 1).iter().zip([&card_key, &k0, &k1, &k2]) {
                assert_ne!(changed, known, "bit {bit} of the issuer's key");
            }
        }
        for bit in 0..56 {
            let number = 0x0004_a394_93cc_8680_u64 ^ (1 << bit);
            let changed = all_of(ISSUER, &format!("{number:014x}"), 1);
            assert_eq!(changed[2], k1);
            for (at, known) in [(0, &card_key), (1, &k0), (3, &k2)] {
                assert_ne!(&changed[at], known, "bit {bit} of the unique id");
            }
        }
        for bit in 0..32 {
            let changed = all_of(ISSUER, UID, 1 ^ (1 << bit));
            assert_eq!(changed[2], k1);
            for (at, known) in [(0, &card_key), (1, &k0), (3, &k2)] {
                assert_ne!(&changed[at], known, "bit {bit} of the version");
            }
        }
    }

    #[test]
    fn no_key_is_shown() {
        let issuer: IssuerKey = ISSUER.parse().unwrap();
        let shown = format!("{issuer:?} {:?}", issuer.card_keys(UID.parse().unwrap(), 1));
        assert!(shown.starts_with("IssuerKey(…) KeySet { k0: CardKey(…), k1: CardKey(…)"), "{shown}");
        assert!("0001".parse::<IssuerKey>().is_err());
    }
}
