//! The proof that a card shows at every tap (NXP AN12196, "secure unique NFC message"): `p`, its
//! unique id and a counter under the first of two keys, and `c`, a MAC of both under the second.

use std::fmt;

use bitcoin_hashes::hex::FromHex;
use subtle::ConstantTimeEq;

use super::key::{BLOCK_BYTES, CardKey, CardUid};

/// Bytes of the MAC that the card shows: every other one.
const MAC_BYTES: usize = BLOCK_BYTES / 2;
/// In front of what `p` holds: the unique id and the counter are there, and the id has 7 bytes.
const CONTENT: u8 = 0xC7;
/// In front of what the key of one tap is derived from.
const SESSION_LABEL: [u8; 6] = [0x3C, 0xC3, 0x00, 0x01, 0x00, 0x80];

/// How often a card was tapped, as it counts itself: 24 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SunCounter(u32);

/// The number is beyond what a card counts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {}", SunCounter::MAX.0)]
pub struct InvalidCounter;

impl SunCounter {
    /// Of a card that was not tapped yet.
    pub const ZERO: Self = Self(0);
    /// What a card counts to: then it is used up.
    pub const MAX: Self = Self(0x00FF_FFFF);

    /// From a number that is stored, or that a client gives.
    pub fn new(count: i64) -> Result<Self, InvalidCounter> {
        u32::try_from(count).ok().map(Self).filter(|counter| *counter <= Self::MAX).ok_or(InvalidCounter)
    }

    const fn from_bytes([low, middle, high]: [u8; 3]) -> Self {
        Self(u32::from_le_bytes([low, middle, high, 0]))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SunCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Why a tap is not accepted, in the words that wallets and tills know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SunError {
    /// `p` is not one block in hex, or does not open under the card's key.
    #[error("Error decrypting card.")]
    Decrypting,
    /// `p` is of another card.
    #[error("Card UID mis-match.")]
    OtherCard,
    /// `c` does not prove what `p` says.
    #[error("CMAC does not check.")]
    Mac,
    /// The counter has not moved on since the last tap that was accepted.
    #[error("This link is already used.")]
    AlreadyUsed,
}

/// What stands in a card's URL, not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SunMessage {
    encrypted: [u8; BLOCK_BYTES],
    mac: [u8; MAC_BYTES],
}

/// What a tap has proved: that this card was there, for this many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The card.
    pub uid: CardUid,
    /// How often it was tapped.
    pub counter: SunCounter,
}

impl SunMessage {
    /// Reads the parameters `p` and `c`: hex in any case.
    pub fn parse(p: &str, c: &str) -> Result<Self, SunError> {
        let encrypted = FromHex::from_hex(p).or(Err(SunError::Decrypting))?;
        let mac = FromHex::from_hex(c).or(Err(SunError::Mac))?;
        Ok(Self { encrypted, mac })
    }

    /// What the message proves under a card's keys `k1` and `k2`. Whose card it is, and whether
    /// the counter is a new one, is for [`Tap::check`] to say.
    pub fn verify(&self, k1: &CardKey, k2: &CardKey) -> Result<Tap, SunError> {
        let [CONTENT, uid @ .., a, b, c, _, _, _, _, _] = k1.decrypt_block(self.encrypted) else {
            return Err(SunError::Decrypting);
        };
        let count = [a, b, c];
        let is_proved: bool = mac_of(k2, uid, count).ct_eq(&self.mac).into();
        let tap = Tap { uid: CardUid::new(uid), counter: SunCounter::from_bytes(count) };
        if is_proved { Ok(tap) } else { Err(SunError::Mac) }
    }
}

impl Tap {
    /// Whether it is a tap of this card, and a later one than the last that was accepted. The
    /// stored counter must be moved by a compare-and-set in the transaction that accepts it: two
    /// who show the same tap at once both pass here.
    pub fn check(self, uid: CardUid, last: SunCounter) -> Result<(), SunError> {
        if self.uid != uid {
            Err(SunError::OtherCard)
        } else if self.counter <= last {
            Err(SunError::AlreadyUsed)
        } else {
            Ok(())
        }
    }
}

