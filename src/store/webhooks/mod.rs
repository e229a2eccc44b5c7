//! The outbox of webhooks: events, the endpoints that hear of them, and deliveries.

pub mod attempts;
pub mod claims;
pub mod due;
pub mod endpoints;
pub mod events;
pub mod formats;
pub mod hand_over;
pub mod log;
pub mod secrets;
