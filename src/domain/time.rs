//! Points in time: integer milliseconds since 1970 (UTC). The clock itself is elsewhere:
//! whoever needs the time is given it.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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

    /// This many seconds later; the end of time where that is beyond it.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// ISO 8601 in UTC with milliseconds, as `2026-01-31T12:00:00.250Z`.
    ///
    /// A time beyond the year 9999 is shown as the empty text; none is ever stored.
    pub fn to_iso(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok())
            .unwrap_or_default()
    }
}
