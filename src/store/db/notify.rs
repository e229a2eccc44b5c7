//! `LISTEN` and `NOTIFY`: short messages between the processes that share one PostgreSQL.
//!
//! A message may get lost with its connection; users of this module must have another way to find
//! out what they missed.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl};

use crate::store::Store;
use crate::store::db::connection::{Database, Db};
use crate::store::db::error::StoreError;

/// The longest message, in bytes; PostgreSQL allows up to 7999.
pub const MESSAGE_BYTES_MAX: usize = 7900;

/// A notification must not wait for a flush: everything in it can also be read from the rows.
const SETUP: &str = "SET synchronous_commit = off; LISTEN satkeep_live";

/// The name by which the connections of listeners recognize each other.
const NAME_LISTENING: &str = "SET application_name = 'satkeep listening'";
const NAME_SILENT: &str = "SET application_name = 'satkeep'";

const OTHERS: &str = "SELECT count(*) AS others FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'satkeep listening' AND pid <> pg_backend_pid()";

const SEND: &str = "SELECT count(pg_notify('satkeep_live', message)) AS others FROM unnest($1) AS message";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    others: i64,
}

/// A connection for messages.
pub struct Notifier(PgConnection);

impl Store {
    /// Opens a connection for messages; `None` if the database does not support it (SQLite, which
    /// has a single server process).
    pub fn notifier(&self) -> Result<Option<Notifier>, StoreError> {
        if matches!(self.database, Database::Sqlite(_)) {
            return Ok(None);
        }
        let connected = self.database.connect().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let Db::Postgres(mut connection) = connected else { return Ok(None) };
        connection.batch_execute(SETUP)?;
        Ok(Some(Notifier(connection)))
    }
}

impl Notifier {
    /// Announces to the other processes whether this one has listeners.
    pub fn say_listening(&mut self, listening: bool) -> Result<(), StoreError> {
        Ok(self.0.batch_execute(if listening { NAME_LISTENING } else { NAME_SILENT })?)
    }

    /// Whether another process has listeners.
    pub fn others_listen(&mut self) -> Result<bool, StoreError> {
        let count: Count = diesel::sql_query(OTHERS).get_result(&mut self.0)?;
        Ok(count.others > 0)
    }

    /// Sends messages to all processes, including this one.
    pub fn send(&mut self, messages: &[String]) -> Result<(), StoreError> {
        let _: Count = diesel::sql_query(SEND).bind::<Array<Text>, _>(messages).get_result(&mut self.0)?;
        Ok(())
    }

    /// The messages received since the last call. Does not wait.
    pub fn received(&mut self) -> Result<Vec<String>, StoreError> {
        let messages = self.0.notifications_iter().map(|message| message.map(|message| message.payload));
        messages.collect::<Result<_, _>>().map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}
