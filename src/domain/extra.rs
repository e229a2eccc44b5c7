//! Data of the client's own that satkeep keeps beside a user or payment: a JSON object,
//! given back as it came.

use serde::Serialize;
use serde_json::value::RawValue;

use super::json::{DEPTH_MAX, InvalidObject, Members, check_portable, on_one_line};
use super::text::InvalidText;

/// The longest object, in bytes.
pub const EXTRA_BYTES_MAX: usize = 8192;

/// A JSON object as text, as the client wrote it but for line breaks between its tokens: it is
/// one line, so that it can stand wherever lines frame what is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra(String);

impl Extra {
    /// Checks that the text is a JSON object.
    pub fn new(json: &str) -> Result<Self, InvalidText> {
        if json.len() > EXTRA_BYTES_MAX {
            return Err(InvalidText::TooLong { max: EXTRA_BYTES_MAX });
        }
        Members::read(json).and_then(|_| check_portable(json)).map_err(InvalidText::from)?;
        Ok(Self(on_one_line(json.to_owned())))
    }

    /// From the text of an object that was checked before it was stored.
    pub fn from_stored(json: String) -> Self {
        Self(on_one_line(json))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the member `tag`, by which payments can be listed, where it is a text.
    pub fn tag(&self) -> Option<String> {
        let members = Members::read(&self.0).ok()?;
        let tag: String = serde_json::from_str(members.get("tag")?).ok()?;
        Some(tag).filter(|tag| !tag.contains('\0'))
    }

    /// This object with the members of `newer` added, where both have one the newer's. What is
    /// not touched stays as it is written, and where it is.
    pub fn merged_with(&self, newer: &Self) -> Result<Self, InvalidText> {
        let merged = Members::read(&self.0)?.merged_with(&Members::read(&newer.0)?);
        if merged.len() > EXTRA_BYTES_MAX {
            return Err(InvalidText::TooLong { max: EXTRA_BYTES_MAX });
        }
        Ok(Self(on_one_line(merged)))
    }

    /// This object with what the server notes itself, in front of what a client says under the same
    /// names. It may be longer than a client's own data: what is noted is bounded by who notes it.
    pub fn noted(&self, notes: &Self) -> Result<Self, InvalidText> {
        Ok(Self(Members::read(&self.0)?.merged_with(&Members::read(&notes.0)?)))
    }
}

impl From<InvalidObject> for InvalidText {
    fn from(invalid: InvalidObject) -> Self {
        const { assert!(DEPTH_MAX == 100) };
        Self::Form(match invalid {
            InvalidObject::Form => "a JSON object",
            InvalidObject::Depth => "a JSON object that nests at most 100 deep",
            InvalidObject::Number => "a JSON object without a number beyond 1.8e308",
            InvalidObject::Surrogate => "a JSON object without half of a surrogate pair in a text",
        })
    }
}

impl Serialize for Extra {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl Default for Extra {
    /// The empty object.
    fn default() -> Self {
        Self("{}".to_owned())
    }
}
