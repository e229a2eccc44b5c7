//! LNURL's encoding of URLs (LUD-01): bech32 without its limit of 90 characters.

use ::bech32::primitives::checksum::Checksum;
use ::bech32::primitives::decode::CheckedHrpstring;
use ::bech32::{Bech32, EncodeError, Hrp};

use super::service_url::{SERVICE_URL_BYTES_MAX, ServiceUrl};

/// What stands in front of the data.
const HRP: Hrp = Hrp::parse_unchecked("lnurl");
/// How many characters that is, with the separator.
const START_CHARS: usize = 6;
/// As long as our longest URL makes it: eight characters for five bytes, and the checksum.
pub(super) const BECH32_CHARS_MAX: usize =
    START_CHARS + SERVICE_URL_BYTES_MAX.div_ceil(5) * 8 + Bech32::CHECKSUM_LENGTH;

/// Why a text does not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBech32 {
    /// Upper and lower case are mixed.
    #[error("must be an LNURL in upper or in lower case, not in both")]
    MixedCase,
    /// It is not whole, or a character is wrong.
    #[error("must be a whole LNURL: its checksum says that characters are missing or wrong")]
    Broken,
    /// What is encoded is no text.
    #[error("must be an LNURL that holds a URL")]
    NoText,
}

enum LongBech32 {}

impl Checksum for LongBech32 {
    type MidstateRepr = <Bech32 as Checksum>::MidstateRepr;
    const CODE_LENGTH: usize = BECH32_CHARS_MAX;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const GENERATOR_SH: [Self::MidstateRepr; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: Self::MidstateRepr = Bech32::TARGET_RESIDUE;
}

/// What is encoded, in upper or in lower case.
pub(super) fn decode(text: &str) -> Result<String, InvalidBech32> {
    if text.contains(|c: char| c.is_ascii_lowercase()) && text.contains(|c: char| c.is_ascii_uppercase()) {
        return Err(InvalidBech32::MixedCase);
    }
    let checked = CheckedHrpstring::new::<LongBech32>(text).or(Err(InvalidBech32::Broken))?;
    // The separator is the last `1`, so the prefix may be longer than it looks.
    if checked.hrp() != HRP {
        return Err(InvalidBech32::Broken);
    }
    String::from_utf8(checked.byte_iter().collect()).or(Err(InvalidBech32::NoText))
}

/// The code of bytes, in upper case: a QR code of that is smaller.
pub(super) fn encode(bytes: &[u8]) -> Result<String, EncodeError> {
    ::bech32::encode_upper::<LongBech32>(HRP, bytes)
}

impl ServiceUrl {
    /// The URL as LNURL in bech32, in upper case.
    ///
    /// # Panics
    ///
    /// Never: no URL of a service is longer than what can be encoded.
    pub fn to_bech32(&self) -> String {
        encode(self.as_str().as_bytes()).expect("the length of the URL is limited")
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test may fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of LUD-01.
    const URL: &str = "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df";
    const CODE: &str = "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZ\
                        EPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS";

    #[test]
    fn the_known_vector_is_read_and_written() {
        assert_eq!(encode(URL.as_bytes()).unwrap(), CODE);
        assert_eq!(decode(CODE).as_deref(), Ok(URL));
        assert_eq!(decode(&CODE.to_lowercase()).as_deref(), Ok(URL));
    }

    #[test]
    fn what_does_not_decode_says_why() {
        for (text, why) in [
            (format!("{}{}", &CODE[..20], CODE[20..].to_lowercase()), InvalidBech32::MixedCase),
            (CODE.replacen("LNURL", "lnurl", 1), InvalidBech32::MixedCase),
            (CODE[..CODE.len() - 1].to_owned(), InvalidBech32::Broken),
            (format!("{CODE}Q"), InvalidBech32::Broken),
            (CODE.replacen("DP6", "D6P", 1), InvalidBech32::Broken),
            ("lnurl1".to_owned(), InvalidBech32::Broken),
            ("lnurl1é".to_owned(), InvalidBech32::Broken),
            // Another prefix, and the other checksum.
            (
                ::bech32::encode_lower::<Bech32>(Hrp::parse_unchecked("lnurl1x"), b"https://a").unwrap(),
                InvalidBech32::Broken,
            ),
            (::bech32::encode_lower::<::bech32::Bech32m>(HRP, b"https://a").unwrap(), InvalidBech32::Broken),
            (encode(&[0xff, 0xfe]).unwrap(), InvalidBech32::NoText),
        ] {
            assert_eq!(decode(&text), Err(why), "{text}");
        }
    }

    #[test]
    fn any_one_character_changed_is_found() {
        let lower = CODE.to_lowercase();
        for at in 0..lower.len() {
            for with in "qpzry9x8gf2tvdw0s3jn54khce6mua7l1bio".chars().filter(|with| !lower[at..].starts_with(*with)) {
                let changed = format!("{}{with}{}", &lower[..at], &lower[at + 1..]);
                assert_eq!(decode(&changed), Err(InvalidBech32::Broken), "{changed}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn every_text_comes_back(text in ".{0,200}", is_lower in any::<bool>()) {
            let code = encode(text.as_bytes()).unwrap();
            prop_assert_eq!(decode(&if is_lower { code.to_lowercase() } else { code }), Ok(text));
        }

        #[test]
        fn whatever_is_decoded_ends(
            text in "(lnurl1|LNURL1)?.{0,60}",
            characters in "lnurl1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{0,120}",
            bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            for text in [text, characters, encode(&bytes).unwrap()] {
                if let Ok(text) = decode(&text) {
                    prop_assert!(encode(text.as_bytes()).is_ok());
                }
            }
        }
    }
}
