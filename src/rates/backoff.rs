//! How long to leave somebody alone who does not answer.

use super::has_elapsed;
use crate::domain::time::UnixMs;

/// The first wait, in seconds; it doubles each time.
const FIRST_S: i64 = 5;
/// The longest wait.
const LONGEST_S: i64 = 300;

/// Failures in a row, and when the last one was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    last: UnixMs,
}

impl Backoff {
    /// Whether it is too early to ask again.
    pub(super) fn is_waiting(self, now: UnixMs) -> bool {
        self.failures > 0 && !has_elapsed(self.last, self.wait_s(), now)
    }

    pub(super) fn fail(&mut self, now: UnixMs) {
        *self = Self { failures: self.failures.saturating_add(1), last: now };
    }

    fn wait_s(self) -> i64 {
        let doublings = self.failures.saturating_sub(1);
        2_i64.checked_pow(doublings).map_or(LONGEST_S, |times| FIRST_S.saturating_mul(times).min(LONGEST_S))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        let mut now = UnixMs::new(1_000_000);
        assert!(!backoff.is_waiting(now));
        for wait_s in [5, 10, 20, 40, 80, 160, 300, 300, 300] {
            backoff.fail(now);
            assert!(backoff.is_waiting(now.plus_seconds(wait_s - 1)), "{wait_s}");
            now = now.plus_seconds(wait_s);
            assert!(!backoff.is_waiting(now), "{wait_s}");
        }
        for _ in 0..100 {
            backoff.fail(now);
        }
        assert!(backoff.is_waiting(now.plus_seconds(299)));
        assert!(!backoff.is_waiting(now.plus_seconds(300)));
        assert!(!backoff.is_waiting(now.plus_seconds(-3600)), "the clock was set back");
    }
}
