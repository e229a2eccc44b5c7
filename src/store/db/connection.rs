//! Connections: the database they go to, their setup, and transactions.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection as _, ConnectionError, PgConnection, RunQueryDsl, SqliteConnection};

use crate::store::db::checkpoint::{LOG_FILE_BYTES_MAX, LOG_PAGES_MAX};
use crate::store::db::error::StoreError;
use crate::store::db::postgres_url::{InvalidPostgresUrl, PostgresUrl};

pub use multi::{Db, MultiBackend};

mod multi {
    use diesel::{PgConnection, SqliteConnection};

    /// A connection to either database, for the queries that both support.
    #[derive(diesel::MultiConnection)]
    pub enum Db {
        /// To a SQLite file.
        Sqlite(SqliteConnection),
        /// To a PostgreSQL server.
        Postgres(PgConnection),
    }
}

/// The database to use.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, by URL.
    Postgres(PostgresUrl),
}

/// The URL is not that of a usable database. Errors do not show any part of it, because it can
/// contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// It has neither of the two schemes.
    #[error("must begin with sqlite:// (and a file's path) or postgres://")]
    Scheme,
    /// It does not contain a valid file path.
    #[error(
        "must have nothing but the path of a file behind sqlite://, without a `?`, and no `:` in front of its first `/`"
    )]
    File,
    /// libpq would read it differently from what is meant.
    #[error(transparent)]
    Postgres(#[from] InvalidPostgresUrl),
}

impl Database {
    /// Parses a URL: `sqlite://relative/path`, `sqlite:///absolute/path` or `postgres://…`.
    pub fn from_url(url: &str) -> Result<Self, InvalidDatabaseUrl> {
        if let Some(url) = PostgresUrl::parse(url) {
            return Ok(Self::Postgres(url?));
        }
        let path = url.strip_prefix("sqlite://").ok_or(InvalidDatabaseUrl::Scheme)?;
        // Excludes parameters, special names that SQLite does not treat as a file, and a server
        // with a password.
        let is_path =
            !path.is_empty() && !path.contains('?') && !path.split('/').next().is_some_and(|it| it.contains(':'));
        if is_path { Ok(Self::Sqlite(PathBuf::from(path))) } else { Err(InvalidDatabaseUrl::File) }
    }

    /// The file, if the database is one.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Opens a connection and sets it up.
    pub(crate) fn connect(&self) -> Result<Db, ConnectionError> {
        match self {
            Self::Sqlite(path) => {
                let path = sqlite_name(path).ok_or_else(|| {
                    ConnectionError::InvalidConnectionUrl("the path of the database is not UTF-8".to_owned())
                })?;
                let mut connection = SqliteConnection::establish(&path)?;
                let setup = format!("{SQLITE_BUSY_TIMEOUT}; {SQLITE_SETUP}; {}", bounds_of_log());
                connection.batch_execute(&setup).map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Db::Sqlite(connection))
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::establish(&url.with_time_limits())
                    .map_err(|error| ConnectionError::BadConnection(url.redact(&error.to_string())))?;
                connection.batch_execute(POSTGRES_SETUP).map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Db::Postgres(connection))
            }
        }
    }
}

/// A path in a form that SQLite always treats as a file path, whatever it begins with: without the
/// `./`, `file:` would start a URL with parameters. `None` if it is not UTF-8.
pub(crate) fn sqlite_name(path: &Path) -> Option<Cow<'_, str>> {
    let name = path.to_str()?;
    Some(if path.is_absolute() { name.into() } else { format!("./{name}").into() })
}

/// Shows the location, never the password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "SQLite file {}", path.display()),
            Self::Postgres(url) => write!(f, "PostgreSQL at {url:?}"),
        }
    }
}

/// How long a connection waits for another one.
pub(crate) const SQLITE_BUSY_TIMEOUT: &str = "PRAGMA busy_timeout = 10000";

/// WAL lets readers continue while a batch is written; FULL flushes before a commit returns
/// (promise I5).
const SQLITE_SETUP: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON
";

