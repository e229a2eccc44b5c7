//! How people get in.

use clap::{ArgAction, Args};

use super::values;
use crate::crypto::password::{Hasher, MemoryKib, Passes};

/// Passwords and sessions.
#[derive(Args, Clone, Debug)]
pub struct Login {
    /// Memory of a password's hash (argon2id), in KiB; at least 19456
    #[arg(long, global = true, env = "SATKEEP_PASSWORD_MEMORY_KIB", default_value = "19456")]
    password_memory_kib: MemoryKib,
    /// Passes of a password's hash (argon2id); at least 2
    #[arg(long, global = true, env = "SATKEEP_PASSWORD_PASSES", default_value = "2")]
    password_passes: Passes,
    /// Minutes that a login lasts
    #[arg(
        long, global = true, env = "SATKEEP_SESSION_MINUTES",
        default_value = "1440", value_parser = values::session_minutes
    )]
    session_minutes: i64,
    /// Let anybody open a manager account
    #[arg(
        long, global = true, env = "SATKEEP_ALLOW_SIGNUP", action = ArgAction::Set,
        num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = values::boolean
    )]
    pub allow_signup: bool,
}

impl Login {
    /// Hashes passwords at this cost.
    pub const fn hasher(&self) -> Hasher {
        Hasher::new(self.password_memory_kib, self.password_passes)
    }

    /// How long a login lasts, in seconds.
    pub const fn session_s(&self) -> i64 {
        self.session_minutes.saturating_mul(60)
    }
}
