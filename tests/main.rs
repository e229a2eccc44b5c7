//! Every test of satkeep that does not stand beside its code, in one binary.
//!
//! `harness` starts the real server, on a fresh SQLite file and on a database of its own on
//! a throw-away PostgreSQL; tests that talk to a server run on both. `api` mirrors the
//! paths of the API, `ledger` holds the properties of the core, races and crashes.

#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a test may fail by panicking, and its cases are its documentation"
)]

mod access_control;
mod api;
mod architecture;
mod audit;
mod cards;
mod cli;
mod config;
mod documents;
mod domain;
mod examples;
mod fairness;
mod files;
mod harness;
mod ledger;
mod lightning;
mod live;
mod lnurl;
mod master_key;
mod metrics;
mod openapi;
mod rates;
mod schema;
mod spoken_secrets;
mod tasks;
mod texts;
mod traces;
mod webhooks;
mod wire;
mod writes;
