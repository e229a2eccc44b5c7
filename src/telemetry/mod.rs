//! What the server tells of itself: the log, metrics, and traces.

pub mod log;
pub mod metrics;
pub mod traces;

/// How a batch of the ledger ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// On disk.
    Committed,
    /// Rolled back: there was nothing to write, or the database refused.
    GivenUp,
    /// Nobody knows.
    Unknown,
}
