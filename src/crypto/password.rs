//! Passwords, kept only as argon2id hashes (RFC 9106) with at least the cost that OWASP asks
//! for: 19 MiB, two passes, one lane.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

/// The longest password, in bytes: enough for any phrase, too short to hurt.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// The shortest password of a manager or an operator, in characters.
pub const CHARACTERS_MIN: usize = 8;
/// The least memory of a hash, in KiB.
pub const MEMORY_KIB_MIN: u32 = 19_456;
/// The least number of passes of a hash.
pub const PASSES_MIN: u32 = 2;
/// The most memory of a hash, in KiB: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// The most passes of a hash.
const PASSES_MAX: u32 = 100;

/// A password as the client gave it; wiped when dropped, never shown.
pub struct Password(Zeroizing<String>);

/// A password is not one that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// There is none.
    #[error("must not be empty")]
    Empty,
    /// It is too long.
    #[error("must be at most {max} bytes long")]
    TooLong {
        /// The longest that is accepted, in bytes.
        max: usize,
    },
    /// It is too short.
    #[error("must be at least {min} characters long")]
    TooShort {
        /// The shortest that is accepted, in characters.
        min: usize,
    },
}

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(argon2::password_hash::Error);

impl Password {
    /// Checks a password that is shown, or that a manager sets for a user: how good that one is
    /// to be, only the manager knows.
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

    /// Checks a password that is set for a manager or an operator, whose login moves money. One
    /// that was set before may be shorter.
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

/// Hashes and verifies passwords at one cost. Each takes tens of milliseconds and a lot of
/// memory on purpose: run it where blocking is allowed.
#[derive(Clone, Debug)]
pub struct Hasher(Argon2<'static>);

impl Hasher {
    /// With this much memory and this many passes; `None` where that is too cheap, or more
    /// than a server should spend.
    pub fn new(memory_kib: u32, passes: u32) -> Option<Self> {
        let fits =
            (MEMORY_KIB_MIN..=MEMORY_KIB_MAX).contains(&memory_kib) && (PASSES_MIN..=PASSES_MAX).contains(&passes);
        let params = Params::new(memory_kib, passes, 1, None).ok().filter(|_| fits)?;
        Some(Self(Argon2::new(Algorithm::Argon2id, Version::V0x13, params)))
    }

    /// The hash in PHC text form, with a salt of its own.
    pub fn hash(&self, password: &Password) -> Result<String, HashError> {
        self.0.hash_password(password.0.as_bytes()).map(|hash| hash.to_string()).map_err(HashError)
    }

    /// Whether the password is the hashed one. Without a hash it is not, but takes as long to
    /// say so. The cost is the hash's own, whatever it is now.
    pub fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, HashError> {
        let Some(hash) = hash else { return self.hash(password).map(|_| false) };
        let hash = PasswordHash::new(hash).map_err(|error| HashError(error.into()))?;
        Ok(self.0.verify_password(password.0.as_bytes(), &hash).is_ok())
    }
}
