//! A real Lightning network: LND and btcd, built from source by the tests (`programs/`), and started
//! once for the whole run. Where there is no Go, these tests say so, and pass; in CI they fail.
//!
//! [`network`] is where tests begin. Its nodes talk in LND's own terms over REST.

mod chain;
mod lnd;
mod money;
mod network;
mod nodes;
mod payments;
mod process;
mod programs;

pub(crate) use lnd::{Lnd, Loss, RIGHTS};
pub(crate) use money::{Invoice, Secret};
pub(crate) use network::{Network, network, router_fee_msat};
