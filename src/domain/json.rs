//! JSON objects as text: parsed and combined without rewriting their contents. Numbers keep their
//! digits, strings their escapes, and members their order.

use std::collections::HashMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// How deep arrays and objects may nest: what most parsers accept.
pub const DEPTH_MAX: usize = 100;

/// The text is not a JSON object, or not one that every parser accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObject {
    /// It is something else.
    #[error("not a JSON object")]
    Form,
    /// It nests deeper than [`DEPTH_MAX`].
    #[error("a JSON object that nests too deep")]
    Depth,
    /// A number exceeds the range of a double.
    #[error("a JSON object with a number beyond 1.8e308")]
    Number,
    /// An escape is an unpaired surrogate.
    #[error("a JSON object with half of a surrogate pair")]
    Surrogate,
}

/// The members of an object in order, each exactly as written. A name may occur more than once; the
/// last one counts.
#[derive(Debug, Default)]
pub struct Members<'a>(Vec<Member<'a>>);

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name, unescaped.
    name: String,
    /// Its name as written.
    key: &'a str,
    /// Its value as written.
    value: &'a str,
}

impl<'a> Members<'a> {
    /// Parses an object.
    pub fn read(json: &'a str) -> Result<Self, InvalidObject> {
        serde_json::from_str(json).or(Err(InvalidObject::Form))
    }

    /// The value of a member as written.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rfind(|member| member.name == name).map(|member| member.value)
    }

    /// The names of the members, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|member| member.name.as_str())
    }

    /// The object of these members and newer ones. If both have a name, the newer value takes the
    /// place of the older one; new members come last.
    pub fn merged_with(&self, newer: &Self) -> String {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut merged: Vec<&Member<'_>> = Vec::with_capacity(self.0.len().saturating_add(newer.0.len()));
        for member in self.0.iter().chain(&newer.0) {
            if let Some(older) = places.get(member.name.as_str()).and_then(|place| merged.get_mut(*place)) {
                *older = member;
            } else {
                places.insert(&member.name, merged.len());
                merged.push(member);
            }
        }
        let members: Vec<_> = merged.iter().map(|Member { key, value, .. }| format!("{key}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    let name = serde_json::from_str(key.get()).map_err(serde::de::Error::custom)?;
                    members.push(Member { name, key: key.get(), value: value.get() });
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// Checks for what JSON's grammar allows but many parsers reject: deep nesting, unpaired surrogate
/// escapes, and numbers beyond the range of a double. The text must be JSON.
pub fn check_portable(json: &str) -> Result<(), InvalidObject> {
    let mut depth: usize = 0;
    let mut number_from = None;
    let mut bytes = json.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (byte, number_from) {
            (b'0'..=b'9' | b'-', None) => number_from = Some(at),
            (b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E', Some(_)) | (_, None) => {}
            (_, Some(from)) => {
                check_number(json.get(from..at).unwrap_or_default())?;
                number_from = None;
            }
        }
        match byte {
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > DEPTH_MAX {
                    return Err(InvalidObject::Depth);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => check_text(&mut bytes.by_ref().map(|(_, byte)| byte))?,
            _ => {}
        }
    }
    // A text that is a number has nothing behind it.
    number_from.map_or(Ok(()), |from| check_number(json.get(from..).unwrap_or_default()))
}

/// Python rejects integers of more than 4300 digits, Go rejects infinite numbers.
fn check_number(number: &str) -> Result<(), InvalidObject> {
    if number.parse().is_ok_and(f64::is_finite) { Ok(()) } else { Err(InvalidObject::Number) }
}

/// Checks the escapes of a string up to its end.
fn check_text(bytes: &mut impl Iterator<Item = u8>) -> Result<(), InvalidObject> {
    // Whether the previous escape was the first half of a surrogate pair.
    let mut half = false;
    while let Some(byte) = bytes.next() {
        let unit = match byte {
            b'\\' if bytes.next() == Some(b'u') => hex_of(bytes),
            b'"' if half => return Err(InvalidObject::Surrogate),
            b'"' => return Ok(()),
            _ => 0,
        };
        half = match (half, unit) {
            (false, 0xd800..=0xdbff) => true,
            (true, 0xdc00..=0xdfff) => false,
            (true, _) | (false, 0xdc00..=0xdfff) => return Err(InvalidObject::Surrogate),
            (false, _) => false,
        };
    }
    Ok(())
}

/// The value of an escape's four hex digits.
fn hex_of(bytes: &mut impl Iterator<Item = u8>) -> u32 {
    bytes.take(4).fold(0, |unit, byte| unit << 4 | char::from(byte).to_digit(16).unwrap_or_default())
}

/// The same JSON on one line. Line breaks can only occur between tokens, so nothing is lost.
pub fn on_one_line(json: String) -> String {
    // Searching for one byte is much faster than checking each.
    let breaks = [b'\n', b'\r'];
    if breaks.iter().any(|byte| json.as_bytes().contains(byte)) { json.replace(['\n', '\r'], "") } else { json }
}
