//! The database itself: connections and pools, transactions, migrations, and the tables.

pub mod backup;
pub(crate) mod checkpoint;
pub(crate) mod columns;
pub mod connection;
pub mod error;
pub(crate) mod functions;
pub mod migrations;
pub mod notify;
pub(crate) mod pooled;
pub mod postgres_url;
pub(crate) mod schema;
pub mod settings;
pub(crate) mod sqlite_file;
pub(crate) mod statement;
pub(crate) mod sums;
pub(crate) mod tenant_lock;
