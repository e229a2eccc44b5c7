//! satkeep keeps sats for other people's users: users, wallets, BOLT11 invoices, and an
//! internal double-entry ledger that settles wallet-to-wallet payments, atomically and
//! durably, on SQLite or PostgreSQL.
//!
//! # Map
//!
//! | module | what is there | uses |
//! |---|---|---|
//! | [`crypto`] | random bytes, sealing under the master key, passwords |  |
//! | [`domain`] | the words of the field: money, ids, API keys, invoices, webhooks, texts | `crypto` |
//! | [`clock`] | the time | `domain` |
//! | [`files`] | files that only their owner reads |  |
//! | [`net`] | requests to others, made to the very address that was judged, and proxies in front of satkeep | `domain` |
//! | [`telemetry`] | the log, metrics, and traces over OTLP | `net` |
//! | [`fairness`] | shares of tenants in what there is only so much of at once ([`fairness::turns`], pure) | `domain` |
//! | [`rates`] | what a bitcoin costs in other currencies: sources, and what of their quotes is believed; pure | `domain`, `net` |
//! | [`ledger`] | what may happen to money ([`ledger::decide`], pure) and how it happens once ([`ledger::settle`], [`ledger::settler`]) | `crypto`, `domain`, `telemetry` |
//! | [`store`] | the database: [`store::db`], the statements of the ledger in [`store::settlement`], and the queries by what they are about | `crypto`, `domain`, `files`, `telemetry`, `fairness`, `ledger` |
//! | [`master_key`] | the master key: its sources, whether it is the right one, and its rotation | `crypto`, `files`, `store` |
//! | [`webhooks`] | the outbox: handing events over, fairness between destinations, delivery | `crypto`, `domain`, `clock`, `net`, `telemetry`, `ledger`, `store` |
//! | [`live`] | live streams: who waits for payments, and how they hear of them | `crypto`, `domain`, `telemetry`, `ledger`, `store` |
//! | [`config`] | the command line's settings, checked | `crypto`, `domain`, `net`, `telemetry`, `store`, `live` |
//! | [`services`] | use cases, for handlers, the command line and tasks | `crypto`, `domain`, `clock`, `net`, `fairness`, `rates`, `ledger`, `store`, `live`, `config` |
//! | [`api`] | HTTP: thin handlers, one folder a resource; what they share is in [`api::framework`]; one list of routes gives the router and the document | `crypto`, `domain`, `clock`, `net`, `telemetry`, `fairness`, `ledger`, `live`, `config`, `services` |
//! | [`server`] | wiring, first start, the listener, background tasks, and shutdown | `crypto`, `domain`, `clock`, `files`, `net`, `telemetry`, `ledger`, `store`, `master_key`, `webhooks`, `live`, `config`, `services`, `api` |
//! | [`cli`] | the command line | `crypto`, `domain`, `telemetry`, `ledger`, `store`, `master_key`, `config`, `services`, `api`, `server` |
//!
//! Dependencies point one way: a module uses those of its row, all of which stand above it. A
//! test holds the source to this table. `domain`, [`rates`], [`ledger::decide`], [`ledger::batch`],
//! [`ledger::queue`] and [`fairness::turns`] know no database, no HTTP and no clock.
//!
//! # The way of one payment
//!
//! 1. [`api::payments`]: the extractor proves the key; `require_admin` turns it into one
//!    that may spend, and only that can pay ([`services::payments::pay`]).
//! 2. [`domain::skim::SkimmedRequest`]: the text is skimmed for its payment hash: an invoice of
//!    ours is found by it, and its whole text compared.
//! 3. [`ledger::settler::Settler::submit`]: a bounded queue in which tenants take turns
//!    ([`ledger::queue`]), and one reply for each command.
//! 4. [`ledger::settle::settle_batch`]: whatever has queued up becomes one transaction.
//! 5. [`ledger::decide::decide`]: outcomes, transfers, new balances; pure.
//! 6. [`store::settlement`]: written in one statement (PostgreSQL) or a few prepared ones
//!    (SQLite), affected rows counted, committed.
//! 7. [`api::payments::view`], or a row of the one table in [`api::framework::error`].

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod fairness;
pub mod files;
pub mod ledger;
pub mod live;
pub mod master_key;
pub mod net;
pub mod rates;
pub mod server;
pub mod services;
pub mod store;
pub mod telemetry;
pub mod webhooks;

/// The allocator, for SQLite, OpenSSL and libpq as well. What is asked for on one thread is often
/// let go of on another, which costs it less than the system's. How it is set up, and why, is in
/// `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
