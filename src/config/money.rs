//! Invoices and amounts.

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::domain::money::Amount;
use crate::domain::node::Network;

/// Invoices and amounts.
#[derive(Args, Clone, Debug)]
pub struct Money {
    /// Network of new invoices: bitcoin, testnet, signet or regtest
    #[arg(long, global = true, env = "SATKEEP_NETWORK", default_value = "bitcoin", value_parser = values::network)]
    pub network: Network,
    /// Sats that a new manager of the command line starts with, credited from issuance
    #[arg(
        long, global = true, env = "SATKEEP_BOOTSTRAP_SATS",
        default_value = "0", value_parser = values::bootstrap_sats
    )]
    pub bootstrap_sats: Maybe<Amount>,
    /// Largest amount of one invoice, in sat; no amount or balance exceeds 21,000,000 BTC
    #[arg(
        long, global = true, env = "SATKEEP_INVOICE_SAT_MAX",
        default_value = "100000000", value_parser = values::invoice_sat_max
    )]
    pub invoice_sat_max: i64,
}
