//! Rates: how old they are, how many sources agree, and how often there was none.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::telemetry::metrics::Label;

/// How rates are at one moment.
#[derive(Clone, Debug, Default)]
pub struct RateStanding {
    /// Those that somebody wants to know.
    pub wanted: Vec<OneRate>,
    /// How often there was no current rate.
    pub unavailable: u64,
    /// How often sources disagreed.
    pub divergent: u64,
}

/// The rate of one currency.
#[derive(Clone, Debug)]
pub struct OneRate {
    /// Its code.
    pub currency: String,
    /// How many sources agree; none where there is no rate.
    pub sources: usize,
    /// How old it is, in seconds, where there is one.
    pub age_s: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Quoting {
    ages: Family<[Label; 1], Gauge>,
    sources: Family<[Label; 1], Gauge>,
    refusals: Family<[Label; 1], Counter>,
}

impl Quoting {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "For how long the oldest quote of a currency's rate has been known";
        registry.register("rate_age_seconds", help, self.ages.clone());
        registry.register("rate_sources", "Sources that agree about a currency's rate", self.sources.clone());
        registry.register("rate_refusals", "Requests that found no rate, by why", self.refusals.clone());
    }

    /// What nobody wants to know any more is no series.
    pub(super) fn set(&self, RateStanding { wanted, unavailable, divergent }: &RateStanding) {
        self.ages.clear();
        self.sources.clear();
        for OneRate { currency, sources, age_s } in wanted {
            let label = [("currency", currency.clone())];
            self.sources.get_or_create(&label).set(i64::try_from(*sources).unwrap_or(i64::MAX));
            if let Some(age_s) = age_s {
                self.ages.get_or_create(&label).set(*age_s);
            }
        }
        for (why, count) in [("unavailable", unavailable), ("divergent", divergent)] {
            let counter = self.refusals.get_or_create(&[("reason", why.to_owned())]);
            counter.inner().store(*count, Ordering::Relaxed);
        }
    }
}
