//! Observers of batches, such as live streams, metrics and traces.

use std::time::{Duration, Instant};

use super::batch::ReadSet;
use super::settle::{Commit, SettleError, SettlementStore};
use super::state::{Effects, Snapshot};
use crate::domain::time::UnixMs;
use crate::telemetry::Ended;

/// Is notified of every batch, on the settler's thread: everybody waits for what it does there.
pub trait Observer: Send {
    /// A transaction begins. Discard anything kept from an earlier one.
    fn begun(&mut self) {}

    /// What the transaction is about to write. Not called when there is nothing to write.
    fn writes(&mut self, effects: &Effects) {
        let _ = effects;
    }

    /// The transaction has ended. Its writes are on disk only if it was committed.
    fn ended(&mut self, batch: Batch);
}

/// The result of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// How it ended.
    pub ended: Ended,
    /// The number of invoices issued, paid and closed.
    pub size: usize,
    /// How long its transaction took.
    pub took: Duration,
}

/// A settlement store that notifies observers of its batches, in order.
pub struct Observed<S> {
    store: S,
    observers: Vec<Box<dyn Observer>>,
    size: usize,
    begun_at: Instant,
}

impl<S> Observed<S> {
    /// A store with these observers, before its first batch.
    pub fn new(store: S, observers: Vec<Box<dyn Observer>>) -> Self {
        Self { store, observers, size: 0, begun_at: Instant::now() }
    }

    fn end(&mut self, ended: Ended) {
        let batch = Batch { ended, size: self.size, took: self.begun_at.elapsed() };
        self.observers.iter_mut().for_each(|observer| observer.ended(batch));
    }
}

impl<S: SettlementStore> SettlementStore for Observed<S> {
    fn begin(&mut self) -> Result<(), SettleError> {
        self.size = 0;
        self.observers.iter_mut().for_each(|observer| observer.begun());
        self.begun_at = Instant::now();
        self.store.begin()
    }

    fn load(&mut self, read_set: ReadSet, clock: &dyn Fn() -> UnixMs) -> Result<Snapshot, SettleError> {
        self.store.load(read_set, clock)
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        self.size = effects.size();
        self.observers.iter_mut().for_each(|observer| observer.writes(effects));
        self.store.apply(effects)
    }

    fn commit(&mut self) -> Commit {
        let commit = self.store.commit();
        self.end(match commit {
            Commit::Done => Ended::Committed,
            Commit::Aborted(_) => Ended::GivenUp,
            Commit::Unknown(_) => Ended::Unknown,
        });
        commit
    }

    fn rollback(&mut self) {
        self.store.rollback();
        self.end(Ended::GivenUp);
    }
}

impl<S> std::fmt::Debug for Observed<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observed").field("observers", &self.observers.len()).finish_non_exhaustive()
    }
}
