//! The Lightning node: whether it answers, what it holds, and payments that wait for their end.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::telemetry::metrics::Label;

/// How the Lightning node is at one moment; no series where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeState {
    /// Whether it has answered last.
    pub is_up: bool,
    /// What it holds in channels, in msat, where it tells.
    pub local_msat: Option<i64>,
    /// What all wallets hold together, in msat.
    pub liabilities_msat: i64,
    /// Payments to other nodes that have not ended.
    pub under_way: i64,
    /// For how many seconds the oldest of them has been.
    pub oldest_s: Option<i64>,
    /// How many seconds ago this process has read what the node has received; one of several replicas does.
    pub heard_s: i64,
}

#[derive(Debug, Default)]
pub(super) struct Lightning {
    up: Family<[Label; 0], Gauge>,
    amounts: Family<[Label; 1], Gauge>,
    under_way: Family<[Label; 0], Gauge>,
    oldest: Family<[Label; 0], Gauge>,
    heard: Family<[Label; 0], Gauge>,
}

impl Lightning {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("node_up", "Whether the Lightning node answers", self.up.clone());
        let help = "What the Lightning node holds in channels, and what all wallets hold together";
        registry.register("node_msat", help, self.amounts.clone());
        let help = "Payments to other nodes that have not ended";
        registry.register("node_payments_under_way", help, self.under_way.clone());
        let help = "For how long the oldest payment to another node has been under way";
        registry.register("node_oldest_payment_seconds", help, self.oldest.clone());
        let help = "How long ago what the Lightning node has received was read";
        registry.register("node_receipts_age_seconds", help, self.heard.clone());
    }

    /// What is not known is no series.
    pub(super) fn set(&self, state: Option<NodeState>) {
        for family in [&self.up, &self.under_way, &self.oldest, &self.heard] {
            family.clear();
        }
        self.amounts.clear();
        let Some(state) = state else { return };
        self.up.get_or_create(&[]).set(i64::from(state.is_up));
        self.under_way.get_or_create(&[]).set(state.under_way);
        self.oldest.get_or_create(&[]).set(state.oldest_s.unwrap_or_default());
        self.heard.get_or_create(&[]).set(state.heard_s);
        let amounts = [("channels", state.local_msat), ("wallets", Some(state.liabilities_msat))];
        for (of, msat) in amounts {
            if let Some(msat) = msat {
                self.amounts.get_or_create(&[("of", of.to_owned())]).set(msat);
            }
        }
    }
}
