//! Data of the client's own that satkeep keeps beside a user or payment: a JSON object,
//! given back as it came.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::text::InvalidText;

/// The longest object, in bytes.
pub const EXTRA_BYTES_MAX: usize = 8192;

/// A JSON object as text, byte for byte as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra(String);

impl Extra {
    /// Checks that the text is a JSON object.
    pub fn new(json: &str) -> Result<Self, InvalidText> {
        if json.len() > EXTRA_BYTES_MAX {
            return Err(InvalidText::TooLong { max: EXTRA_BYTES_MAX });
        }
        Self::parse(json).map(|_| Self(json.to_owned()))
    }

    /// From the text of an object that was checked before it was stored.
    pub const fn from_stored(json: String) -> Self {
        Self(json)
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the member `tag`, by which payments can be listed, where it is a text.
    pub fn tag(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Tagged {
            tag: Option<Value>,
        }
        match serde_json::from_str::<Tagged>(&self.0).ok()?.tag? {
            Value::String(tag) if !tag.contains('\0') => Some(tag),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                None
            }
        }
    }

    /// This object with the members of `newer` added, where both have one the newer's.
    pub fn merged_with(&self, newer: &Self) -> Result<Self, InvalidText> {
        let mut members = Self::parse(&self.0)?;
        members.extend(Self::parse(&newer.0)?);
        Self::new(&Value::Object(members).to_string())
    }

    fn parse(json: &str) -> Result<Map<String, Value>, InvalidText> {
        serde_json::from_str(json).or(Err(InvalidText::Form("a JSON object")))
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
