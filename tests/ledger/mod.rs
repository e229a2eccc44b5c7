//! The core: its properties, its precedence of refusals, its stores against each other, and
//! the whole under races and crashes.

mod checkpoint;
mod closing;
mod crash;
mod differential;
mod fairness;
mod hold_crash;
mod hold_model;
mod hold_race;
mod hold_world;
mod lost_commit;
pub(crate) mod memory;
mod observer;
mod on_the_spot;
mod precedence;
mod properties;
mod queue;
pub(crate) mod race;
mod revocation;
mod sends;
mod settler;
mod unknown_commit;
mod withdrawals;
pub(crate) mod world;
