//! Passwords, kept only as argon2id hashes (RFC 9106) with the parameters that OWASP asks
//! for at least: 19 MiB, two passes, one lane.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use zeroize::Zeroizing;

use super::text::InvalidText;

/// The longest password, in bytes: enough for any phrase, too short to hurt.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// A password as the client gave it; wiped when dropped, never shown.
pub struct Password(Zeroizing<String>);

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(argon2::password_hash::Error);

impl Password {
    /// Checks a password.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        let text = Zeroizing::new(text);
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(InvalidText::TooLong { max: PASSWORD_BYTES_MAX });
        }
        Ok(Self(text))
    }

    /// The hash in PHC text form, with a salt of its own. Takes tens of milliseconds and
    /// 19 MiB on purpose: run it where blocking is allowed.
    pub fn hash(&self) -> Result<String, HashError> {
        Argon2::default().hash_password(self.0.as_bytes()).map(|hash| hash.to_string()).map_err(HashError)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}
