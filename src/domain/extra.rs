//! The client's own data, which satkeep stores with a user or payment: a JSON object, returned
//! exactly as it was sent.

use serde::Serialize;
use serde_json::value::RawValue;

use super::json::{DEPTH_MAX, InvalidObject, Members, check_portable, on_one_line};
use super::text::InvalidText;

/// The longest object, in bytes.
pub const EXTRA_BYTES_MAX: usize = 8192;

/// A JSON object as text, exactly as the client wrote it except for line breaks between tokens: it
/// is a single line, so that it fits into line-based protocols.
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

    /// The value of the member `tag`, which payments can be listed by, if it is a string.
    pub fn tag(&self) -> Option<String> {
        self.text("tag").filter(|tag| !tag.contains('\0'))
    }

    /// The value of a member, where it is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        let members = Members::read(&self.0).ok()?;
        serde_json::from_str(members.get(name)?).ok()
    }

    /// This object with the members of `more` added, none of which it may have already: what was kept
    /// stays as it is.
    pub fn appended(&self, more: &Self) -> Result<Self, CannotAppend> {
        let (own, added) = (Members::read(&self.0)?, Members::read(&more.0)?);
        let mut taken: Vec<_> = added.names().filter(|name| own.get(name).is_some()).collect();
        taken.sort_unstable();
        taken.dedup();
        if !taken.is_empty() {
            return Err(CannotAppend::Taken(taken.join(", ")));
        }
        Ok(self.merged_with(more)?)
    }

    /// This object with the members of `newer` added; the newer value wins if both have a member.
    /// Unaffected members keep their text and position.
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

/// Why members cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotAppend {
    /// Some are there already.
    #[error("has names that are there already: {0}")]
    Taken(String),
    /// The object would not be one that is kept.
    #[error("{0}, together with what is there")]
    Invalid(#[from] InvalidText),
}

impl From<InvalidObject> for CannotAppend {
    fn from(invalid: InvalidObject) -> Self {
        Self::Invalid(invalid.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn extra(json: &str) -> Extra {
        Extra::new(json).unwrap()
    }

    #[test]
    fn members_are_added_and_none_is_changed() {
        let before = extra(r#"{"order": 1.0, "tag":"shop"}"#);
        let after = before.appended(&extra(r#"{"note":"sent","more":{"order":2}}"#)).unwrap();
        assert_eq!(after.as_str(), r#"{"order":1.0,"tag":"shop","note":"sent","more":{"order":2}}"#);
        assert_eq!(before.appended(&Extra::default()).unwrap().tag(), before.tag());
        let taken = before.appended(&extra(r#"{"tag":1,"new":2,"order":3,"\u0074ag":4}"#));
        assert_eq!(taken, Err(CannotAppend::Taken("order, tag".to_owned())));
    }

    #[test]
    fn no_more_is_added_than_is_kept() {
        let half = "x".repeat(EXTRA_BYTES_MAX / 2);
        let before = extra(&format!(r#"{{"a":"{half}"}}"#));
        let more = extra(&format!(r#"{{"b":"{half}"}}"#));
        assert!(matches!(before.appended(&more), Err(CannotAppend::Invalid(_))));
    }
}