/// The MAC that a card shows: of nothing, under a key of this tap alone.
fn mac_of(k2: &CardKey, uid: [u8; 7], count: [u8; 3]) -> [u8; MAC_BYTES] {
    let message = [SESSION_LABEL.as_slice(), &uid, &count].concat();
    let session_key = CardKey::new(k2.cmac(&message));
    let whole = session_key.cmac(&[]);
    let mut shown = [0; MAC_BYTES];
    for (place, byte) in shown.iter_mut().zip(whole.iter().skip(1).step_by(2)) {
        *place = *byte;
    }
    shown
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test may fail by panicking")]
mod tests {
    use aes::Aes128;
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;

    const K1: &str = "0c3b25d92b38ae443229dd59ad34b85d";
    const K2: &str = "b45775776cb224c75bcde7ca3704e933";
    const ZEROS: &str = "00000000000000000000000000000000";
    /// `p`, `c`, `k1`, `k2`, unique id and counter; the last one is of NXP's application note.
    const VECTORS: [(&str, &str, &str, &str, &str, i64); 4] = [
        ("4E2E289D945A66BB13377A728884E867", "E19CCB1FED8892CE", K1, K2, "04996c6a926980", 3),
        ("00F48C4F8E386DED06BCDC78FA92E2FE", "66B4826EA4C155B4", K1, K2, "04996c6a926980", 5),
        ("0DBF3C59B59B0638D60B5842A997D4D1", "CC61660C020B4D96", K1, K2, "04996c6a926980", 7),
        ("EF963FF7828658A599F3041510671E88", "94EED9EE65337086", ZEROS, ZEROS, "04de5f1eacc040", 61),
    ];

    fn key(hex: &str) -> CardKey {
        hex.parse().unwrap()
    }

    fn counter(count: i64) -> SunCounter {
        SunCounter::new(count).unwrap()
    }

    /// What a card does at a tap.
    fn shown_by_card(k1: &CardKey, k2: &CardKey, tap: Tap, rest: [u8; 5]) -> SunMessage {
        let [a, b, c, _] = tap.counter.get().to_le_bytes();
        let plain = [[CONTENT].as_slice(), tap.uid.as_bytes(), &[a, b, c], &rest].concat();
        let mut block = <[u8; BLOCK_BYTES]>::try_from(plain).unwrap().into();
        Aes128::new(k1.as_bytes().into()).encrypt_block(&mut block);
        SunMessage { encrypted: block.into(), mac: mac_of(k2, *tap.uid.as_bytes(), [a, b, c]) }
    }

    /// Every text of hex that differs in one bit.
    fn with_one_bit_changed(hex: &str) -> impl Iterator<Item = String> {
        let bytes = Vec::from_hex(hex).unwrap();
        (0..bytes.len() * 8).map(move |bit| {
            let flip = |(at, byte): (usize, &u8)| if at == bit / 8 { byte ^ (1 << (bit % 8)) } else { *byte };
            let changed: Vec<u8> = bytes.iter().enumerate().map(flip).collect();
            bitcoin_hashes::hex::DisplayHex::to_lower_hex_string(&changed)
        })
    }

    /// All that a scan checks.
    fn check((p, c, k1, k2, uid, last): (&str, &str, &str, &str, &str, i64)) -> Result<Tap, SunError> {
        let tap = SunMessage::parse(p, c)?.verify(&key(k1), &key(k2))?;
        tap.check(uid.parse().unwrap(), counter(last)).map(|()| tap)
    }

    #[test]
    fn the_known_vectors_are_accepted_in_any_case() {
        for (p, c, k1, k2, uid, count) in VECTORS {
            let expected = Tap { uid: uid.parse().unwrap(), counter: counter(count) };
            assert_eq!(check((p, c, k1, k2, uid, count - 1)), Ok(expected));
            let lower = (p.to_lowercase(), c.to_lowercase(), k1.to_uppercase(), k2.to_uppercase());
            assert_eq!(check((&lower.0, &lower.1, &lower.2, &lower.3, uid, 0)), Ok(expected));
            for last in [count, count + 1, 0x00FF_FFFF] {
                assert_eq!(check((p, c, k1, k2, uid, last)), Err(SunError::AlreadyUsed));
            }
        }
    }

    #[test]
    fn with_any_one_bit_changed_none_is_accepted() {
        for (p, c, k1, k2, uid, count) in VECTORS {
            let last = count - 1;
            for p in with_one_bit_changed(p) {
                let refused = check((&p, c, k1, k2, uid, last)).unwrap_err();
                assert!(matches!(refused, SunError::Decrypting | SunError::Mac), "{p}: {refused}");
            }
            for c in with_one_bit_changed(c) {
                assert_eq!(check((p, &c, k1, k2, uid, last)), Err(SunError::Mac), "{c}");
            }
            for k1 in with_one_bit_changed(k1) {
                let refused = check((p, c, &k1, k2, uid, last)).unwrap_err();
                assert!(matches!(refused, SunError::Decrypting | SunError::Mac), "{k1}: {refused}");
            }
            for k2 in with_one_bit_changed(k2) {
                assert_eq!(check((p, c, k1, &k2, uid, last)), Err(SunError::Mac), "{k2}");
            }
            for uid in with_one_bit_changed(uid) {
                assert_eq!(check((p, c, k1, k2, &uid, last)), Err(SunError::OtherCard), "{uid}");
            }
        }
    }

    #[test]
    fn one_taps_mac_does_not_prove_another() {
        for (p, _, k1, k2, uid, _) in VECTORS {
            for (other, c, ..) in VECTORS.into_iter().filter(|vector| vector.0 != p) {
                assert!(check((p, c, k1, k2, uid, 0)).is_err(), "{p} with the MAC of {other}");
            }
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let (p, c, ..) = VECTORS[0];
        for wrong in ["", "4E", &p[2..], &format!("{p}00"), &format!(" {p}"), &"é".repeat(16), &"g".repeat(32)] {
            assert_eq!(SunMessage::parse(wrong, c), Err(SunError::Decrypting), "{wrong}");
        }
        for wrong in ["", "E1", &c[2..], &format!("{c}00"), &"é".repeat(8), &"g".repeat(16)] {
            assert_eq!(SunMessage::parse(p, wrong), Err(SunError::Mac), "{wrong}");
        }
        // Only the unique id's mirroring, or an id of another length, is not what cards show here.
        for content in [0x00, 0x47, 0x87, 0xC4, 0xCA, 0xFF] {
            let mut block = [0; BLOCK_BYTES];
            block[0] = content;
            let mut block = block.into();
            Aes128::new(key(K1).as_bytes().into()).encrypt_block(&mut block);
            let message = SunMessage { encrypted: block.into(), mac: mac_of(&key(K2), [0; 7], [0; 3]) };
            assert_eq!(message.verify(&key(K1), &key(K2)), Err(SunError::Decrypting), "{content:x}");
        }
    }

    #[test]
    fn counters_are_of_24_bits() {
        assert_eq!(SunCounter::new(0), Ok(SunCounter::ZERO));
        assert_eq!(SunCounter::new(0x00FF_FFFF), Ok(SunCounter::MAX));
        for wrong in [-1, 0x0100_0000, i64::MIN, i64::MAX] {
            assert_eq!(SunCounter::new(wrong), Err(InvalidCounter));
        }
        assert_eq!(InvalidCounter.to_string(), "must be a whole number from 0 to 16777215");
        assert_eq!(SunCounter::from_bytes([1, 2, 3]).get(), 0x03_02_01);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn what_a_card_shows_is_read(
            keys in any::<([u8; BLOCK_BYTES], [u8; BLOCK_BYTES])>(),
            uid in any::<[u8; 7]>(),
            count in 1..=0x00FF_FFFF_i64,
            rest in any::<[u8; 5]>(),
        ) {
            let (k1, k2) = (CardKey::new(Zeroizing::new(keys.0)), CardKey::new(Zeroizing::new(keys.1)));
            let tap = Tap { uid: CardUid::new(uid), counter: counter(count) };
            let message = shown_by_card(&k1, &k2, tap, rest);
            prop_assert_eq!(message.verify(&k1, &k2), Ok(tap));
            prop_assert_eq!(tap.check(tap.uid, counter(count - 1)), Ok(()));
            if keys.0 != keys.1 {
                prop_assert!(message.verify(&k2, &k1).is_err());
            }
        }

        #[test]
        fn whatever_is_shown_is_read_or_refused(p in ".{0,40}", c in ".{0,24}", hex in "[0-9a-fA-F]{32}[0-9a-fA-F]{16}") {
            let (k1, k2) = (key(K1), key(K2));
            let _ = SunMessage::parse(&p, &c).and_then(|message| message.verify(&k1, &k2));
            let (p, c) = hex.split_at(32);
            prop_assert!(SunMessage::parse(p, c).unwrap().verify(&k1, &k2).is_err());
        }
    }
}
