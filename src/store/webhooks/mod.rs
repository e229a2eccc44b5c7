//! The webhook outbox: events, the endpoints that subscribe to them, and deliveries.

pub mod attempts;
pub mod claims;
pub mod due;
pub mod endpoints;
pub mod events;
pub mod formats;
pub mod hand_over;
pub mod log;
pub mod secrets;
