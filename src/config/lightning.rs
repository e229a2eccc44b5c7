//! The Lightning node behind the ledger.

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::lightning::settings::Settings;

/// Which node pays, and is paid, outside of this server.
#[derive(Args, Clone, Debug)]
pub struct Lightning {
    /// Node that pays and is paid outside of this server: `lnd://HOST:PORT?macaroon=FILE&cert=FILE`,
    /// `cln://HOST:PORT?rune=FILE&cert=FILE`, `phoenixd://HOST:PORT?password=FILE` or
    /// `lnbits://HOST?key=FILE`; none by default
    #[arg(
        long = "lightning", global = true, env = "SATKEEP_LIGHTNING", hide_env_values = true,
        default_value = "", value_parser = values::lightning
    )]
    pub node: Maybe<Settings>,
}
