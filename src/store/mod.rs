//! The database: SQLite or PostgreSQL. Nothing outside of this module knows which.
//!
//! Queries that are not about settling are written once, for [`Db`], and run by
//! [`Store::read`] and [`Store::write`] on a blocking thread with a pooled connection. What
//! most requests ask, `lookups` answers in a shorter way. Settling has a connection of its
//! own: see [`settlement`]; so has the copying of SQLite's log: see `checkpoint`.

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::Pool;
use tokio::sync::Semaphore;

pub mod attempts;
pub mod audit;
pub mod backup;
mod checkpoint;
pub mod claims;
mod closing;
pub mod connection;
pub mod controls;
pub mod delivery_log;
pub mod due;
pub mod endpoints;
pub mod error;
pub mod events;
pub mod expiry;
pub mod grants;
mod guards;
pub mod guesses;
pub mod history;
pub mod idempotency;
mod link;
pub mod live;
mod lookups;
pub mod migrations;
pub mod notify;
pub mod operators;
pub mod payment_filter;
mod payment_page;
pub mod payments;
mod schema;
pub mod sealed;
pub mod sessions;
pub mod settings;
mod settle_postgres;
mod settle_rows;
mod settle_sqlite;
pub mod settlement;
mod statement;
mod sums;
mod texts;
pub mod users;
pub mod wallets;
pub mod webhook_secrets;
mod witness;

pub use connection::{Database, Db};
pub use error::StoreError;

use checkpoint::Writers;
use connection::in_transaction;
use link::Manager;
use lookups::Lookups;
use settlement::Settlement;

/// Connections in the pool; as many queries run at once.
const POOL_SIZE: u32 = 8;
/// Lists that are read at once: they may be long, and must leave connections for the short
/// lookups that every request makes.
const LISTS_MAX: usize = 4;
/// How long a query waits for a connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(5);

/// The database behind a pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    pool: Pool<Manager>,
    /// They take turns, and the settler as well.
    sqlite_writers: Option<Writers>,
    lists: Arc<Semaphore>,
    lookups: Lookups,
}

impl Store {
    /// Connects to a database, which must be there and answer.
    pub fn open(database: Database) -> Result<Self, StoreError> {
        // The first connection is made by hand, because its error says more than the pool's.
        drop(database.connect().map_err(|error| StoreError::Unavailable(error.to_string()))?);
        let pool = Pool::builder()
            .max_size(POOL_SIZE)
            .min_idle(Some(1))
            .connection_timeout(POOL_TIMEOUT)
            .test_on_check_out(false)
            .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
            .build(Manager(database.clone()))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let lookups = Lookups::new(&database).map_err(|error| StoreError::Fault(error.to_string()))?;
        let lists = Arc::new(Semaphore::new(LISTS_MAX));
        let writers = database.sqlite_path().map(|_| Writers::new(&database)).transpose();
        let sqlite_writers = writers.map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(Self { database, pool, sqlite_writers, lists, lookups })
    }

    /// Which database this is.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// How many connections the pool has, and how many of them are idle.
    pub fn pool_state(&self) -> diesel::r2d2::State {
        self.pool.state()
    }

    /// A settlement store on the same database.
    pub fn settlement(&self) -> Settlement {
        Settlement::new(self.database.clone(), self.sqlite_writers.clone())
    }

    /// Runs queries that only read.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        unblock(move || store.read_blocking(work)).await
    }

    /// Runs queries that only read, but perhaps a lot: only a few of these at once.
    pub async fn read_list<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lists = Arc::clone(&self.lists);
        let turn = lists.acquire_owned().await.map_err(|error| StoreError::Fault(error.to_string()))?;
        self.read(move |connection| {
            // Until the work is done, whether or not anybody still waits for it.
            let _turn = turn;
            work(connection)
        })
        .await
    }

    /// Runs queries that write, in one transaction.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        unblock(move || store.write_blocking(work)).await
    }

    /// As [`Store::read`], on this thread.
    pub fn read_blocking<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut link = self.pool.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        work(&mut link.db).map_err(|error| link.explain(error))
    }

    /// As [`Store::write`], on this thread.
    pub fn write_blocking<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _turn = self.sqlite_writers.as_ref().map(Writers::turn);
        self.read_blocking(|connection| in_transaction(connection, work))
    }
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
