//! The Lightning node behind the ledger: every kind of node against one suite ([`compliance`]), and satkeep on
//! a real Lightning network: LND and btcd, built from source by the tests (`programs/`), and started once for the
//! whole run. Where there is no Go, the tests that need it say so, and pass; in CI they fail.
//!
//! [`network`] is where tests on the real network begin. Its nodes talk in LND's own terms over REST, and
//! [`Lnd::setting`] is how satkeep finds one.

mod adapter;
mod at_once;
mod away;
mod behind;
mod chain;
mod compliance;
mod costs;
mod elsewhere;
mod fakes;
mod killed;
mod lnd;
mod lost;
mod mistakes;
mod money;
mod network;
mod nodes;
mod odd;
mod outgoing;
mod payments;
mod pinned;
mod process;
mod programs;
mod real_lnbits;
mod satkeep;
mod settings;
mod simulation;
mod told;
mod withdraw;
mod world;

pub(crate) use lnd::{Lnd, Loss, RIGHTS};
pub(crate) use money::{Invoice, Secret};
pub(crate) use network::{Network, network, router_fee_msat};
