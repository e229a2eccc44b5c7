//! A settlement store that tells what it has committed, after the commit and never before,
//! and counts and traces its batches.

use std::sync::Arc;
use std::time::Instant;

use super::hub::Hub;
use super::relay::Relay;
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::movement::Movement;
use crate::ledger::settle::{Commit, SettleError, SettlementStore};
use crate::ledger::state::{Effects, Snapshot};
use crate::telemetry::metrics::settlement::{Ended, Settling};
use crate::telemetry::traces::Traces;

/// A store, and who is told.
pub struct Observed<S> {
    store: S,
    hub: Arc<Hub>,
    relay: Option<Relay>,
    metrics: Settling,
    traces: Option<Traces>,
    /// What the open transaction has moved.
    moved: Vec<Movement>,
    /// How many invoices it has issued, paid and closed.
    size: usize,
    begun_at: Instant,
}

impl<S> Observed<S> {
    /// Tells the listeners of this process, and through the relay those of others.
    pub fn new(store: S, hub: Arc<Hub>, relay: Option<Relay>, metrics: Settling, traces: Option<Traces>) -> Self {
        Self { store, hub, relay, metrics, traces, moved: Vec::new(), size: 0, begun_at: Instant::now() }
    }

    fn count(&self, ended: Ended) {
        let took = self.begun_at.elapsed();
        self.metrics.count(ended, self.size, took);
        if let Some(traces) = &self.traces {
            traces.batch(ended, self.size, took);
        }
    }
}

impl<S: SettlementStore> SettlementStore for Observed<S> {
    fn begin(&mut self) -> Result<(), SettleError> {
        self.moved.clear();
        self.size = 0;
        self.begun_at = Instant::now();
        self.store.begin()
    }

    fn load(&mut self, read_set: ReadSet, clock: &dyn Fn() -> UnixMs) -> Result<Snapshot, SettleError> {
        self.store.load(read_set, clock)
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        let anybody = self.hub.open() > 0 || self.relay.as_ref().is_some_and(Relay::is_wanted);
        if anybody {
            self.moved.extend(effects.transfers.iter().flat_map(Movement::sides));
        }
        self.size = effects.invoices.len().saturating_add(effects.settled.len()).saturating_add(effects.closures.len());
        self.store.apply(effects)
    }

    fn commit(&mut self) -> Commit {
        let commit = self.store.commit();
        // Somebody who began to listen between `apply` and here reads the rows, or is told by
        // the next sweep.
        if matches!(commit, Commit::Done) && !self.moved.is_empty() {
            self.hub.publish(&self.moved);
            if let Some(relay) = &self.relay {
                relay.send(&self.moved);
            }
        }
        self.count(match commit {
            Commit::Done => Ended::Committed,
            Commit::Aborted(_) => Ended::GivenUp,
            Commit::Unknown(_) => Ended::Unknown,
        });
        commit
    }

    fn rollback(&mut self) {
        self.store.rollback();
        self.count(Ended::GivenUp);
    }
}
