//! The database: SQLite or PostgreSQL. Nothing outside of this module depends on which one.
//!
//! Queries other than settlement are written once, for [`Db`]. [`Store::read`] and [`Store::write`]
//! run them on a blocking thread with a pooled connection. The lookups that most requests need take
//! a shorter path through `lookups`. Settlement has its own connection (see [`settlement`]), and so
//! do checkpoints of SQLite's log (see `checkpoint`).

use std::thread;
use std::time::{Duration, Instant};

use diesel::r2d2::Pool;

pub mod access;
pub mod audit;
pub mod cards;
pub mod db;
pub mod encrypted_columns;
pub(crate) mod holds;
pub(crate) mod idempotency;
pub(crate) mod live;
mod lookup_batcher;
pub(crate) mod node;
pub(crate) mod pay_links;
pub mod payments;
pub(crate) mod sends;
pub(crate) mod settlement;
pub mod users;
pub mod wallets;
pub mod webhooks;
pub(crate) mod withdraw_links;

pub use db::connection::{Database, Db};
pub use db::error::StoreError;

use db::checkpoint::Writers;
use db::connection::in_transaction;
use db::pooled::Manager;
use db::sqlite_file;
use db::tenant_lock;
use lookup_batcher::Lookups;
use settlement::Settlement;

use crate::domain::consumer::Consumer;
use crate::domain::ids::UserId;
use crate::fairness::gate::{Gate, PATIENCE, Turn};
use crate::fairness::turns::Limits;

/// Concurrent reads of lists. They may be long, so they have their own connections, and the short
/// lookups that every request makes never wait for them. A waiting list costs nobody else anything,
/// so many may wait; they are limited by time instead.
const LISTS: Limits = Limits::new(10, 8192, 512);
/// How long the queries of a list may take.
pub const LIST_TIME: Duration = Duration::from_secs(5);
/// Concurrent reads of live feeds. As many wait as there are streams, which have limits of their
/// own.
const FEEDS: Limits = Limits::new(8, usize::MAX, usize::MAX);
/// Concurrent audits, and how many wait.
const AUDITS: Limits = Limits::new(1, 16, 16);
/// Concurrent transactions on behalf of callers on SQLite, which has one write lock. The second one
/// is for whoever has written little: it waits for the first one, and for the settler.
const WRITES_OF_SQLITE: Limits = Limits::new(2, 8192, 512);
/// The same on PostgreSQL, where those of one tenant wait for each other (see `tenant_lock`).
const WRITES_OF_POSTGRES: Limits = Limits::new(6, 8192, 512);
/// Connections for short lookups and for tasks.
const SHORT_MAX: usize = 8;
/// Connections in the pool, which is also the number of concurrent queries.
const POOL_SIZE: usize = SHORT_MAX + WRITES_OF_POSTGRES.slots() + FEEDS.slots() + AUDITS.slots();
/// Pauses before a transaction is tried again that the database has aborted.
const RETRY_PAUSES: [Duration; 3] = [Duration::from_millis(5), Duration::from_millis(25), Duration::from_millis(100)];
/// How long a query waits for a connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(5);

/// The database behind a pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    pool: Pool<Manager>,
    /// Connections for lists, with a time limit.
    list_pool: Pool<Manager>,
    /// Serializes this process's writers, including the settler.
    sqlite_writers: Option<Writers>,
    lists: Gate<UserId>,
    feeds: Gate<UserId>,
    audits: Gate<UserId>,
    writes: Gate<UserId>,
    lookups: Lookups,
}

impl Store {
    /// Connects to a database, which must exist and be reachable.
    pub fn open(database: Database) -> Result<Self, StoreError> {
        if let Some(path) = database.sqlite_path() {
            sqlite_file::prepare(path).map_err(|error| {
                StoreError::Unavailable(format!("the database file cannot be opened or created: {error}"))
            })?;
        }
        // The first connection is opened directly, because its error says more than the pool's.
        drop(database.connect().map_err(|error| StoreError::Unavailable(error.to_string()))?);
        let pool = pool_of(POOL_SIZE, 1, Manager::new(database.clone()))?;
        let list_pool = pool_of(LISTS.slots(), 0, Manager::within(LIST_TIME, database.clone()))?;
        let lookups = Lookups::new(&database).map_err(|error| StoreError::Fault(error.to_string()))?;
        let writers = database.sqlite_path().map(|_| Writers::new(&database)).transpose();
        let sqlite_writers = writers.map_err(|error| StoreError::Fault(error.to_string()))?;
        let of_writes = if sqlite_writers.is_some() { WRITES_OF_SQLITE } else { WRITES_OF_POSTGRES };
        let gates = [LISTS, FEEDS, AUDITS, of_writes].map(|limits| Gate::new(limits, PATIENCE));
        let [lists, feeds, audits, writes] = gates;
        Ok(Self { database, pool, list_pool, sqlite_writers, lists, feeds, audits, writes, lookups })
    }

