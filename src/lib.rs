//! satkeep
pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod ledger;
pub mod managers;
pub mod startup;
pub mod store;
pub mod telemetry;
pub mod vault;
