//! Points in time: integer milliseconds since 1970 (UTC), and points in time as clients write them.
//! The clock itself is elsewhere: code that needs the time is given it.

use std::borrow::Cow;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, Time};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMs(i64);

impl UnixMs {
    /// From a number of milliseconds.
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// The number of milliseconds.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This many seconds later, saturating at the maximum.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// The start of its month, in UTC. A time beyond the year 9999 is returned unchanged.
    #[must_use]
    pub fn start_of_month(self) -> Self {
        let month = OffsetDateTime::from_unix_timestamp(self.seconds()).and_then(|day| day.replace_day(1)).ok();
        month.map_or(self, |day| Self(day.replace_time(Time::MIDNIGHT).unix_timestamp().saturating_mul(1000)))
    }

    /// ISO 8601 in UTC with milliseconds, such as `2026-01-31T12:00:00.250Z`.
    ///
    /// A time beyond the year 9999 becomes the empty text; none is ever stored.
    pub fn to_iso(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok())
            .unwrap_or_default()
    }
}

/// A point in time as a client writes it. It covers all milliseconds that the client cannot tell
/// apart: without a fraction its whole second, with a fraction its millisecond, and between two
/// milliseconds none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    from: UnixMs,
    until: UnixMs,
}

/// The longest text that is parsed as a time, in bytes.
const MOMENT_BYTES_MAX: usize = 64;

impl Moment {
    /// A whole second.
    pub const fn of_second(seconds: i64) -> Self {
        let from = UnixMs::new(seconds.saturating_mul(1000));
        Self { from, until: from.plus_seconds(1) }
    }

    /// The first millisecond that is not before it.
    pub const fn from(self) -> UnixMs {
        self.from
    }

    /// The first millisecond that is after it.
    pub const fn until(self) -> UnixMs {
        self.until
    }

    /// Parses Unix seconds, or an ISO 8601 date or date-time; UTC is assumed without a zone.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MOMENT_BYTES_MAX {
            return None;
        }
        Self::parse_seconds(text).or_else(|| Self::parse_iso(text))
    }

    fn parse_seconds(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let plain = without_exponent(digits)?;
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        // A time beyond everything stored is equivalent to the last one.
        let seconds: i64 = whole.parse().unwrap_or(i64::MAX);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            return Some(Self::of_second(if is_negative { seconds.saturating_neg() } else { seconds }));
        }
        let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let ms = seconds.saturating_mul(1000).saturating_add(thousandths);
        Some(Self::of_ms(if is_negative { ms.saturating_neg() } else { ms }, fraction.len() <= 3, is_negative))
    }

    /// From a number of milliseconds that was truncated towards zero, unless it is exact.
    const fn of_ms(ms: i64, is_exact: bool, is_negative: bool) -> Self {
        let next = UnixMs::new(ms.saturating_add(1));
        match (is_exact, is_negative) {
            (true, _) => Self { from: UnixMs::new(ms), until: next },
            (false, true) => Self { from: UnixMs::new(ms), until: UnixMs::new(ms) },
            (false, false) => Self { from: next, until: next },
        }
    }

    fn parse_iso(text: &str) -> Option<Self> {
        let (date, rest) = (text.get(..10)?, text.get(10..)?);
        let (clock, zone) = match rest.strip_prefix(['T', 't', ' ']) {
            None if rest.is_empty() => ("00:00:00", "Z".to_owned()),
            None => return None,
            Some(rest) => split_zone(rest)?,
        };
        let seconds = if clock.bytes().filter(|byte| *byte == b':').count() == 1 { ":00" } else { "" };
        let time = OffsetDateTime::parse(&format!("{date}T{clock}{seconds}{zone}"), &Rfc3339).ok()?;
        if time.nanosecond() == 0 {
            return Some(Self::of_second(time.unix_timestamp()));
        }
        let nanos = time.unix_timestamp_nanos();
        let ms = i64::try_from(nanos.div_euclid(1_000_000)).ok()?;
        Some(Self::of_ms(ms, nanos.rem_euclid(1_000_000) == 0, false))
    }
}

/// Removes a number's exponent, if it has one, by moving its point, capped where a further shift
/// makes no difference.
fn without_exponent(number: &str) -> Option<Cow<'_, str>> {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return Some(number.into()) };
    let is_small = exponent.starts_with('-');
    let size = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let moves: usize = size.parse().unwrap_or(usize::MAX).min(2 * MOMENT_BYTES_MAX);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() {
        return None;
    }
    if is_small {
        let padded = format!("{}{whole}", "0".repeat(moves.saturating_add(1)));
        let (whole, moved) = padded.split_at_checked(padded.len().checked_sub(moves)?)?;
        return Some(format!("{whole}.{moved}{fraction}").into());
    }
    let padded = format!("{fraction}{}", "0".repeat(moves));
    let (moved, fraction) = padded.split_at_checked(moves)?;
    Some(format!("{whole}{moved}.{fraction}").into())
}

/// Splits the zone off a time of day, and writes it as in RFC 3339. An unencoded `+` in a URL
/// arrives as a space.
fn split_zone(text: &str) -> Option<(&str, String)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock.trim_end(), "Z".to_owned()));
    }
    let Some(at) = text.rfind(['+', '-', ' ']) else { return Some((text, "Z".to_owned())) };
    let (clock, zone) = text.split_at(at);
    let sign = if zone.starts_with('-') { '-' } else { '+' };
    let digits: String = zone.chars().skip(1).filter(|character| *character != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (digits.get(..2)?, "00"),
        4 => (digits.get(..2)?, digits.get(2..)?),
        _ => return None,
    };
    Some((clock.trim_end(), format!("{sign}{hours}:{minutes}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_with_its_first_day_in_utc() {
        for (time, month) in [
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-30T23:59:59.999Z", "2026-11-01T00:00:00Z"),
            ("2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z"),
        ] {
            let time = Moment::parse(time).expect("it is a time").from();
            assert_eq!(time.start_of_month().to_iso(), month);
        }
        let last = UnixMs::new(i64::MAX);
        assert_eq!(last.start_of_month(), last);
    }
}
