//! The dice of a history: the same for the same seed, on every machine.

use satkeep::domain::time::UnixMs;

/// `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// One of those that there are.
    pub(super) fn any<T>(&mut self, of: impl Iterator<Item = T> + Clone) -> Option<T> {
        match of.clone().count() {
            0 => None,
            count => of.clone().nth(self.below(count)),
        }
    }

    /// A time that is later by one of these many seconds.
    pub(super) fn later(&mut self, now: UnixMs, seconds: &[i64]) -> UnixMs {
        now.plus_seconds(self.of(seconds))
    }
}
