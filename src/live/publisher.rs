//! Notifies listeners of what the ledger has moved: after the commit, never before.

use std::sync::Arc;

use super::hub::Hub;
use super::relay::Relay;
use crate::ledger::movement::Movement;
use crate::ledger::observer::{Batch, Observer};
use crate::ledger::state::Effects;
use crate::telemetry::Ended;

/// Notifies the listeners of this process, and through the relay those of other processes.
pub struct Publisher {
    hub: Arc<Hub>,
    relay: Option<Relay>,
    /// What the open transaction has moved.
    moved: Vec<Movement>,
}

impl Publisher {
    /// A publisher that has seen no movements yet.
    pub const fn new(hub: Arc<Hub>, relay: Option<Relay>) -> Self {
        Self { hub, relay, moved: Vec::new() }
    }
}

impl Observer for Publisher {
    fn begun(&mut self) {
        self.moved.clear();
    }

    fn writes(&mut self, effects: &Effects) {
        let anybody = self.hub.open() > 0 || self.relay.as_ref().is_some_and(Relay::is_wanted);
        if anybody {
            self.moved.extend(Movement::all_of(effects));
        }
    }

    fn ended(&mut self, batch: Batch) {
        // Anyone who started to listen between `writes` and here reads the rows, or is notified by
        // the next sweep.
        if batch.ended == Ended::Committed && !self.moved.is_empty() {
            self.hub.publish(&self.moved);
            if let Some(relay) = &self.relay {
                relay.send(&self.moved);
            }
        }
    }
}
