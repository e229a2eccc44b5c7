//! satkeep keeps sats for other people's users: users, wallets, BOLT11 invoices, and an
//! internal double-entry ledger that settles wallet-to-wallet payments, atomically and
//! durably, on SQLite or PostgreSQL.
//!
//! # Map
//!
//! | module | what is there |
//! |---|---|
//! | [`domain`] | the words of the field: money, ids, keys, sealing, invoices, texts |
//! | [`ledger`] | what may happen to money ([`ledger::decide`], pure) and how it happens once ([`ledger::settle`], [`ledger::settler`]) |
//! | [`fairness`] | shares of tenants in what there is only so much of at once ([`fairness::turns`], pure) |
//! | [`store`] | the database: migrations, queries, and the settlement statements of each backend |
//! | [`events`] | telling others: the outbox and its webhooks, and the sweeper of expired invoices |
//! | [`live`] | live streams: who waits for payments, and how they hear of them |
//! | [`api`] | HTTP: thin handlers, one file a resource; one list of routes gives the router and the document; [`api::wire`] is the server below them |
//! | [`managers`] | managers and their money, for the command line and the first start |
//! | [`vault`] | the master key: where it is kept, whether it is the right one, and its rotation |
//! | [`metrics`] | what is counted, and a dashboard for it |
//! | [`traces`] | spans of requests, batches and deliveries, and their export over OTLP |
//! | [`startup`], [`tasks`], [`upkeep`] | wiring, first start, and the way down; what goes on beside the requests, and who watches over it |
//! | [`cli`], [`config`], [`telemetry`], [`clock`], [`files`], [`data_dirs`] | the edge of the process |
//!
//! Dependencies point one way: `api -> events, live -> store -> ledger, fairness -> domain`.
//! `domain`, [`ledger::decide`], [`ledger::batch`], [`ledger::queue`] and [`fairness::turns`] know
//! no database, no HTTP and no clock.
//!
//! # The way of one payment
//!
//! 1. [`api::payments`]: the extractor proves the key; `require_admin` turns it into one
//!    that may spend, and only that can pay (`payment_pay`).
//! 2. [`domain::skim::SkimmedRequest`]: the text is skimmed for its payment hash: an invoice of
//!    ours is found by it, and its whole text compared.
//! 3. [`ledger::settler::Settler::submit`]: a bounded queue in which tenants take turns
//!    ([`ledger::queue`]), and one reply for each command.
//! 4. [`ledger::settle::settle_batch`]: whatever has queued up becomes one transaction.
//! 5. [`ledger::decide::decide`]: outcomes, transfers, new balances; pure.
//! 6. [`store::settlement`]: written in one statement (PostgreSQL) or a few prepared ones
//!    (SQLite), affected rows counted, committed.
//! 7. [`api::payment_view`], or a row of the one table in [`api::error`].

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data_dirs;
pub mod domain;
pub mod events;
pub mod fairness;
pub mod files;
pub mod ledger;
pub mod live;
pub mod managers;
pub mod metrics;
pub mod startup;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod traces;
pub mod upkeep;
pub mod vault;

/// The allocator, for SQLite, OpenSSL and libpq as well. What is asked for on one thread is often
/// let go of on another, which costs it less than the system's. How it is set up, and why, is in
/// `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
