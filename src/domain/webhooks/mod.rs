//! Webhooks: which events endpoints receive, in which order, how often delivery is tried, and how
//! it is signed. Pure.

mod destination;
mod events;
mod format;
mod retries;
mod signature;

pub use destination::{Destination, line};
pub use events::{EventKind, EventKinds};
pub use format::WebhookFormat;
pub use retries::{holds_its_line, next_attempt};
pub use signature::{OwnerKind, Signature, WebhookSecret};
