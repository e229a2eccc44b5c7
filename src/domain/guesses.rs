//! How fast a password may be guessed: a few tries are free, then each must wait twice as
//! long as the one before, and an hour without any forgets them all. Pure.

use super::time::UnixMs;

/// Tries at one account that need not wait.
pub const FREE_AT_ACCOUNT: i64 = 5;
/// Tries from one address that need not wait: many people can share one.
pub const FREE_FROM_ADDRESS: i64 = 50;
/// The longest wait, in seconds.
const WAIT_S_MAX: i64 = 900;
/// After how many quiet seconds all is forgotten.
pub const FORGET_S: i64 = 3600;

/// The tries so far at one subject, the last success forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guesses {
    /// How many have failed, or are under way.
    pub failures: i64,
    /// When the last one was made.
    pub last_at: UnixMs,
}

/// A try must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many guesses; the next one may be made in {0} seconds")]
pub struct Wait(pub i64);

impl Guesses {
    /// Makes another try at this time, `free` of which need not wait. It counts as failed until
    /// it has succeeded, so that many at once are no way around waiting.
    pub fn attempt(self, free: i64, now: UnixMs) -> Result<Self, Wait> {
        let quiet_s = now.seconds().saturating_sub(self.last_at.seconds());
        let failures = if quiet_s >= FORGET_S { 0 } else { self.failures };
        let doubled = u32::try_from(failures.saturating_sub(free)).ok();
        let wait_s = doubled.map_or(0, |exponent| 2_i64.saturating_pow(exponent).min(WAIT_S_MAX));
        if quiet_s < wait_s {
            return Err(Wait(wait_s.saturating_sub(quiet_s).clamp(1, WAIT_S_MAX)));
        }
        Ok(Self { failures: failures.saturating_add(1), last_at: now })
    }
}
