//! The ledger: the rules for moving money, and how each movement happens exactly once.
//!
//! A pure core ([`decide`](mod@decide), [`batch`]) and a thin shell around it: [`settle`] runs one
//! batch in one transaction of any store, and [`settler`] feeds it from a bounded queue. [`room`]
//! limits how much of the queue each tenant may fill, and [`queue`] decides whose command comes
//! next. [`operation`] defines what callers can ask for and what they get back; [`observer`]
//! notifies others of what was settled. `decide`, `batch`, `queue` and `room` know no database, no
//! HTTP and no clock.

pub(crate) mod audit;
pub mod batch;
pub mod command;
pub mod decide;
mod lanes;
pub(crate) mod movement;
pub mod observer;
pub mod operation;
pub mod outcome;
pub mod queue;
pub mod room;
pub mod settle;
pub mod settler;
mod settling;
pub mod state;
