//! How much at once.

use std::num::NonZeroUsize;

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::live::quota;

/// Limits of requests and live streams.
#[derive(Args, Clone, Debug)]
pub struct Limits {
    /// Requests a second for each key; 0 is off
    #[arg(long, global = true, env = "SATKEEP_RATE_LIMIT", default_value = "0", value_parser = values::rate_limit)]
    pub rate_limit: u32,
    /// Requests a second for each client address (IPv6: for each /64); 0 is off
    #[arg(
        long, global = true, env = "SATKEEP_RATE_LIMIT_ADDRESS",
        default_value = "0", value_parser = values::rate_limit
    )]
    pub rate_limit_address: u32,
    /// Live streams (SSE and WebSocket) at once; half of the connections at most
    #[arg(long, global = true, env = "SATKEEP_STREAMS_MAX", default_value = "5000", value_parser = values::streams)]
    streams_max: usize,
    /// Live streams of all wallets and invoices of one tenant, at once; by default a quarter of
    /// all, and no fewer than of one wallet
    #[arg(
        long, global = true, env = "SATKEEP_STREAMS_PER_TENANT",
        default_value = "", hide_default_value = true, value_parser = values::streams_or_default
    )]
    streams_per_tenant: Maybe<usize>,
    /// Live streams of one wallet, or to one invoice, at once
    #[arg(
        long, global = true, env = "SATKEEP_STREAMS_PER_WALLET",
        default_value = "100", value_parser = values::streams
    )]
    streams_per_wallet: usize,
}

impl Limits {
    /// How many live streams there may be, beside so many connections.
    pub fn streams(&self, connections_max: NonZeroUsize) -> quota::Limits {
        // Others must get through beside all streams.
        let streams_max = self.streams_max.min(connections_max.get() / 2);
        let topic_max = self.streams_per_wallet;
        let tenant_max = self.streams_per_tenant.unwrap_or_else(|| topic_max.max(streams_max / 4));
        quota::Limits { streams_max, tenant_max, topic_max }
    }
}
