//! The webhook outbox: events, the endpoints that subscribe to them, and deliveries.

pub(crate) mod attempts;
pub(crate) mod claims;
pub mod due;
pub(crate) mod endpoints;
pub mod events;
pub mod formats;
pub mod hand_over;
pub mod log;
pub(crate) mod secrets;
