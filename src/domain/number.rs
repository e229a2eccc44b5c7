//! Numbers and switches out of texts, judged by the text: never through a float, which does not
//! hold every digit.
//!
//! What is accepted is what existing clients get away with at pydantic: Python's syntax of
//! integers and floats for whole numbers, and its words for booleans.

/// Decimal digits of the largest `i64`.
const DIGITS_MAX: i64 = 19;

/// The text is no whole number that can be counted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumber {
    /// It is no number, or has a fraction.
    #[error("must be a whole number")]
    NotWhole,
    /// It is a whole number, but beyond what an `i64` holds.
    #[error("must be a whole number of at most 18 digits")]
    OutOfRange,
}

/// The digits of a number and where its decimal point is, with nothing computed yet.
struct Decimal {
    negative: bool,
    /// The digits without the zeros in front and behind; empty for zero.
    digits: Vec<u8>,
    /// By which power of ten the digits are to be multiplied.
    power: i64,
}

/// Reads a whole number: a sign, digits (with single `_` between them), a fraction of zeros, an
/// exponent; with space around it. As many digits are looked at as it takes, and no more work is
/// done than that, whatever the exponent says.
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
    // At most 19 digits, so that an i128 holds them.
    let value = all.fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    i64::try_from(if negative { -value } else { value }).or(Err(InvalidNumber::OutOfRange))
}

/// Reads a switch: `true`, `false`, `1`, `0`, `t`, `f`, `yes`, `no`, `y`, `n`, `on`, `off`, in any
/// case, and numbers that are 1 or 0.
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

/// Whether there is a minus in front, and what is behind the sign.
fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// An exponent; one beyond all reason is as large as can be.
fn exponent_of(text: &str) -> Option<i64> {
    let (negative, text) = sign(text);
    let mut digits = Vec::with_capacity(text.len());
    push_digits(text, &mut digits)?;
    let size = digits.iter().fold(0_i64, |size, digit| size.saturating_mul(10).saturating_add((digit - b'0').into()));
    // Half of what an i64 holds, so that counts of digits can be added to it.
    let size = size.min(i64::MAX / 2);
    Some(if negative { -size } else { size })
}

/// Adds the digits of a text that holds digits, and single `_` between them, and nothing else.
fn push_digits(text: &str, digits: &mut Vec<u8>) -> Option<()> {
    for group in text.split('_') {
        if group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.extend_from_slice(group.as_bytes());
    }
    Some(())
}

/// A decimal number, counted in its smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPoint {
    /// How many units there are; what is less than one is left out.
    pub units: i128,
    /// Whether nothing was left out.
    pub is_exact: bool,
}

/// The text is no decimal number that can be counted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDecimal {
    /// It is no number.
    #[error("must be a decimal number")]
    NotNumber,
    /// It is beyond what an `i128` holds.
    #[error("must be a smaller number")]
    OutOfRange,
}

/// Reads a decimal number as [`whole_number`] does a whole one, in units of ten to the power of
/// minus `places`.
pub fn fixed_point(text: &str, places: u8) -> Result<FixedPoint, InvalidDecimal> {
    /// Decimal digits that every `i128` of them holds.
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
    // The last digit is none of the zeros, so that whatever is shifted out was something.
    Ok(FixedPoint { units: if negative { -size } else { size }, is_exact: shift >= 0 })
}
