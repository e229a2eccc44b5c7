//! Webhooks: that they arrive, signed, once, in order, and go nowhere where they must not.

mod crash;
pub(crate) mod delivery;
mod endpoints;
mod expiry;
mod fairness;
mod formats;
mod handover;
mod outgoing;
mod payer;
mod redeliver;
mod rules;
mod signature;
mod targets;

use crate::harness::Options;

/// A server that may tell this machine.
pub(crate) fn options() -> Options {
    Options { arguments: vec!["--webhook-allow-private".into()], ..Options::default() }
}
