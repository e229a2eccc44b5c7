//! The outbox's lag. Pure.

use std::time::Duration;

use crate::domain::time::UnixMs;

/// The longest waiting time among everything that a walk passes, where each step sees a part.
#[derive(Debug, Default)]
pub struct Lag {
    /// The longest that this walk has seen so far.
    so_far: Duration,
    /// The longest of the last complete walk.
    whole: Duration,
}

impl Lag {
    /// Records what a step has seen, by the times since which it waits, and whether the walk is
    /// complete.
    pub fn see(&mut self, since: impl IntoIterator<Item = UnixMs>, now: UnixMs, is_at_end: bool) {
        let late_ms = since.into_iter().min().map_or(0, |since| now.get().saturating_sub(since.get()));
        self.so_far = self.so_far.max(Duration::from_millis(u64::try_from(late_ms).unwrap_or_default()));
        if is_at_end {
            self.whole = std::mem::take(&mut self.so_far);
        }
    }

    /// The lag, as far as it is known.
    pub fn latest(&self) -> Duration {
        self.whole.max(self.so_far)
    }
}
