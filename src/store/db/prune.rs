//! Deleting rows whose time is over, some at a time.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;

/// Which rows of a table to prune.
#[derive(Debug)]
pub(crate) struct Prunable {
    /// The table.
    pub table: &'static str,
    /// The column that identifies a row.
    pub key: &'static str,
    /// The condition that a row is over at the time `$1`.
    pub is_over: &'static str,
    /// The column of the time that says which to prune first.
    pub oldest_by: &'static str,
    /// How many at once.
    pub rows_max: i64,
}

impl Prunable {
    /// Prunes some of the rows; answers whether there may be more of them. Rows that somebody has
    /// locked are left, so that nobody waits in a circle.
    pub(crate) fn prune(&self, connection: &mut Db, time: UnixMs) -> Result<bool, StoreError> {
        let Self { table, key, is_over, oldest_by, rows_max } = self;
        let prune = |lock: &str| {
            diesel::sql_query(format!(
                "DELETE FROM {table} WHERE {key} IN (
                    SELECT {key} FROM {table} WHERE {is_over} ORDER BY {oldest_by} LIMIT $2{lock})"
            ))
            .bind::<BigInt, _>(time.get())
            .bind::<BigInt, _>(rows_max)
        };
        let pruned = match connection {
            Db::Sqlite(c) => prune("").execute(c)?,
            Db::Postgres(c) => prune(" FOR UPDATE SKIP LOCKED").execute(c)?,
        };
        Ok(i64::try_from(pruned).is_ok_and(|rows| rows >= *rows_max))
    }
}
