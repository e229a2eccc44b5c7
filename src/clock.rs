//! The clock. The core is given the time; only the shell reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::UnixMs;

/// The current time; a clock before 1970 reads as 1970.
pub fn now() -> UnixMs {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    UnixMs::new(i64::try_from(ms).unwrap_or(i64::MAX))
}
