//! What the server tells of itself: the log, metrics, and traces.

pub mod log;
pub mod metrics;
pub mod traces;
