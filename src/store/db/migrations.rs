//! Migrations, embedded in the binary: one tree for each database. A test keeps the two consistent.

use diesel::migration::Migration as _;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// An advisory lock on PostgreSQL that only satkeep's migrations use: if several replicas start at
/// once, one migrates and the others wait.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_lock(7309453020)";
const POSTGRES_UNLOCK: &str = "SELECT pg_advisory_unlock(7309453020)";

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err asks for")]
fn fault(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Fault(format!("a migration failed: {error}"))
}

/// Migrates the database to the newest schema. Returns the names of the migrations that were run.
pub fn run(connection: &mut Db) -> Result<Vec<String>, StoreError> {
    use diesel::connection::SimpleConnection;
    match connection {
        Db::Sqlite(c) => {
            c.run_pending_migrations(SQLITE).map(|versions| versions.iter().map(ToString::to_string).collect())
        }
        Db::Postgres(c) => {
            c.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0; SET enable_seqscan = on")?;
            c.batch_execute(POSTGRES_LOCK)?;
            let run =
                c.run_pending_migrations(POSTGRES).map(|versions| versions.iter().map(ToString::to_string).collect());
            c.batch_execute(POSTGRES_UNLOCK)?;
            c.batch_execute("SET lock_timeout = '10s'; SET statement_timeout = '30s'; SET enable_seqscan = off")?;
            run
        }
    }
    .map_err(fault)
}

/// Whether no migration has ever been run.
pub fn is_untouched(connection: &mut Db) -> Result<bool, StoreError> {
    match connection {
        Db::Sqlite(c) => c.applied_migrations().map(|applied| applied.is_empty()),
        Db::Postgres(c) => c.applied_migrations().map(|applied| applied.is_empty()),
    }
    .map_err(fault)
}

/// Reverts the newest migration. Returns its name.
pub fn revert_last(connection: &mut Db) -> Result<String, StoreError> {
    match connection {
        Db::Sqlite(c) => c.revert_last_migration(SQLITE),
        Db::Postgres(c) => c.revert_last_migration(POSTGRES),
    }
    .map(|version| version.to_string())
    .map_err(fault)
}

/// The names of the migrations that have not been run yet.
pub fn pending(connection: &mut Db) -> Result<Vec<String>, StoreError> {
    match connection {
        Db::Sqlite(c) => c.pending_migrations(SQLITE).map(|all| all.iter().map(|m| m.name().to_string()).collect()),
        Db::Postgres(c) => c.pending_migrations(POSTGRES).map(|all| all.iter().map(|m| m.name().to_string()).collect()),
    }
    .map_err(fault)
}
