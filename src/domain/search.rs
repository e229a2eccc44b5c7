//! Case-insensitive text search, for every script.
//!
//! SQLite calls this code; PostgreSQL has functions with the same names and behavior. The lower
//! case of a letter can depend on the letters around it, so that `ΟΔΟΣ` would not match the
//! beginning of `ΟΔΟΣΑ`: both unify the few letters of that kind.

use super::text::InvalidText;

/// The longest search text, in characters.
pub const SEARCH_CHARACTERS_MAX: usize = 128;

/// A text to search for: at most [`SEARCH_CHARACTERS_MAX`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidText> {
        let text = text.into();
        // A text never has more characters than bytes, so a long one is not counted to its end.
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

/// Whether a text contains another one, ignoring case. It takes time proportional to both lengths,
/// whatever the texts are.
pub fn contains(text: &str, part: &str) -> bool {
    fold(text).contains(&fold(part))
}

/// The text with differences of case removed.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(unify).flat_map(char::to_lowercase).collect()
}

/// Unifies letters whose lower case depends on their neighbours or is not a single letter.
const fn unify(letter: char) -> char {
    match letter {
        'İ' => 'i',
        'Σ' | 'ς' => 'σ',
        other => other,
    }
}
