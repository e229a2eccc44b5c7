//! Where everything is kept.

use std::path::PathBuf;

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::store::Database;

/// The database and the directory of files.
#[derive(Args, Clone, Debug)]
pub struct Storage {
    /// `sqlite://PATH` or `postgres://…`; a SQLite file in the data directory by default
    #[arg(
        long, global = true, env = "SATKEEP_DATABASE_URL", hide_env_values = true,
        default_value = "", hide_default_value = true, value_parser = values::database_url
    )]
    pub database_url: Maybe<Database>,
    /// Directory of the master key and of the default database
    #[arg(long, global = true, env = "SATKEEP_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
}

impl Storage {
    /// Which database.
    pub fn database(&self) -> Database {
        self.database_url.clone().unwrap_or_else(|| Database::Sqlite(self.data_dir.join("satkeep.sqlite")))
    }
}
