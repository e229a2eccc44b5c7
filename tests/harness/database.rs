//! A fresh database for each test.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use satkeep::store::{Database, Store};
use tempfile::TempDir;

use super::postgres::{Cluster, cluster};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Sqlite,
    Postgres,
}

impl StoreKind {
    /// Bytes as SQL writes them.
    pub(crate) fn bytes(self, hex: &str) -> String {
        match self {
            Self::Sqlite => format!("x'{hex}'"),
            Self::Postgres => format!("'\\x{hex}'::bytea"),
        }
    }
}

pub(crate) struct TestDatabase {
    /// The data directory: the master key, and the SQLite file.
    pub(crate) directory: TempDir,
    pub(crate) url: String,
    postgres: Option<(&'static Cluster, String)>,
}

impl TestDatabase {
    /// An empty database; `None` where there is no PostgreSQL.
    pub(crate) fn create(store: StoreKind) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix("satkeep-test-").permissions(private).tempdir().unwrap();
        match store {
            StoreKind::Sqlite => {
                let url = format!("sqlite://{}", directory.path().join("test.sqlite").display());
                Some(Self { directory, url, postgres: None })
            }
            StoreKind::Postgres => {
                let cluster = cluster()?;
                let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
                cluster.create(&name);
                Some(Self { directory, url: cluster.url(&name), postgres: Some((cluster, name)) })
            }
        }
    }

    /// A migrated database, and its store, without a server.
    pub(crate) fn with_store(store: StoreKind) -> Option<(Self, Store)> {
        let database = Self::create(store)?;
        let store = Store::open(Database::from_url(&database.url).unwrap()).unwrap();
        store.read_blocking(satkeep::store::db::migrations::run).unwrap();
        Some((database, store))
    }

    /// The same database over TCP, where it is PostgreSQL's.
    pub(crate) fn tcp_url(&self) -> Option<String> {
        self.postgres.as_ref().map(|(cluster, name)| cluster.tcp_url(name))
    }

    /// Runs SQL behind satkeep's back.
    pub(crate) fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        if self.postgres.is_some() {
            return PgConnection::establish(&self.url).unwrap().batch_execute(sql);
        }
        let mut connection = SqliteConnection::establish(self.url.strip_prefix("sqlite://").unwrap()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
        connection.batch_execute(sql)
    }

    /// Every row of every table but these, as text, bytes in lower-case hex: table by table, in
    /// an order of its own.
    pub(crate) fn dump(&self, without: &[&str]) -> Vec<String> {
        let tables = if self.postgres.is_some() {
            "SELECT tablename::text AS text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        } else {
            "SELECT name AS text FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
        };
        let mut rows = Vec::new();
        for table in self.texts(tables).into_iter().filter(|table| !without.contains(&table.as_str())) {
            let row = if self.postgres.is_some() {
                "t::text".to_owned()
            } else {
                let columns =
                    self.texts(&format!("SELECT name AS text FROM pragma_table_info('{table}') ORDER BY cid"));
                columns.iter().map(|column| format!("quote(\"{column}\")")).collect::<Vec<_>>().join(" || ',' || ")
            };
            let found = self.texts(&format!("SELECT {row} AS text FROM {table} AS t ORDER BY 1"));
            rows.extend(found.into_iter().map(|row| format!("{table}: {}", row.to_lowercase())));
        }
        rows
    }

    /// The rows of a query that answers one text column.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            text: String,
        }
        let query = diesel::sql_query(sql);
        let rows: Vec<Row> = if self.postgres.is_some() {
            query.load(&mut PgConnection::establish(&self.url).unwrap()).unwrap()
        } else {
            let path = self.url.strip_prefix("sqlite://").unwrap();
            query.load(&mut SqliteConnection::establish(path).unwrap()).unwrap()
        };
        rows.into_iter().map(|row| row.text).collect()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((cluster, name)) = &self.postgres {
            cluster.drop_database(name);
        }
    }
}
