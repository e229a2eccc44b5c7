//! UUIDs in 22 characters, as LNbits' extensions write them (the package `shortuuid`): links that come
//! from there, and codes that were printed of them, stay what they are.

use bitcoin_hashes::{Hash, sha1};

use crate::crypto::random;

/// The digits: none that is taken for another one.
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// How many of them 128 bits need.
const DIGITS: usize = 22;
/// The namespace of names that are no URLs (RFC 9562, 6.6).
const NAMESPACE_DNS: u128 = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8;
/// The bits of a UUID that say its version and variant, and what they say of version 5.
const FORM_MASK: u128 = 0xf000_c000_0000_0000_0000;
const FORM_OF_NAMES: u128 = 0x5000_8000_0000_0000_0000;

/// 128 random bits.
pub fn random() -> String {
    encode(u128::from_be_bytes(random::bytes()))
}

/// The UUID of a name (version 5).
pub fn named(name: &str) -> String {
    let hash = sha1::Hash::hash(&[&NAMESPACE_DNS.to_be_bytes(), name.as_bytes()].concat()).to_byte_array();
    let first = hash.into_iter().take(size_of::<u128>()).fold(0_u128, |number, byte| number << 8 | u128::from(byte));
    encode(first & !FORM_MASK | FORM_OF_NAMES)
}

/// A number in base 57, the most significant digit first.
fn encode(mut number: u128) -> String {
    let base = 57;
    let mut digits = Vec::with_capacity(DIGITS);
    for _ in 0..DIGITS {
        let digit = usize::try_from(number % base).ok().and_then(|digit| ALPHABET.get(digit));
        digits.extend(digit.copied().map(char::from));
        number /= base;
    }
    digits.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `uuid` and the alphabet of `shortuuid`.
    #[test]
    fn names_and_numbers_are_written_as_shortuuid_does() {
        assert_eq!(named("abcXYZ0"), "BdT6iLGvSD5dsH3s9wUi3Q");
        assert_eq!(named("wGFRcCXh2Yxbn7eFZrtzYe5fPqKPQBCLVzGFyTeYyXaM0"), "75acRqrtZhT6FPJfPEe5Ym");
        assert_eq!(encode(0), "2222222222222222222222");
        assert_eq!(encode(u128::MAX), "oZEq7ovRbLq6UnGMPwc8B5");
    }

    #[test]
    fn random_ones_differ() {
        let all: std::collections::HashSet<_> = (0..1000).map(|_| random()).collect();
        assert!(all.len() == 1000 && all.iter().all(|id| id.len() == DIGITS));
    }
}
