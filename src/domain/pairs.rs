//! Name-value pairs to search for in JSON objects. They are compared as JSON values, regardless of
//! their text. Numbers are compared by their digits, so that `1`, `1.0` and `1e0` are equal, and
//! 18446744073709551616 and …617 are not.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::extra::Extra;

/// Names with their values; an object matches if it has each of them. They come from an object that
/// is checked like [`Extra`], so their nesting is bounded.
#[derive(Clone, Debug, Default)]
pub struct Pairs(BTreeMap<String, Box<RawValue>>);

impl Pairs {
    /// Parses a JSON object; `None` if the text is not one.
    pub fn parse(json: &str) -> Option<Self> {
        let object = Extra::new(json.trim()).ok()?;
        serde_json::from_str(object.as_str()).ok().map(Self)
    }

    /// True if there are no pairs, so that every object matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object has each of the pairs, possibly among others.
    pub fn are_in(&self, object: &Extra) -> bool {
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(object.as_str()) else { return false };
        self.0.iter().all(|(name, wanted)| members.get(name).is_some_and(|found| equal(wanted.get(), found.get())))
    }
}

/// Whether two JSON texts have the same value.
fn equal(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (one.bytes().next(), other.bytes().next()) {
        (Some(b'"'), Some(b'"')) => both::<String>(one, other).is_some_and(|(one, other)| one == other),
        (Some(b'['), Some(b'[')) => both::<Vec<&RawValue>>(one, other).is_some_and(|(one, other)| {
            one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| equal(one.get(), other.get()))
        }),
        (Some(b'{'), Some(b'{')) => both::<BTreeMap<String, &RawValue>>(one, other).is_some_and(|(one, other)| {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(&other)
                    .all(|((name, one), (other_name, other))| name == other_name && equal(one.get(), other.get()))
        }),
        _ => decimal(one).is_some_and(|number| decimal(other) == Some(number)),
    }
}

fn both<'a, T: serde::Deserialize<'a>>(one: &'a str, other: &'a str) -> Option<(T, T)> {
    Some((serde_json::from_str(one).ok()?, serde_json::from_str(other).ok()?))
}

/// A number as its sign, its digits without zeros at either end, and the power of ten of the last
/// one: a unique form for each number.
fn decimal(json: &str) -> Option<(bool, String, i64)> {
    let (is_negative, digits) = json.strip_prefix('-').map_or((false, json), |digits| (true, digits));
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let moved = i64::try_from(digits.len().checked_sub(significant.len())?).ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    let power = exponent.checked_add(moved)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Some((is_negative, significant.trim_start_matches('0').to_owned(), power))
}
