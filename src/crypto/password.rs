//! Passwords, stored only as argon2id hashes (RFC 9106) with at least the cost that OWASP
//! recommends: 19 MiB, two passes, one lane.

use std::ops::RangeInclusive;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

/// The longest password, in bytes: enough for any phrase, too short to hurt.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// The shortest password of a manager or an operator, in characters.
pub const CHARACTERS_MIN: usize = 8;
/// The memory that a hash may use, in KiB: up to 1 GiB.
const MEMORY_KIB: RangeInclusive<u32> = 19_456..=1024 * 1024;
/// The number of passes that a hash may make.
const PASSES: RangeInclusive<u32> = 2..=100;

/// A password as the client sent it; wiped when dropped, never shown.
pub struct Password(Zeroizing<String>);

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is too long.
    #[error("must be at most {max} bytes long")]
    TooLong {
        /// The maximum length, in bytes.
        max: usize,
    },
    /// It is too short.
    #[error("must be at least {min} characters long")]
    TooShort {
        /// The minimum length, in characters.
        min: usize,
    },
}

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(argon2::password_hash::Error);

impl Password {
    /// Checks a password that is presented, or that a manager sets for a user: how strong the
    /// latter has to be is up to the manager.
    pub fn new(text: String) -> Result<Self, InvalidPassword> {
        let text = Zeroizing::new(text);
        if text.is_empty() {
            Err(InvalidPassword::Empty)
        } else if text.len() > PASSWORD_BYTES_MAX {
            Err(InvalidPassword::TooLong { max: PASSWORD_BYTES_MAX })
        } else {
            Ok(Self(text))
        }
    }

    /// Checks a password set for a manager or an operator, whose login can move money. An older one
    /// may be shorter.
    pub fn new_for_login(text: String) -> Result<Self, InvalidPassword> {
        let password = Self::new(text)?;
        let is_long_enough = password.0.chars().nth(CHARACTERS_MIN - 1).is_some();
        if is_long_enough { Ok(password) } else { Err(InvalidPassword::TooShort { min: CHARACTERS_MIN }) }
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The memory of a hash, in KiB: no less than is safe, no more than a server should spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryKib(u32);

/// The passes of a hash: no fewer than is safe, no more than a server should spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes(u32);

/// A cost parameter is out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from {} to {}", .0.start(), .0.end())]
pub struct InvalidCost(RangeInclusive<u32>);

impl FromStr for MemoryKib {
    type Err = InvalidCost;

    fn from_str(text: &str) -> Result<Self, InvalidCost> {
        read_cost(text, MEMORY_KIB).map(Self)
    }
}

impl FromStr for Passes {
    type Err = InvalidCost;

    fn from_str(text: &str) -> Result<Self, InvalidCost> {
        read_cost(text, PASSES).map(Self)
    }
}

fn read_cost(text: &str, range: RangeInclusive<u32>) -> Result<u32, InvalidCost> {
    text.parse().ok().filter(|cost| range.contains(cost)).ok_or(InvalidCost(range))
}

/// Hashes and verifies passwords at one cost. Each call takes tens of milliseconds and a lot of
/// memory by design: run it where blocking is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Hasher {
    memory: MemoryKib,
    passes: Passes,
}

impl Hasher {
    /// A hasher with this much memory and this many passes.
    pub const fn new(memory: MemoryKib, passes: Passes) -> Self {
        Self { memory, passes }
    }

    fn argon2(self) -> Result<Argon2<'static>, HashError> {
        let params = Params::new(self.memory.0, self.passes.0, 1, None).map_err(|error| HashError(error.into()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// The hash in PHC text form, with a fresh salt.
    pub fn hash(&self, password: &Password) -> Result<String, HashError> {
        self.argon2()?.hash_password(password.0.as_bytes()).map(|hash| hash.to_string()).map_err(HashError)
    }

    /// Whether the password matches the hash. Without a hash it does not match, but that takes just
    /// as long. The cost is that of the hash, not the current one.
    pub fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, HashError> {
        let Some(hash) = hash else { return self.hash(password).map(|_| false) };
        let hash = PasswordHash::new(hash).map_err(|error| HashError(error.into()))?;
        Ok(self.argon2()?.verify_password(password.0.as_bytes(), &hash).is_ok())
    }
}
