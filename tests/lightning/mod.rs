//! The Lightning nodes behind the ledger.

mod compliance;
mod fakes;
mod mistakes;
mod odd;
mod pinned;
mod settings;
