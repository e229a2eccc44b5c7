//! Metrics and traces of the ledger's batches.

use crate::ledger::observer::{Batch, Observer};
use crate::telemetry::metrics::settlement::Settling;
use crate::telemetry::traces::Traces;

/// Counts batches.
pub(super) struct Counting(pub(super) Settling);

impl Observer for Counting {
    fn ended(&mut self, batch: Batch) {
        self.0.count(batch.ended, batch.size, batch.took);
    }
}

/// Traces batches.
pub(super) struct Tracing(pub(super) Traces);

impl Observer for Tracing {
    fn ended(&mut self, batch: Batch) {
        self.0.batch(batch.ended, batch.size, batch.took);
    }
}
