//! The ledger: what may happen to money, and how it happens once.
//!
//! A pure core ([`decide`](mod@decide), [`batch`]) and a thin shell around it: [`settle`]
//! runs one batch in one transaction of any store, and [`settler`] feeds it from a bounded
//! queue, in which everybody has [`room`] and a turn ([`queue`]). What can be asked, and what
//! comes of it, [`operation`] says. `decide`, `batch`, `queue` and
//! `room` know no database, no HTTP and no clock.

pub mod audit;
pub mod batch;
pub mod command;
pub mod decide;
mod lanes;
pub mod movement;
pub mod operation;
pub mod outcome;
pub mod queue;
pub mod room;
pub mod settle;
pub mod settler;
mod settling;
pub mod state;
