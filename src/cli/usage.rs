//! Command-line errors without possible secrets: a password or a URL may have been put in the wrong
//! place.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The replacement for a value that is not shown.
const REDACTED: &str = "…";
/// A longer word may be a key.
const WORD_CHARACTERS_MAX: usize = 24;

/// The same error, which shows only flag names, and short words where short words are expected.
pub(super) fn redact(mut error: Error) -> Error {
    let kinds = [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand];
    for kind in kinds {
        let Some(ContextValue::String(given)) = error.get(kind) else { continue };
        let is_told = match (kind, error.kind()) {
            // Anything may be found where nothing is expected.
            (ContextKind::InvalidArg, ErrorKind::UnknownArgument) => is_flag(given),
            // This is the name of the flag that the value is for.
            (ContextKind::InvalidArg, _) => true,
            (_, ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidSubcommand) => is_word(given),
            _ => false,
        };
        if !is_told {
            error.insert(kind, ContextValue::String(REDACTED.to_owned()));
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(Vec::new()));
        }
    }
    error
}

fn is_flag(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|name| {
        name.len() <= WORD_CHARACTERS_MAX && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
    })
}

fn is_word(text: &str) -> bool {
    text.len() <= WORD_CHARACTERS_MAX
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-+._".contains(letter))
}
