//! How long an invoice can be paid.

/// The default, in seconds (BOLT 11).
const DEFAULT_S: u32 = 3600;
/// The maximum, in seconds: ten years.
const MAX_S: u32 = 10 * 365 * 24 * 3600;

/// How long an invoice can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(u32);

/// The time is too long or too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of seconds from 1 to {MAX_S}")]
pub struct InvalidExpiry;

impl Expiry {
    /// The default if the client specifies nothing.
    pub const DEFAULT: Self = Self(DEFAULT_S);

    /// Of what should not keep others waiting.
    pub const TEN_MINUTES: Self = Self(600);

    /// From a number of seconds as clients send it. Many send 0 to mean nothing, because it is the
    /// zero value of their language.
    pub fn from_client(seconds: Option<i64>) -> Result<Self, InvalidExpiry> {
        match seconds {
            None | Some(0) => Ok(Self::DEFAULT),
            Some(seconds) => {
                let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds <= MAX_S);
                seconds.map(Self).ok_or(InvalidExpiry)
            }
        }
    }

    /// In seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_zero_are_an_hour() {
        assert_eq!(Expiry::from_client(None), Ok(Expiry::DEFAULT));
        assert_eq!(Expiry::from_client(Some(0)), Ok(Expiry::DEFAULT));
        assert_eq!(Expiry::DEFAULT.seconds(), 3600);
    }

    #[test]
    fn ten_years_are_the_longest() {
        for seconds in [1, 3600, MAX_S.into()] {
            assert_eq!(Expiry::from_client(Some(seconds)).map(|expiry| i64::from(expiry.seconds())), Ok(seconds));
        }
        for seconds in [-1, i64::MIN, i64::from(MAX_S) + 1, i64::from(u32::MAX) + 2, i64::MAX] {
            assert_eq!(Expiry::from_client(Some(seconds)), Err(InvalidExpiry), "{seconds}");
        }
        assert_eq!(InvalidExpiry.to_string(), "must be a whole number of seconds from 1 to 315360000");
    }
}
