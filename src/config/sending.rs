//! Payments to other nodes, and invoices that other nodes can pay.

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::domain::money::{Amount, Msat};
use crate::domain::send::{Fee, SendBounds, SendTerms};

/// What payments to other nodes may cost, and how many may be under way.
#[derive(Args, Clone, Debug)]
pub struct Sending {
    /// What routing a payment to another node may always cost, in msat, however small the payment
    #[arg(
        long, global = true, env = "SATKEEP_ROUTING_FEE_MIN_MSAT",
        default_value = "2000", value_parser = values::msat
    )]
    routing_fee_min_msat: Msat,
    /// What routing a payment to another node may cost, in millionths of its amount, where that is more than
    /// the fixed part
    #[arg(
        long, global = true, env = "SATKEEP_ROUTING_FEE_PPM",
        default_value = "10000", value_parser = values::ppm
    )]
    routing_fee_ppm: u32,
    /// What the operator charges for a payment to another node, in msat
    #[arg(
        long, global = true, env = "SATKEEP_SERVICE_FEE_MSAT",
        default_value = "0", value_parser = values::msat
    )]
    service_fee_msat: Msat,
    /// What the operator charges beside that, in millionths of the amount
    #[arg(long, global = true, env = "SATKEEP_SERVICE_FEE_PPM", default_value = "0", value_parser = values::ppm)]
    service_fee_ppm: u32,
    /// Payments to other nodes of one wallet that may be under way at once
    #[arg(
        long, global = true, env = "SATKEEP_SENDS_PER_WALLET",
        default_value = "20", value_parser = values::payments_max
    )]
    sends_per_wallet: u32,
    /// Payments to other nodes of one manager and all its users that may be under way at once
    #[arg(
        long, global = true, env = "SATKEEP_SENDS_PER_MANAGER",
        default_value = "200", value_parser = values::payments_max
    )]
    sends_per_manager: u32,
    /// Sats that may be under way to other nodes at once for one wallet, fees included; 0 means any number
    #[arg(
        long, global = true, env = "SATKEEP_SENDS_SAT_PER_WALLET",
        default_value = "0", value_parser = values::sat_max
    )]
    sends_sat_per_wallet: Maybe<Amount>,
    /// The same for one manager and all its users
    #[arg(
        long, global = true, env = "SATKEEP_SENDS_SAT_PER_MANAGER",
        default_value = "0", value_parser = values::sat_max
    )]
    sends_sat_per_manager: Maybe<Amount>,
    /// Make invoices for wallets of this server alone, where a request does not say `"internal": false`: they
    /// take no round trip to the Lightning node
    #[arg(
        long, global = true, env = "SATKEEP_INVOICES_INTERNAL",
        num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = values::boolean
    )]
    invoices_internal: bool,
}

impl Sending {
    /// All of them.
    pub const fn terms(&self) -> SendTerms {
        SendTerms {
            fee_max: Fee { base: self.routing_fee_min_msat, ppm: self.routing_fee_ppm },
            service_fee: Fee { base: self.service_fee_msat, ppm: self.service_fee_ppm },
            bounds: SendBounds {
                wallet_payments_max: self.sends_per_wallet,
                tenant_payments_max: self.sends_per_manager,
                wallet_reserved_max: self.sends_sat_per_wallet,
                tenant_reserved_max: self.sends_sat_per_manager,
            },
            invoices_at_node: !self.invoices_internal,
        }
    }
}
