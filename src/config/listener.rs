//! Where the server listens, and behind whom.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use clap::Args;

use super::values;
use crate::net::proxies::TrustedProxies;

/// The listener of the API.
#[derive(Args, Clone, Debug)]
pub struct Listener {
    /// Address and port to listen on
    #[arg(long, global = true, env = "SATKEEP_LISTEN", default_value = "127.0.0.1:5001", value_parser = values::listen)]
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` is believed: addresses and networks, with commas between,
    /// as `127.0.0.1,10.0.0.0/8`
    #[arg(long, global = true, env = "SATKEEP_TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: TrustedProxies,
    /// Connections at once; further ones wait
    #[arg(
        long, global = true, env = "SATKEEP_CONNECTIONS_MAX",
        default_value = "10000", value_parser = values::connections_max
    )]
    pub connections_max: NonZeroUsize,
}
