//! Tokens that managers make for their programs: what each may do, and for how long.
//!
//! A token's text and digest are those of a [session](super::session): whoever is shown one need
//! not know which of the two it is.

use super::text::InvalidText;
use super::time::UnixMs;

/// For how long a token is good where nothing is said, in seconds: 90 days.
const LIFETIME_S: i64 = 90 * 24 * 3600;
/// The longest life of a token, in seconds: two years.
pub const LIFETIME_S_MAX: i64 = 2 * 365 * 24 * 3600;
/// How often the use of a token is noted at most, in milliseconds.
const NOTED_EVERY_MS: i64 = 60_000;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Read what its manager may, but for keys.
    Read,
    /// Also create, change and delete users and wallets, and see the keys that receive.
    Users,
    /// Also move money, and see the keys that spend.
    Payments,
    /// All that its manager may after a login.
    All,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Users, Self::Payments, Self::All];

    /// The name by which the API calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Users => "users",
            Self::Payments => "payments",
            Self::All => "all",
        }
    }

    /// The scope of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Its bit in [`Scopes`]; a stored number, so a bit never changes its meaning.
    const fn bit(self) -> i64 {
        match self {
            Self::Read => 1,
            Self::Users => 2,
            Self::Payments => 4,
            Self::All => 8,
        }
    }
}

/// What a token may do, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(i64);

impl Scopes {
    /// Everything: what a login grants.
    pub const EVERYTHING: Self = Self(Scope::All.bit());

    /// Those of these names, one at least.
    pub fn of_names<S: AsRef<str>>(names: &[S]) -> Result<Self, InvalidText> {
        const FORM: InvalidText = InvalidText::Form("a list of one or more of read, users, payments and all");
        let scopes = names.iter().map(|name| Scope::from_name(name.as_ref()).ok_or(FORM));
        let bits = scopes.collect::<Result<Vec<_>, _>>()?.into_iter().fold(0, |bits, scope| bits | scope.bit());
        if bits == 0 { Err(FORM) } else { Ok(Self(bits)) }
    }

    /// From the number that is stored.
    pub const fn from_stored(bits: i64) -> Self {
        Self(bits)
    }

    /// The number to store.
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether they let a token do what needs a scope. Every token reads, and `all` is all.
    pub const fn allow(self, needed: Scope) -> bool {
        match needed {
            Scope::Read => self.0 != 0,
            Scope::Users | Scope::Payments | Scope::All => self.0 & (needed.bit() | Scope::All.bit()) != 0,
        }
    }

    /// The names, in their order.
    pub fn names(self) -> Vec<&'static str> {
        Scope::ALL.into_iter().filter(|scope| self.0 & scope.bit() != 0).map(Scope::as_str).collect()
    }
}

/// How long a token is good: up to [`LIFETIME_S_MAX`] seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(i64);

impl Lifetime {
    /// Checks a number of seconds.
    pub fn from_seconds(seconds: i64) -> Result<Self, InvalidText> {
        const FORM: InvalidText = InvalidText::Form("a number of seconds from 1 to 63072000 (two years)");
        if (1..=LIFETIME_S_MAX).contains(&seconds) { Ok(Self(seconds)) } else { Err(FORM) }
    }

    /// The seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self(LIFETIME_S)
    }
}

/// Before which time the use of a token must have been noted last to be noted again now.
pub const fn noted_before(now: UnixMs) -> UnixMs {
    UnixMs::new(now.get().saturating_sub(NOTED_EVERY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_what_it_says_and_no_more() {
        let cases: [(&[&str], [bool; 4]); 5] = [
            (&["read"], [true, false, false, false]),
            (&["users"], [true, true, false, false]),
            (&["payments"], [true, false, true, false]),
            (&["payments", "users", "users"], [true, true, true, false]),
            (&["all", "read"], [true, true, true, true]),
        ];
        for (names, expected) in cases {
            let scopes = Scopes::of_names(names).unwrap();
            assert_eq!(Scope::ALL.map(|scope| scopes.allow(scope)), expected, "{names:?}");
            assert_eq!(Scopes::from_stored(scopes.bits()), scopes);
        }
        assert_eq!(Scopes::of_names(&["all", "read"]).unwrap().names(), ["read", "all"]);
        assert!(Scopes::of_names::<&str>(&[]).is_err() && Scopes::of_names(&["read", "Write"]).is_err());
        assert!(Scope::ALL.into_iter().all(|scope| !Scopes::from_stored(0).allow(scope)));
    }

    #[test]
    fn a_lifetime_ends() {
        for seconds in [i64::MIN, -1, 0, LIFETIME_S_MAX + 1, i64::MAX] {
            assert!(Lifetime::from_seconds(seconds).is_err(), "{seconds}");
        }
        assert_eq!(Lifetime::from_seconds(LIFETIME_S_MAX).unwrap().seconds(), LIFETIME_S_MAX);
        assert_eq!(Lifetime::default().seconds(), 7_776_000);
    }
}
