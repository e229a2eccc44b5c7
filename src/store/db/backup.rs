//! Copies a SQLite database while it is in use.

use std::path::Path;

use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use crate::files;
use crate::store::db::connection::{Db, sqlite_name};
use crate::store::db::error::StoreError;

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is not a file.
    #[error("only a SQLite database is backed up this way; for PostgreSQL use pg_dump")]
    NotSqlite,
    /// The path cannot be passed to SQLite.
    #[error("the path of the backup is not UTF-8")]
    Path,
    /// The file could not be created.
    #[error("the backup file could not be made: {0}")]
    File(#[from] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a consistent copy to `target`, which must not exist yet; only its owner can read it.
/// Other connections can read and write in the meantime.
pub fn run(connection: &mut Db, target: &Path) -> Result<(), BackupError> {
    let Db::Sqlite(sqlite) = connection else { return Err(BackupError::NotSqlite) };
    let path = sqlite_name(target).ok_or(BackupError::Path)?;
    // `VACUUM INTO` fills an empty file.
    files::create(target, files::OWNER)?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path.as_ref()).execute(sqlite).map_err(StoreError::from)?;
    Ok(())
}
