//! Webhook metrics: the results of attempts, their duration, and the outbox's lag.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::telemetry::metrics::Label;

/// Counts delivery attempts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Delivering {
    delivered: Counter,
    failed: Counter,
    parked: Counter,
    durations: Histogram,
    under_way: Gauge,
    lag: Gauge<f64, AtomicU64>,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The target accepted the event.
    Delivered,
    /// It will be retried.
    Failed,
    /// It was the last attempt.
    Parked,
}

impl Delivering {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let attempts = Family::<[Label; 1], Counter>::default();
        registry.register("outbox_attempts", "Attempts to deliver an event, by what became of them", attempts.clone());
        let became = |what: &str| attempts.get_or_create_owned(&[("result", what.to_owned())]);
        let durations = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let help = "From resolving a target's name to the end of its answer";
        registry.register("outbox_attempt_duration_seconds", help, durations.clone());
        let under_way = Gauge::default();
        registry.register("outbox_under_way", "Deliveries that wait for their target's answer", under_way.clone());
        let lag = Gauge::default();
        let help = "For how long what is due longest has been waiting to be sent";
        registry.register("outbox_lag_seconds", help, lag.clone());
        let (delivered, failed, parked) = (became("delivered"), became("failed"), became("parked"));
        Self { delivered, failed, parked, durations, under_way, lag }
    }

    /// Counts an attempt, even if there was nothing to send.
    pub fn count(&self, became: AttemptResult) {
        match became {
            AttemptResult::Delivered => self.delivered.inc(),
            AttemptResult::Failed => self.failed.inc(),
            AttemptResult::Parked => self.parked.inc(),
        };
    }

    /// Records the duration of an attempt that was sent.
    pub fn count_time(&self, took: Duration) {
        self.durations.observe(took.as_secs_f64());
    }

    /// Sets the number of deliveries in flight.
    pub fn set_under_way(&self, count: usize) {
        self.under_way.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Sets how long the longest-waiting due delivery has been waiting.
    pub fn set_lag(&self, lag: Duration) {
        self.lag.set(lag.as_secs_f64());
    }
}
