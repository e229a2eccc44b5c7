//! A settlement store that tells what it has committed: after the commit, never before.

use std::sync::Arc;

use super::hub::Hub;
use super::relay::Relay;
use crate::ledger::batch::Wants;
use crate::ledger::movement::Movement;
use crate::ledger::settle::{Commit, SettleError, SettlementStore};
use crate::ledger::state::{Effects, Snapshot};

/// A store, and who is told.
pub struct Observed<S> {
    store: S,
    hub: Arc<Hub>,
    relay: Option<Relay>,
    /// What the open transaction has moved.
    moved: Vec<Movement>,
}

impl<S> Observed<S> {
    /// Tells the listeners of this process, and through the relay those of others.
    pub const fn new(store: S, hub: Arc<Hub>, relay: Option<Relay>) -> Self {
        Self { store, hub, relay, moved: Vec::new() }
    }
}

impl<S: SettlementStore> SettlementStore for Observed<S> {
    fn begin(&mut self) -> Result<(), SettleError> {
        self.moved.clear();
        self.store.begin()
    }

    fn load(&mut self, wants: Wants) -> Result<Snapshot, SettleError> {
        self.store.load(wants)
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        let anybody = self.hub.open() > 0 || self.relay.as_ref().is_some_and(Relay::is_wanted);
        if anybody {
            self.moved.extend(effects.transfers.iter().flat_map(Movement::sides));
        }
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
        commit
    }

    fn rollback(&mut self) {
        self.store.rollback();
    }
}
