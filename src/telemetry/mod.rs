//! What the server reports about itself: the log, metrics, and traces.

pub mod log;
pub mod metrics;
pub mod traces;

/// How a ledger batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Committed to disk.
    Committed,
    /// Rolled back: there was nothing to write, or the database refused.
    GivenUp,
    /// The outcome is unknown.
    Unknown,
}
