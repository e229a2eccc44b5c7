//! How late the outbox is. Pure.

use std::time::Duration;

use crate::domain::time::UnixMs;

/// How long what waits longest has been waiting, of all that a walk comes by, of which each step
/// sees some.
#[derive(Debug, Default)]
pub struct Lag {
    /// The longest that the walk has seen since its beginning.
    so_far: Duration,
    /// The longest of the last whole walk.
    whole: Duration,
}

impl Lag {
    /// Takes in what a step has seen, by since when it waits, and whether the walk is at its end.
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
