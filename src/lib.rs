//! satkeep keeps sats for other people's users: users, wallets, BOLT11 invoices, and an
//! internal double-entry ledger that settles wallet-to-wallet payments, atomically and
//! durably, on SQLite or PostgreSQL.
//!
//! # Map
//!
//! | module | what is there | uses |
//! |---|---|---|
//! | [`domain`] | the words of the field: money, ids, keys, sealing, invoices, texts |  |
//! | [`clock`] | the time | `domain` |
//! | [`files`] | files that only their owner reads |  |
//! | [`telemetry`] | the log |  |
//! | [`metrics`] | what is counted, and a dashboard for it |  |
//! | [`net`] | requests to others, and proxies in front of satkeep | `domain` |
//! | [`traces`] | spans of requests, batches and deliveries, and their export over OTLP | `domain`, `telemetry`, `metrics`, `net` |
//! | [`fairness`] | shares of tenants in what there is only so much of at once ([`fairness::turns`], pure) | `domain` |
//! | [`rates`] | what a bitcoin costs in other currencies: sources, and what of their quotes is believed; pure | `domain` |
//! | [`ledger`] | what may happen to money ([`ledger::decide`], pure) and how it happens once ([`ledger::settle`], [`ledger::settler`]) | `domain`, `traces` |
//! | [`store`] | the database: migrations, queries, and the settlement statements of each backend | `domain`, `clock`, `files`, `telemetry`, `fairness`, `ledger` |
//! | [`vault`] | the master key: where it is kept, whether it is the right one, and its rotation | `domain`, `files`, `store` |
//! | [`managers`] | managers and their money, for the command line and the first start | `domain`, `clock`, `ledger`, `store` |
//! | [`events`] | telling others: the outbox and its webhooks, and the sweeper of expired invoices | `domain`, `clock`, `metrics`, `net`, `traces`, `ledger`, `store` |
//! | [`live`] | live streams: who waits for payments, and how they hear of them | `domain`, `telemetry`, `metrics`, `traces`, `ledger`, `store` |
//! | [`config`] | the command line's settings, checked | `domain`, `telemetry`, `net`, `traces`, `store`, `live` |
//! | [`data_dirs`] | the directories that satkeep writes to | `files`, `vault`, `config` |
//! | [`api`] | HTTP: thin handlers, one file a resource; one list of routes gives the router and the document; [`api::wire`] is the server below them | `domain`, `clock`, `metrics`, `net`, `traces`, `fairness`, `ledger`, `store`, `managers`, `live`, `config` |
//! | [`tasks`] | what goes on beside the requests, watched over |  |
//! | [`upkeep`] | the tasks that forget what is old, and follow the master key | `domain`, `clock`, `telemetry`, `store`, `vault`, `events`, `live`, `api`, `tasks` |
//! | [`startup`] | wiring, first start, and the way down | `domain`, `clock`, `metrics`, `net`, `traces`, `ledger`, `store`, `vault`, `managers`, `events`, `live`, `config`, `data_dirs`, `api`, `tasks`, `upkeep` |
//! | [`cli`] | the command line | `domain`, `clock`, `telemetry`, `store`, `vault`, `managers`, `config`, `data_dirs`, `api`, `startup` |
//!
//! Dependencies point one way: a module uses those of its row, all of which stand above it. A
//! test holds the source to this table. `domain`, [`rates`], [`ledger::decide`], [`ledger::batch`],
//! [`ledger::queue`] and [`fairness::turns`] know no database, no HTTP and no clock.
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
pub mod net;
pub mod rates;
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
