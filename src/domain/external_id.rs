//! External ids: what a client calls a payment or a user in its own books.

use std::fmt;

use super::text::InvalidText;

/// The longest external id, in characters.
pub const EXTERNAL_ID_CHARS_MAX: usize = 256;

/// A client's own name for something: 1 to [`EXTERNAL_ID_CHARS_MAX`] characters, none of them a space
/// or a control character. A payment's is unique within the wallet, a user's within the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalId(String);

impl ExternalId {
    /// Checks an external id.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        if text.is_empty() {
            return Err(InvalidText::Empty);
        }
        if text.chars().nth(EXTERNAL_ID_CHARS_MAX).is_some() {
            return Err(InvalidText::TooManyCharacters { max: EXTERNAL_ID_CHARS_MAX });
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(InvalidText::Form("without spaces and control characters"));
        }
        Ok(Self(text))
    }

    /// An external id that was checked before it was stored.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_characters_only() {
        let new = |text: &str| ExternalId::new(text.to_owned()).map(|id| id.to_string());
        for text in ["order-4711", "é", "{\"a\":1}", &"x".repeat(256), &"ü".repeat(256)] {
            assert_eq!(new(text).as_deref(), Ok(text));
        }
        for text in ["", "a b", "a\n", "\u{0}", "\u{a0}", "\u{7f}", &"x".repeat(257)] {
            assert!(new(text).is_err(), "{text:?}");
        }
    }
}
