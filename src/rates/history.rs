//! What the rate of a currency was: a ring of a day.

use std::collections::VecDeque;

use super::has_elapsed;
use super::price::Price;
use crate::domain::time::UnixMs;

/// How far apart two entries are, in seconds.
const STEP_S: i64 = 300;
/// How many are kept: those of a day.
const ENTRIES_MAX: usize = 288;

/// Rates that were accepted, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History(VecDeque<(UnixMs, Price)>);

impl History {
    /// Notes a rate, unless the one before is of just now.
    pub(super) fn note(&mut self, price: Price, now: UnixMs) {
        if self.0.back().is_some_and(|(at, _)| !has_elapsed(*at, STEP_S, now)) {
            return;
        }
        // What is of the future is from before the clock was set back.
        while self.0.back().is_some_and(|(at, _)| *at > now) {
            self.0.pop_back();
        }
        if self.0.len() >= ENTRIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, price));
    }

    /// The rates since some time.
    pub(super) fn since(&self, from: UnixMs) -> impl Iterator<Item = (UnixMs, Price)> {
        self.0.iter().copied().filter(move |(at, _)| *at >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_kept_in_steps() {
        let mut history = History::default();
        let price = Price::read("1").unwrap();
        for minute in 0..3 * 24 * 60 {
            history.note(price, UnixMs::new(0).plus_seconds(minute * 60));
        }
        let times: Vec<_> = history.since(UnixMs::new(0)).map(|(at, _)| at.seconds()).collect();
        assert_eq!(times.len(), ENTRIES_MAX);
        assert!(times.windows(2).all(|pair| matches!(pair, [a, b] if b - a == STEP_S)), "{times:?}");
        assert_eq!(times.last(), Some(&(3 * 86_400 - STEP_S)));
        assert_eq!(history.since(UnixMs::new(0).plus_seconds(3 * 86_400 - 3600)).count(), 12);
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_nothing_of_the_future() {
        let mut history = History::default();
        let price = Price::read("1").unwrap();
        history.note(price, UnixMs::new(10_000_000));
        history.note(price, UnixMs::new(1_000_000));
        assert_eq!(history.since(UnixMs::new(0)).map(|(at, _)| at.get()).collect::<Vec<_>>(), [1_000_000]);
    }
}
