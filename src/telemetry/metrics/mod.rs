//! The server's metrics, for Prometheus.
//!
//! Counting is an atomic addition, or a short lock for a histogram, and allocates nothing: the
//! series of every operation are looked up once at startup. Labels are route patterns, never paths,
//! because a path can contain a key. State (queues, pools, streams) is not counted but read on
//! request; see [`Snapshot`].
//!
//! `grafana.json` beside this file is a dashboard for all metrics; a test keeps the two consistent.

pub(crate) mod delivering;
pub(crate) mod lightning;
pub(crate) mod rates;
pub(crate) mod requests;
pub(crate) mod settlement;

use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use delivering::Delivering;
use lightning::{Lightning, NodeState};
use rates::{Quoting, RateStanding};
use requests::Requests;
use settlement::Settling;

/// The dashboard.
pub const GRAFANA: &str = include_str!("grafana.json");

/// A label with its value.
pub(crate) type Label = (&'static str, String);

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests.
    pub requests: Requests,
    /// The ledger.
    pub settling: Settling,
    /// Webhooks.
    pub delivering: Delivering,
    states: States,
}

/// State at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The weight of the commands that are waiting for the ledger or in progress.
    pub queued: usize,
    /// Database connections in use.
    pub pool_busy: u32,
    /// Idle database connections.
    pub pool_idle: u32,
    /// Open live streams.
    pub streams: usize,
    /// What a bitcoin costs in other currencies.
    pub rates: RateStanding,
    /// The Lightning node, where one is configured.
    pub node: Option<NodeState>,
}

#[derive(Debug, Default)]
struct States {
    queued: Gauge,
    pool: Family<[Label; 1], Gauge>,
    streams: Gauge,
    rates: Quoting,
    node: Lightning,
}

impl Metrics {
    /// Metrics at zero. `operations` are all methods with their route patterns.
    pub fn new(operations: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut registry = Registry::with_prefix("satkeep");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of satkeep", version);
        let requests = Requests::new(operations, &mut registry);
        let settling = Settling::new(&mut registry);
        let delivering = Delivering::new(&mut registry);
        let states = States::default();
        registry.register("queue_depth", "Commands that wait for the ledger or are under way", states.queued.clone());
        registry.register("pool_connections", "Connections to the database, by state", states.pool.clone());
        registry.register("streams_open", "Live streams (SSE and WebSocket)", states.streams.clone());
        states.rates.register(&mut registry);
        states.node.register(&mut registry);
        Self { registry, requests, settling, delivering, states }
    }

    /// All metrics in the Prometheus text format.
    pub fn text(&self, now: &Snapshot) -> Result<String, std::fmt::Error> {
        let Snapshot { queued, pool_busy, pool_idle, streams, ref rates, node } = *now;
        self.states.rates.set(rates);
        self.states.node.set(node);
        self.states.queued.set(i64::try_from(queued).unwrap_or(i64::MAX));
        self.states.streams.set(i64::try_from(streams).unwrap_or(i64::MAX));
        for (state, count) in [("busy", pool_busy), ("idle", pool_idle)] {
            self.states.pool.get_or_create(&[("state", state.to_owned())]).set(i64::from(count));
        }
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
