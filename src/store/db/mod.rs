//! The database itself: connections and pools, transactions, migrations, and the tables.

pub(crate) mod backup;
pub(crate) mod checkpoint;
pub(crate) mod columns;
pub(crate) mod connection;
pub(crate) mod error;
pub(crate) mod functions;
pub(crate) mod lock;
pub mod migrations;
pub(crate) mod notify;
pub(crate) mod pooled;
pub(crate) mod postgres_url;
pub(crate) mod prune;
pub(crate) mod schema;
pub mod settings;
pub(crate) mod sqlite_file;
pub(crate) mod statement;
pub(crate) mod sums;
pub(crate) mod tenant_lock;
