//! Looking for a text in others, whatever the case, in every script.
//!
//! SQLite asks here; PostgreSQL has functions of the same names that do the same. What case makes
//! of a letter can depend on the letters around it, which would make `ΟΔΟΣ` unlike the beginning
//! of `ΟΔΟΣΑ`: the few letters of that kind are taken for one here and there.

use super::text::InvalidText;

/// The longest text to look for, in characters.
pub const SEARCH_CHARACTERS_MAX: usize = 128;

/// A text to look for in others: at most [`SEARCH_CHARACTERS_MAX`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidText> {
        let text = text.into();
        // No text has more characters than bytes, so a long one is not counted to its end.
        if text.chars().nth(SEARCH_CHARACTERS_MAX).is_some() {
            return Err(InvalidText::TooManyCharacters { max: SEARCH_CHARACTERS_MAX });
        }
        Ok(Self(text))
    }

    /// The text, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text contains another one, whatever the case. It takes time in proportion to both
/// lengths, whatever the texts are.
pub fn contains(text: &str, part: &str) -> bool {
    fold(text).contains(&fold(part))
}

/// The text without differences of case.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(unify).flat_map(char::to_lowercase).collect()
}

/// One letter for those whose lower case depends on their neighbours or is not one letter.
const fn unify(letter: char) -> char {
    match letter {
        'İ' => 'i',
        'Σ' | 'ς' => 'σ',
        other => other,
    }
}
