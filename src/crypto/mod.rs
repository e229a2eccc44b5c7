//! Secrets: random bytes, encryption under the master key, and passwords.

pub mod password;
pub(crate) mod random;
mod sealer;
pub mod secret;
