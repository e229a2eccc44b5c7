//! What stands in the URL of a withdraw link: whoever knows it is paid.

use std::fmt;

use bitcoin_hashes::{Hash, sha256};
use zeroize::Zeroizing;

use super::short_uuid;

/// The longest one that is looked at, in bytes: links that come from elsewhere keep theirs.
const BYTES_MAX: usize = 128;

/// The secret of a withdraw link, LNbits' `unique_hash`. Wiped when dropped, never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(Zeroizing<String>);

/// The text is the secret of no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be what stands in the URL of a withdraw link")]
pub struct InvalidSecret;

impl LinkSecret {
    /// A new one of 128 random bits.
    pub fn generate() -> Self {
        Self(Zeroizing::new(short_uuid::random()))
    }

    /// From what stands in a URL, or was stored.
    pub fn new(text: String) -> Result<Self, InvalidSecret> {
        let is_one = !text.is_empty() && text.len() <= BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_one { Ok(Self(Zeroizing::new(text))) } else { Err(InvalidSecret) }
    }

    /// The secret, for who may know it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the link is found by. The secret cannot be guessed, so that it does not follow from this.
    pub fn digest(&self) -> [u8; 32] {
        sha256::Hash::hash(self.0.as_bytes()).to_byte_array()
    }

    /// What stands behind it in the URL of one use, of a link whose uses have links of their own: as
    /// LNbits computes it, from what clients know the link by.
    pub fn of_use(&self, public_id: &str, number: u32) -> String {
        short_uuid::named(&format!("{public_id}{}{number}", self.reveal()))
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = LinkSecret::new("5fPqKPQBCLVzGFyTeYyXaM".to_owned()).unwrap();
        assert_eq!(format!("{secret:?}"), "LinkSecret(…)");
        assert_eq!(secret.of_use("wGFRcCXh2Yxbn7eFZrtzYe", 0), "75acRqrtZhT6FPJfPEe5Ym");
        assert_ne!(secret.of_use("wGFRcCXh2Yxbn7eFZrtzYe", 1), secret.of_use("wGFRcCXh2Yxbn7eFZrtzYe", 0));
        assert_ne!(LinkSecret::generate().digest(), LinkSecret::generate().digest());
        for wrong in ["", "a b", "a\0", "ä", &"x".repeat(BYTES_MAX + 1)] {
            assert_eq!(LinkSecret::new(wrong.to_owned()), Err(InvalidSecret), "{wrong}");
        }
    }
}
