//! The clock. The core is told the time; only the shell looks at it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::UnixMs;

/// Now; a clock before 1970 is read as 1970.
pub fn now() -> UnixMs {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    UnixMs::new(i64::try_from(ms).unwrap_or(i64::MAX))
}