    /// Which database this is.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The number of pooled connections in use, and the number of idle ones.
    pub fn connections(&self) -> (u32, u32) {
        let states = [self.pool.state(), self.list_pool.state()];
        states.iter().fold((0, 0), |(busy, idle), state| {
            (busy + state.connections.saturating_sub(state.idle_connections), idle + state.idle_connections)
        })
    }

    /// A settlement store on the same database.
    pub fn settlement(&self) -> Settlement {
        Settlement::new(self.database.clone(), self.sqlite_writers.clone())
    }

    /// Runs read-only queries.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        unblock(move || store.read_blocking(work)).await
    }

    /// Runs read-only queries that may read a lot. Only a few run at once, shared fairly among
    /// tenants, and each for [`LIST_TIME`] at most.
    pub async fn read_list<T: Send + 'static>(
        &self,
        consumer: Consumer,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.list_turn(consumer).await?;
        self.read_list_in(turn, work).await
    }

    /// Waits for a slot to read a list, for callers who do something else first and must not be
    /// refused after that.
    pub async fn list_turn(&self, consumer: Consumer) -> Result<ListTurn, StoreError> {
        Ok(ListTurn(self.lists.enter(consumer).await?))
    }

    /// Like [`Store::read_list`], with a slot already obtained.
    pub async fn read_list_in<T: Send + 'static>(
        &self,
        turn: ListTurn,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lists = self.list_pool.clone();
        unblock(move || {
            // Held until the work is done, whether or not anybody still waits for it.
            let _turn = turn;
            let mut pooled = lists.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
            pooled.within(LIST_TIME, work)
        })
        .await
    }

    /// Runs the queries of a live feed. Only a few run at once, shared fairly among tenants.
    pub async fn read_feed<T: Send + 'static>(
        &self,
        consumer: Consumer,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.feeds.enter(consumer).await?;
        self.read_in_turn(turn, work).await
    }

    /// Runs an audit, without a time limit; one at a time.
    pub async fn read_audit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.audits.enter(Consumer::NOBODY).await?;
        self.read_in_turn(turn, work).await
    }

    async fn read_in_turn<T: Send + 'static>(
        &self,
        turn: Turn<UserId>,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read(move |connection| {
            let _turn = turn;
            work(connection)
        })
        .await
    }

    /// Runs queries that write, in one transaction, on a consumer's account. Only a few run at once,
    /// shared fairly among tenants, and those of one tenant one after the other, on all replicas:
    /// they cannot be in each other's way while they hold what others need.
    ///
    /// `work` is run again if the database aborts the transaction because of other ones.
    pub async fn write<T: Send + 'static>(
        &self,
        consumer: Consumer,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.writes.enter(consumer).await?;
        let store = self.clone();
        unblock(move || {
            // Held until the work is done, whether or not anybody still waits for it.
            let _turn = turn;
            store.write_blocking(move |connection| {
                tenant_lock::take(connection, consumer.tenant)?;
                work(connection)
            })
        })
        .await
    }

    /// Like [`Store::write`], for background tasks, which are few, and for putting right what a
    /// request that has a slot elsewhere has begun.
    pub async fn write_in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        unblock(move || store.write_blocking(work)).await
    }

    /// Like [`Store::read`], on this thread.
    pub fn read_blocking<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut pooled = self.pool.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        work(&mut pooled.db).map_err(|error| pooled.explain(error))
    }

    /// Like [`Store::write_in_background`], on this thread.
    pub fn write_blocking<T>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Clone,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let mut pauses = RETRY_PAUSES.iter();
        loop {
            // The connection first: whoever has the turn keeps the settler waiting.
            let written = self.read_blocking(|connection| {
                let _turn = self.sqlite_writers.as_ref().map(Writers::turn);
                in_transaction(connection, work.clone())
            });
            match (written, pauses.next()) {
                // It was rolled back, so it can be run again; a fault may be a conflict that was not
                // recognized.
                (Err(error @ (StoreError::Contended(_) | StoreError::Fault(_))), Some(pause))
                    if began.elapsed() < PATIENCE =>
                {
                    tracing::debug!(%error, "a transaction is tried again");
                    thread::sleep(*pause);
                }
                (written, _) => return written,
            }
        }
    }
}

/// A slot for reading a list; it is given back when this is dropped.
#[derive(Debug)]
pub struct ListTurn(#[expect(dead_code, reason = "it is held, not looked at")] Turn<UserId>);

fn pool_of(size: usize, idle_min: u32, manager: Manager) -> Result<Pool<Manager>, StoreError> {
    Pool::builder()
        .max_size(u32::try_from(size).unwrap_or(u32::MAX))
        .min_idle(Some(idle_min))
        .connection_timeout(POOL_TIMEOUT)
        .test_on_check_out(false)
        .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
        .build(manager)
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("database", &self.database).finish_non_exhaustive()
    }
}

async fn unblock<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(StoreError::Fault(error.to_string())))
}
