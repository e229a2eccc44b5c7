//! How fast a password may be guessed: a few tries are free, then each must wait twice as
//! long as the one before, and an hour without any forgets them all. Pure.

use crate::domain::time::UnixMs;

/// How many tries need not wait, and how long the others must wait at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Tries that need not wait.
    pub free: i64,
    /// The longest wait, in seconds.
    pub wait_s_max: i64,
}

/// Of tries at one account from one address, and of those that its manager makes.
pub const AT_ACCOUNT: Throttle = Throttle { free: 5, wait_s_max: 900 };
/// Of tries at one account from anywhere: looser, because whoever knows a user name could
/// otherwise keep its owner out.
pub const AT_NAME: Throttle = Throttle { free: 100, wait_s_max: 15 };
/// The same, of tries by those who have hardly failed there: they do not wait behind those who go
/// on failing, one of whom would always be first.
pub const AT_NAME_NEWCOMER: Throttle = Throttle { free: 100, wait_s_max: 1 };
/// How many failures make of a newcomer somebody who goes on failing.
const NEWCOMER_FAILURES: i64 = 3;
/// Of tries from one address, which many people can share.
pub const FROM_ADDRESS: Throttle = Throttle { free: 50, wait_s_max: 900 };
/// Of accounts that are opened from one address.
pub const SIGN_UP: Throttle = Throttle { free: 10, wait_s_max: 900 };

/// After how many quiet seconds all is forgotten.
pub const FORGET_S: i64 = 3600;

/// The tries so far at one subject, the last success forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailedTries {
    /// How many have failed, or are under way.
    pub failures: i64,
    /// When the last one was made.
    pub last_at: UnixMs,
}

/// A try must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many guesses; the next one may be made in {0} seconds")]
pub struct Wait(pub i64);

impl FailedTries {
    fn quiet_s(self, now: UnixMs) -> i64 {
        now.seconds().saturating_sub(self.last_at.seconds())
    }

    /// How many have failed that count at this time.
    fn failures_at(self, now: UnixMs) -> i64 {
        if self.quiet_s(now) >= FORGET_S { 0 } else { self.failures }
    }

    /// Whether who has made these tries has hardly failed.
    pub fn are_of_newcomer(self, now: UnixMs) -> bool {
        self.failures_at(now) < NEWCOMER_FAILURES
    }

    /// How a try at this time must wait, if it must; otherwise how many have failed so far.
    pub fn check(self, throttle: Throttle, now: UnixMs) -> Result<i64, Wait> {
        let (quiet_s, failures) = (self.quiet_s(now), self.failures_at(now));
        let doubled = u32::try_from(failures.saturating_sub(throttle.free)).ok();
        let wait_s = doubled.map_or(0, |exponent| 2_i64.saturating_pow(exponent).min(throttle.wait_s_max));
        if quiet_s < wait_s {
            return Err(Wait(wait_s.saturating_sub(quiet_s).clamp(1, throttle.wait_s_max)));
        }
        Ok(failures)
    }

    /// Makes another try at this time. It counts as failed until it has succeeded, so that many
    /// at once are no way around waiting.
    pub fn attempt(self, throttle: Throttle, now: UnixMs) -> Result<Self, Wait> {
        let failures = self.check(throttle, now)?;
        Ok(Self { failures: failures.saturating_add(1), last_at: now })
    }
}
