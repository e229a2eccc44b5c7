//! satkeep keeps sats for other people's users. It provides users, wallets, BOLT11 invoices, and an
//! internal double-entry ledger that settles wallet-to-wallet payments atomically and durably, on
//! SQLite or PostgreSQL.
//!
//! # Map
//!
//! | module | what is there | uses |
//! |---|---|---|
//! | [`crypto`] | random bytes, encryption under the master key, passwords |  |
//! | [`domain`] | the domain types: money, ids, API keys, invoices, webhooks, texts | `crypto` |
//! | [`clock`] | the time | `domain` |
//! | [`files`] | files that only their owner can read |  |
//! | [`net`] | outgoing requests, made only to addresses that were checked, and proxies in front of satkeep | `domain` |
//! | [`telemetry`] | the log, metrics, and traces over OTLP | `net` |
//! | [`fairness`] | fair shares for tenants in limited shared resources ([`fairness::turns`], pure) | `domain` |
//! | [`rates`] | what a bitcoin costs in other currencies: sources, and which of their quotes are trusted; pure | `domain`, `net` |
//! | [`lightning`] | the Lightning node behind the ledger: what satkeep asks of one, and the nodes it knows | `domain`, `net` |
//! | [`ledger`] | what may happen to money ([`ledger::decide`], pure) and how it happens exactly once ([`ledger::settle`], [`ledger::settler`]) | `crypto`, `domain`, `telemetry` |
//! | [`store`] | the database: [`store::db`], the ledger's statements in [`store::settlement`], and the queries by subject | `crypto`, `domain`, `files`, `telemetry`, `fairness`, `ledger` |
//! | [`master_key`] | the master key: its sources, whether it is the right one, and its rotation | `crypto`, `files`, `store` |
//! | [`webhooks`] | the outbox: handing events over, fairness between destinations, delivery | `crypto`, `domain`, `clock`, `net`, `telemetry`, `ledger`, `store` |
//! | [`live`] | live streams: who waits for payments, and how they are notified | `crypto`, `domain`, `telemetry`, `ledger`, `store` |
//! | [`config`] | the command line's settings, validated | `crypto`, `domain`, `net`, `telemetry`, `rates`, `lightning`, `store`, `live` |
//! | [`services`] | use cases, for handlers, the command line and tasks | `crypto`, `domain`, `clock`, `net`, `fairness`, `rates`, `lightning`, `ledger`, `store`, `live`, `config` |
//! | [`api`] | HTTP: thin handlers, one folder per resource; shared code is in [`api::framework`]; one list of routes produces the router and the document | `crypto`, `domain`, `clock`, `net`, `telemetry`, `fairness`, `rates`, `ledger`, `live`, `config`, `services` |
//! | [`server`] | wiring, first start, the listener, background tasks, and shutdown | `crypto`, `domain`, `clock`, `files`, `net`, `telemetry`, `rates`, `lightning`, `ledger`, `store`, `master_key`, `webhooks`, `live`, `config`, `services`, `api` |
//! | [`cli`] | the command line | `crypto`, `domain`, `telemetry`, `ledger`, `store`, `master_key`, `config`, `services`, `api`, `server` |
//!
//! Dependencies point one way: a module uses only those listed in its row, all of which are above
//! it. A test checks the source against this table. `domain`, [`rates`], [`ledger::decide`],
//! [`ledger::batch`], [`ledger::queue`] and [`fairness::turns`] know no database, no HTTP and no
//! clock.
//!
//! # The path of a payment
//!
//! 1. [`api::payments`]: the extractor verifies the key; `require_admin` turns it into one that may
//!    spend, and only such a key can pay ([`services::payments::pay`]).
//! 2. [`domain::skim::SkimmedRequest`]: the text is scanned for its payment hash. An invoice of
//!    ours is found by the hash, and its whole text is compared.
//! 3. [`ledger::settler::Settler::submit`]: a bounded queue, fair among tenants
//!    ([`ledger::queue`]), with one reply for each command.
//! 4. [`ledger::settle::settle_batch`]: whatever has queued up becomes one transaction.
//! 5. [`ledger::decide::decide`]: outcomes, transfers, new balances; pure.
//! 6. [`store::settlement`]: written in one statement (PostgreSQL) or a few prepared ones (SQLite),
//!    affected rows counted, committed.
//! 7. [`api::payments::view`], or a row of the one table in [`api::framework::error`].

pub mod api;
pub mod cli;
pub mod clock;
pub(crate) mod config;
pub mod crypto;
pub mod domain;
pub mod fairness;
pub(crate) mod files;
pub mod ledger;
pub mod lightning;
pub(crate) mod live;
pub mod master_key;
pub mod net;
pub mod rates;
pub mod server;
pub mod services;
pub mod store;
pub mod telemetry;
pub mod webhooks;

/// The allocator, also used by SQLite, OpenSSL and libpq. Memory is often allocated on one thread
/// and freed on another, which jemalloc handles more cheaply than the system's allocator. Its
/// settings, and the reasons for them, are in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