/// See [`checkpoint`](super::checkpoint).
fn bounds_of_log() -> String {
    format!("PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX}; PRAGMA journal_size_limit = {LOG_FILE_BYTES_MAX}")
}

/// In KiB, for a pooled connection: a quarter of the default. Every commit on another connection
/// clears the cache, so a larger one costs memory and gains almost nothing.
pub(crate) const SQLITE_SMALL_CACHE: &str = "PRAGMA cache_size = -512";

/// Makes the server flush at commit even if it is configured not to (promise I5), and makes sure
/// that nobody waits for a lock forever, or holds one while idle. Every query except the audit's
/// finds rows through an index. Saying so keeps the planner from scanning a young table, for which
/// it has no statistics yet, from end to end.
const POSTGRES_SETUP: &str = "
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = '10s';
    SET statement_timeout = '30s';
    SET idle_in_transaction_session_timeout = '30s';
    SET client_min_messages = 'warning';
    SET enable_seqscan = off;
";

/// Runs `work` in one write transaction: all or nothing.
///
/// On SQLite the write lock is taken at the start: a transaction that reads first and writes later
/// can fail at once, regardless of the busy timeout.
pub(crate) fn in_transaction<T>(
    connection: &mut Db,
    work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begin = match connection {
        Db::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        Db::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
    };
    begin.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    match work(connection) {
        Ok(value) => match connection {
            Db::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
            Db::Postgres(c) => AnsiTransactionManager::commit_transaction(c),
        }
        .map(|()| value)
        .map_err(|error| StoreError::OutcomeUnknown(error.to_string())),
        Err(error) => {
            roll_back(connection);
            Err(error)
        }
    }
}

/// Runs `work`, which reads whole tables, on one snapshot of the database.
pub(crate) fn in_snapshot<T>(
    connection: &mut Db,
    work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begin = match connection {
        // Nothing clears its cache in the meantime.
        Db::Sqlite(_) => "PRAGMA cache_size = -2000; BEGIN",
        Db::Postgres(_) => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
             SET LOCAL enable_seqscan = on; SET LOCAL statement_timeout = 0"
        }
    };
    let result = bracketed(connection, begin, work);
    if let Db::Sqlite(connection) = connection {
        connection.batch_execute(SQLITE_SMALL_CACHE)?;
    }
    result
}

/// Runs the few queries of a list on one snapshot of the database.
pub(crate) fn in_list_snapshot<T>(
    connection: &mut Db,
    work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begin = match connection {
        Db::Sqlite(_) => "BEGIN",
        Db::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    bracketed(connection, begin, work)
}

fn bracketed<T>(
    connection: &mut Db,
    begin: &str,
    work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.batch_execute(begin)?;
    let result = work(connection);
    connection.batch_execute("ROLLBACK")?;
    result
}

/// Rolls back the open transaction. If even that fails, the connection is broken: its transaction
/// dies with it, and the pool discards it.
pub(crate) fn roll_back(connection: &mut Db) {
    let rolled_back = match connection {
        Db::Sqlite(c) => AnsiTransactionManager::rollback_transaction(c),
        Db::Postgres(c) => AnsiTransactionManager::rollback_transaction(c),
    };
    if let Err(error) = rolled_back {
        tracing::warn!(%error, "a transaction could not be rolled back");
    }
}

#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}

/// Makes SQLite copy its log into its file, over the values that were replaced, and truncate the
/// log. Remnants in unused space, also on PostgreSQL, are removed by VACUUM.
pub fn drop_old_pages(connection: &mut Db) -> Result<(), StoreError> {
    let Db::Sqlite(connection) = connection else { return Ok(()) };
    // Writers wait for this, so it must not wait long for readers.
    connection.batch_execute("PRAGMA busy_timeout = 200")?;
    let checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(connection);
    connection.batch_execute(SQLITE_BUSY_TIMEOUT)?;
    let checkpoint: Checkpoint = checkpoint?;
    if checkpoint.busy == 0 { Ok(()) } else { Err(StoreError::Unavailable("its log is still being read".to_owned())) }
}
