//! When a failed delivery is retried.

use crate::domain::time::UnixMs;

/// Seconds between attempts, without the jitter: about 31 hours in total.
const BACK_OFF_S: [i64; 13] = [1, 5, 30, 120, 600, 1800, 3600, 7200, 14_400, 18_000, 21_600, 21_600, 21_600];

/// After this many failures an event leaves its queue, and those behind it proceed.
const FAILURES_IN_LINE: i64 = 2;

/// When to retry after this many failed attempts; `None` after the last one. `jitter` is any
/// number: it shifts the time by up to a quarter either way, so that deliveries that failed
/// together are not retried together.
pub fn next_attempt(now: UnixMs, attempts: i64, jitter: u16) -> Option<UnixMs> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    let ms = BACK_OFF_S.get(index)?.saturating_mul(1000);
    let shift = (i64::from(jitter) - 32_768).saturating_mul(ms) / (4 * 32_768);
    Some(UnixMs::new(now.get().saturating_add(ms).saturating_add(shift)))
}

/// Whether an event with this many failures still blocks its queue: order is kept as far as a
/// failing target allows.
pub const fn holds_its_line(attempts: i64) -> bool {
    attempts <= FAILURES_IN_LINE
}
