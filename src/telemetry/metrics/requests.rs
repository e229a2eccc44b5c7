//! Requests by operation and status, and their duration.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::telemetry::metrics::Label;

/// Upper bounds of the duration buckets, in seconds: from a memory lookup to a client's timeout.
const DURATIONS_S: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The statuses with their own series; any other is counted as `other`.
const STATUSES: [u16; 18] = [101, 200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413, 414, 429, 431, 500, 503, 304];

/// The route of everything outside the API document: the assets of Swagger UI, and unknown paths.
const OTHER: &str = "other";

/// Counts requests.
#[derive(Debug)]
pub struct Requests {
    totals: Family<[Label; 3], Counter>,
    /// By route pattern.
    routes: HashMap<String, Vec<Operation>>,
    other: Operation,
}

#[derive(Debug)]
struct Operation {
    method: &'static str,
    route: String,
    duration: Histogram,
    /// In the order of [`STATUSES`], plus one for all others. Created on first use, so that a
    /// status that never occurs has no series.
    by_status: [OnceLock<Counter>; STATUSES.len() + 1],
}

impl Operation {
    fn new(durations: &Family<[Label; 2], Histogram, fn() -> Histogram>, method: &'static str, route: String) -> Self {
        let labels = [("method", method.to_owned()), ("route", route.clone())];
        let duration = durations.get_or_create_owned(&labels);
        Self { method, route, duration, by_status: [const { OnceLock::new() }; STATUSES.len() + 1] }
    }

    fn count(&self, totals: &Family<[Label; 3], Counter>, status: u16, elapsed: Duration) {
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        if let Some(counter) = self.by_status.get(place) {
            let series = || {
                let known = STATUSES.get(place).map_or_else(|| OTHER.to_owned(), u16::to_string);
                let labels = [("method", self.method.to_owned()), ("route", self.route.clone()), ("status", known)];
                totals.get_or_create_owned(&labels)
            };
            counter.get_or_init(series).inc();
        }
        self.duration.observe(elapsed.as_secs_f64());
    }
}

impl Requests {
    pub(super) fn new(operations: impl IntoIterator<Item = (&'static str, String)>, registry: &mut Registry) -> Self {
        let totals = Family::default();
        registry.register("http_requests", "Requests that were answered", totals.clone());
        let durations: Family<[Label; 2], Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(DURATIONS_S));
        let help = "From the head of a request to the head of its answer";
        registry.register("http_request_duration_seconds", help, durations.clone());
        let mut routes: HashMap<String, Vec<Operation>> = HashMap::new();
        for (method, route) in operations {
            let operation = Operation::new(&durations, method, route.clone());
            routes.entry(route).or_default().push(operation);
        }
        let other = Operation::new(&durations, OTHER, OTHER.to_owned());
        Self { totals, routes, other }
    }

    /// Counts a request by its method, its route pattern, and its response status.
    pub fn count(&self, method: &str, route: Option<&str>, status: u16, elapsed: Duration) {
        let operations = route.and_then(|route| self.routes.get(route));
        let operation = operations.and_then(|all| all.iter().find(|operation| operation.method == method));
        operation.unwrap_or(&self.other).count(&self.totals, status, elapsed);
    }
}
