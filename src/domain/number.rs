//! Parsing numbers and booleans from text without a detour through a float, which cannot hold every
//! digit.
//!
//! Accepts what existing clients can send to pydantic: Python's syntax of integers and floats for
//! whole numbers, and its words for booleans.

/// Decimal digits of the largest `i64`.
const DIGITS_MAX: i64 = 19;

/// The text is not a usable whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumber {
    /// It is not a number, or has a fraction.
    #[error("must be a whole number")]
    NotWhole,
    /// It is a whole number, but exceeds an `i64`.
    #[error("must be a whole number of at most 18 digits")]
    OutOfRange,
}

/// The digits of a number and the position of its decimal point, with nothing computed yet.
struct Decimal {
    negative: bool,
    /// The digits without leading and trailing zeros; empty for zero.
    digits: Vec<u8>,
    /// The power of ten that the digits are multiplied by.
    power: i64,
}

/// Parses a whole number: a sign, digits (with single `_` between them), a fraction of zeros, and
/// an exponent, with whitespace around it. The work is bounded by the length of the text, whatever
/// the exponent says.
pub fn whole_number(text: &str) -> Result<i64, InvalidNumber> {
    let Decimal { negative, digits, power } = Decimal::read(text.trim()).ok_or(InvalidNumber::NotWhole)?;
    if digits.is_empty() {
        return Ok(0);
    }
    if power < 0 {
        return Err(InvalidNumber::NotWhole);
    }
    let count = i64::try_from(digits.len()).or(Err(InvalidNumber::OutOfRange))?;
    if count.saturating_add(power) > DIGITS_MAX {
        return Err(InvalidNumber::OutOfRange);
    }
    let zeros = usize::try_from(power).or(Err(InvalidNumber::OutOfRange))?;
    let all = digits.into_iter().chain(std::iter::repeat_n(b'0', zeros));
    // At most 19 digits, which fit an i128.
    let value = all.fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    i64::try_from(if negative { -value } else { value }).or(Err(InvalidNumber::OutOfRange))
}

/// Parses a boolean: `true`, `false`, `1`, `0`, `t`, `f`, `yes`, `no`, `y`, `n`, `on`, `off`, in
/// any case, and numbers that are 1 or 0.
pub fn switch(text: &str) -> Option<bool> {
    let text = text.trim();
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["true", "t", "yes", "y", "on"]) {
        return Some(true);
    }
    if is_one_of(&["false", "f", "no", "n", "off"]) {
        return Some(false);
    }
    match whole_number(text) {
        Ok(1) => Some(true),
        Ok(0) => Some(false),
        Ok(_) | Err(_) => None,
    }
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = sign(text);
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut digits = Vec::with_capacity(mantissa.len());
        for part in [whole, fraction] {
            if !part.is_empty() {
                push_digits(part, &mut digits)?;
            }
        }
        let behind_point = fraction.bytes().filter(u8::is_ascii_digit).count();
        let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last.saturating_add(1));
        let cut = digits.len().saturating_sub(kept);
        digits.truncate(kept);
        let in_front = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..in_front);
        let power = exponent.saturating_add(i64::try_from(cut).ok()?).saturating_sub(i64::try_from(behind_point).ok()?);
        Some(Self { negative, digits, power })
    }
}

/// Whether there is a leading minus, and the text after the sign.
fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// An exponent; an absurdly large one is clamped.
fn exponent_of(text: &str) -> Option<i64> {
    let (negative, text) = sign(text);
    let mut digits = Vec::with_capacity(text.len());
    push_digits(text, &mut digits)?;
    let size = digits.iter().fold(0_i64, |size, digit| size.saturating_mul(10).saturating_add((digit - b'0').into()));
    // Half of what an i64 holds, so that counts of digits can be added to it.
    let size = size.min(i64::MAX / 2);
    Some(if negative { -size } else { size })
}

/// Adds the digits of a text that consists of digits with single `_` between them.
fn push_digits(text: &str, digits: &mut Vec<u8>) -> Option<()> {
    for group in text.split('_') {
        if group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.extend_from_slice(group.as_bytes());
    }
    Some(())
}

/// A decimal number, in multiples of its smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPoint {
    /// The number of units; a remainder smaller than one is dropped.
    pub units: i128,
    /// Whether nothing was dropped.
    pub is_exact: bool,
}

/// The text is not a usable decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDecimal {
    /// It is not a number.
    #[error("must be a decimal number")]
    NotNumber,
    /// It exceeds an `i128`.
    #[error("must be a smaller number")]
    OutOfRange,
}

/// Parses a decimal number like [`whole_number`] does a whole one, in units of ten to the power of
/// minus `places`.
pub fn fixed_point(text: &str, places: u8) -> Result<FixedPoint, InvalidDecimal> {
    /// The number of decimal digits that always fit an `i128`.
    const DIGITS_MAX: i64 = 38;

    let Decimal { negative, digits, power } = Decimal::read(text.trim()).ok_or(InvalidDecimal::NotNumber)?;
    if digits.is_empty() {
        return Ok(FixedPoint { units: 0, is_exact: true });
    }
    let shift = power.saturating_add(places.into());
    let count = i64::try_from(digits.len()).or(Err(InvalidDecimal::OutOfRange))?.saturating_add(shift);
    if count > DIGITS_MAX {
        return Err(InvalidDecimal::OutOfRange);
    }
    let count = usize::try_from(count).unwrap_or(0);
    let all = digits.into_iter().chain(std::iter::repeat(b'0')).take(count);
    let size = all.fold(0_i128, |size, digit| size * 10 + i128::from(digit - b'0'));
    // The last digit is not zero, so anything shifted out was nonzero.
    Ok(FixedPoint { units: if negative { -size } else { size }, is_exact: shift >= 0 })
}
