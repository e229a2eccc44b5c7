//! Ledger batches: their size, their duration, and how they ended.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::telemetry::Ended;
use crate::telemetry::metrics::Label;

/// Counts batches. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settling {
    sizes: Histogram,
    durations: Histogram,
    committed: Counter,
    given_up: Counter,
    unknown: Counter,
}

impl Settling {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let sizes = Histogram::new(exponential_buckets(1.0, 2.0, 11));
        registry.register("settlement_batch_size", "Invoices issued, paid and closed by one batch", sizes.clone());
        let durations = Histogram::new(exponential_buckets(0.000_25, 2.0, 14));
        let help = "From the beginning of a batch's transaction to its end";
        registry.register("settlement_duration_seconds", help, durations.clone());
        let batches = Family::<[Label; 1], Counter>::default();
        registry.register("settlement_batches", "Batches, by how they ended", batches.clone());
        let ended = |how: &str| batches.get_or_create_owned(&[("ended", how.to_owned())]);
        Self { sizes, durations, committed: ended("committed"), given_up: ended("given_up"), unknown: ended("unknown") }
    }

    /// Counts a batch with its size and duration.
    pub fn count(&self, ended: Ended, size: usize, took: Duration) {
        match ended {
            Ended::Committed => {
                self.committed.inc();
                self.sizes.observe(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
            }
            Ended::GivenUp => drop(self.given_up.inc()),
            Ended::Unknown => drop(self.unknown.inc()),
        }
        self.durations.observe(took.as_secs_f64());
    }
}
