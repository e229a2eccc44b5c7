//! A copy of a SQLite database, made while it is in use.

use std::path::Path;

use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use super::connection::Db;
use super::error::StoreError;

/// No backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is not a file.
    #[error("only a SQLite database is backed up this way; for PostgreSQL use pg_dump")]
    NotSqlite,
    /// The path cannot be told to SQLite.
    #[error("the path of the backup is not UTF-8")]
    Path,
    /// The file could not be made.
    #[error("the backup file could not be made: {0}")]
    File(#[from] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a consistent copy to `target`, which must not exist yet; only its owner may read
/// it. Other connections go on reading and writing meanwhile.
pub fn run(connection: &mut Db, target: &Path) -> Result<(), BackupError> {
    let Db::Sqlite(sqlite) = connection else { return Err(BackupError::NotSqlite) };
    let path = target.to_str().ok_or(BackupError::Path)?;
    create_private(target)?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(sqlite).map_err(StoreError::from)?;
    Ok(())
}

/// Makes an empty file that only its owner may read; `VACUUM INTO` fills an empty file.
fn create_private(target: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(target).map(drop)
}
