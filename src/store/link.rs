//! Connections of the pool: how they are made, and thrown away.

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{RunQueryDsl, SqliteConnection};

use super::connection::{Database, Db, SQLITE_SMALL_CACHE};
use super::error::StoreError;
use super::statement::statement;

statement!(
    /// Begins a transaction that takes SQLite's locks when it first reads.
    Begin on SqliteConnection, "BEGIN"
);

statement!(
    /// Ends it.
    End on SqliteConnection, "COMMIT"
);

/// A connection of the pool.
pub(super) struct Link {
    pub(super) db: Db,
    /// Set when the connection was found dead, so that the pool throws it away.
    dead: bool,
}

impl Link {
    /// Runs a few queries that only read: on SQLite on one state of the file, whose locks are
    /// taken once and not for each of them.
    pub(super) fn in_one_read<T>(
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
            // It must not go on reading what once was.
            self.dead = true;
            return read.and(Err(error.into()));
        }
        read
    }

    /// Looks whether an error means that the connection has died. To look only then keeps
    /// every query that goes right free of it.
    pub(super) fn explain(&mut self, error: StoreError) -> StoreError {
        let problem = match error {
            StoreError::Unavailable(problem) | StoreError::Fault(problem) if self.db.ping().is_err() => problem,
            StoreError::Unavailable(_)
            | StoreError::Fault(_)
            | StoreError::OutcomeUnknown(_)
            | StoreError::Revoked
            | StoreError::Frozen
            | StoreError::NotAManager
            | StoreError::Conflict
            | StoreError::Broken(_)
            | StoreError::NotFound => return error,
        };
        self.dead = true;
        StoreError::Unavailable(problem)
    }
}

/// Makes the connections of the pool.
#[derive(Debug)]
pub(super) struct Manager(pub(super) Database);

impl ManageConnection for Manager {
    type Connection = Link;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Link, diesel::r2d2::Error> {
        let mut db = self.0.connect().map_err(diesel::r2d2::Error::ConnectionError)?;
        if let Db::Sqlite(connection) = &mut db {
            connection.batch_execute(SQLITE_SMALL_CACHE).map_err(diesel::r2d2::Error::QueryError)?;
        }
        Ok(Link { db, dead: false })
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), diesel::r2d2::Error> {
        link.db.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        std::thread::panicking() || link.dead || link.db.is_broken()
    }
}
