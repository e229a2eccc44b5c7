//! Limits on password guessing: a few attempts are free, then each must wait twice as long as the
//! one before, and an hour without any resets the count. Pure.

use crate::domain::time::UnixMs;

/// How many attempts need not wait, and how long the others wait at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Attempts that need not wait.
    pub free: i64,
    /// The longest wait, in seconds.
    pub wait_s_max: i64,
}

/// For attempts on one account from one address, and for those made by its manager.
pub const AT_ACCOUNT: Throttle = Throttle { free: 5, wait_s_max: 900 };
/// For attempts on one account from anywhere. It is looser, because anyone who knows a user name
/// could otherwise lock its owner out.
pub const AT_NAME: Throttle = Throttle { free: 100, wait_s_max: 15 };
/// The same for newcomers, who have hardly failed: they do not wait behind persistent attackers,
/// one of whom would always be first.
pub const AT_NAME_NEWCOMER: Throttle = Throttle { free: 100, wait_s_max: 1 };
/// The number of failures at which a newcomer stops being one.
const NEWCOMER_FAILURES: i64 = 3;
/// For attempts from one address, which many people can share.
pub const FROM_ADDRESS: Throttle = Throttle { free: 50, wait_s_max: 900 };
/// For accounts opened from one address.
pub const SIGN_UP: Throttle = Throttle { free: 10, wait_s_max: 900 };

/// The number of quiet seconds after which the count is reset.
pub const RESET_AFTER_S: i64 = 3600;

/// The failed attempts so far on one subject, since the last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailedAttempts {
    /// The number of attempts that have failed or are in progress.
    pub failures: i64,
    /// When the last one was made.
    pub last_at: UnixMs,
}

/// An attempt must wait for this many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; the next one may be made in {0} seconds")]
pub struct Wait(pub i64);

impl FailedAttempts {
    fn quiet_s(self, now: UnixMs) -> i64 {
        now.seconds().saturating_sub(self.last_at.seconds())
    }

    /// The number of failures that count at this time.
    fn failures_at(self, now: UnixMs) -> i64 {
        if self.quiet_s(now) >= RESET_AFTER_S { 0 } else { self.failures }
    }

    /// Whether these attempts are a newcomer's.
    pub fn are_of_newcomer(self, now: UnixMs) -> bool {
        self.failures_at(now) < NEWCOMER_FAILURES
    }

    /// How long an attempt at this time must wait, if it must; otherwise the number of failures so
    /// far.
    pub fn check(self, throttle: Throttle, now: UnixMs) -> Result<i64, Wait> {
        let (quiet_s, failures) = (self.quiet_s(now), self.failures_at(now));
        let doubled = u32::try_from(failures.saturating_sub(throttle.free)).ok();
        let wait_s = doubled.map_or(0, |exponent| 2_i64.saturating_pow(exponent).min(throttle.wait_s_max));
        if quiet_s < wait_s {
            return Err(Wait(wait_s.saturating_sub(quiet_s).clamp(1, throttle.wait_s_max)));
        }
        Ok(failures)
    }

    /// Makes another attempt at this time. It counts as failed until it has succeeded, so that
    /// concurrent attempts cannot avoid the wait.
    pub fn attempt(self, throttle: Throttle, now: UnixMs) -> Result<Self, Wait> {
        let failures = self.check(throttle, now)?;
        Ok(Self { failures: failures.saturating_add(1), last_at: now })
    }
}
