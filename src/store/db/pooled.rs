//! Pooled connections: how they are created and discarded.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{RunQueryDsl, SqliteConnection};

use crate::store::db::connection::{Database, Db, SQLITE_SMALL_CACHE};
use crate::store::db::error::StoreError;
use crate::store::db::functions;
use crate::store::db::functions::Deadline;
use crate::store::db::statement::statement;

statement!(
    /// Begins a transaction that takes SQLite's locks on its first read.
    Begin on SqliteConnection, "BEGIN"
);

statement!(
    /// Ends it.
    End on SqliteConnection, "COMMIT"
);

/// A pooled connection.
pub(crate) struct PooledConnection {
    pub(crate) db: Db,
    /// Set when the connection was found dead, so that the pool discards it.
    dead: bool,
    /// The deadline of a SQLite connection; a server enforces its own.
    deadline: Deadline,
}

impl PooledConnection {
    /// Runs read-only queries that may read a lot, on a connection created with this time limit.
    /// Queries that exceed it are aborted.
    pub(crate) fn within<T>(
        &mut self,
        limit: Duration,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        self.deadline.set(limit);
        let read = work(&mut self.db);
        self.deadline.lift();
        read.map_err(|error| {
            let error = self.explain(error);
            // Neither database has an error code for this that Diesel passes on. But a failure
            // after the limit, on a live connection, means that the query was aborted.
            let broken_off = matches!(error, StoreError::Fault(_)) && began.elapsed() >= limit;
            if broken_off { StoreError::TooLong } else { error }
        })
    }

    /// Runs a few read-only queries. On SQLite they share one snapshot of the file, so its locks
    /// are taken only once.
    pub(crate) fn in_one_read<T>(
        &mut self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let read = self.bracket(work);
        read.map_err(|error| self.explain(error))
    }

    fn bracket<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Db::Sqlite(connection) = &mut self.db {
            Begin.execute(connection).inspect_err(|_| self.dead = true)?;
        }
        let read = work(&mut self.db);
        if let Db::Sqlite(connection) = &mut self.db
            && let Err(error) = End.execute(connection)
        {
            // It must not keep reading an old snapshot.
            self.dead = true;
            return read.and(Err(error.into()));
        }
        read
    }

    /// Checks whether an error means that the connection has died. Checking only then costs
    /// successful queries nothing.
    pub(crate) fn explain(&mut self, error: StoreError) -> StoreError {
        let problem = match error {
            StoreError::Unavailable(problem) | StoreError::Fault(problem) if self.db.ping().is_err() => problem,
            StoreError::Unavailable(_)
            | StoreError::Fault(_)
            | StoreError::OutcomeUnknown(_)
            | StoreError::Contended(_)
            | StoreError::Revoked
            | StoreError::Frozen
            | StoreError::NotAManager
            | StoreError::DayLimited
            | StoreError::NoRoomForManager(_)
            | StoreError::BeingDeleted
            | StoreError::TooManyWallets
            | StoreError::TooManyPayLinks
            | StoreError::TooManyCards
            | StoreError::TooManyWithdrawLinks
            | StoreError::Conflict
            | StoreError::Taken(_)
            | StoreError::Broken(_)
            | StoreError::Busy(_)
            | StoreError::TooLong
            | StoreError::NotFound => return error,
        };
        self.dead = true;
        StoreError::Unavailable(problem)
    }
}

/// Creates the connections of a pool.
#[derive(Debug)]
pub(crate) struct Manager {
    database: Database,
    /// How long a query may take, if that is limited.
    limit: Option<Duration>,
}

impl Manager {
    /// For connections that run short queries.
    pub(crate) const fn new(database: Database) -> Self {
        Self { database, limit: None }
    }

    /// For connections that use [`PooledConnection::within`] with a limit.
    pub(crate) const fn within(limit: Duration, database: Database) -> Self {
        Self { database, limit: Some(limit) }
    }
}

impl ManageConnection for Manager {
    type Connection = PooledConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<PooledConnection, diesel::r2d2::Error> {
        let mut db = self.database.connect().map_err(diesel::r2d2::Error::ConnectionError)?;
        let deadline = Deadline::new();
        let set_up = match (&mut db, self.limit) {
            (Db::Sqlite(connection), _) => connection
                .batch_execute(SQLITE_SMALL_CACHE)
                .and_then(|()| functions::register(connection, deadline.clone())),
            // A slot is worth one core, and no more.
            (Db::Postgres(connection), Some(limit)) => connection.batch_execute(&format!(
                "SET statement_timeout = {}; SET max_parallel_workers_per_gather = 0",
                limit.as_millis()
            )),
            (Db::Postgres(_), None) => Ok(()),
        };
        set_up.map_err(diesel::r2d2::Error::QueryError)?;
        Ok(PooledConnection { db, dead: false, deadline })
    }

    fn is_valid(&self, pooled: &mut PooledConnection) -> Result<(), diesel::r2d2::Error> {
        pooled.db.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut PooledConnection) -> bool {
        std::thread::panicking() || pooled.dead || pooled.db.is_broken()
    }
}
