//! What all handlers share: who calls, reading requests, refusing them, and the document.

pub mod address;
pub(crate) mod answers;
pub(crate) mod app;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod csv;
pub(crate) mod document;
pub(crate) mod edge;
pub mod error;
pub(crate) mod fields;
pub(crate) mod host;
pub(crate) mod idempotency;
pub(crate) mod json_stream;
pub(crate) mod leniency;
pub mod numerals;
pub(crate) mod one_or_many;
pub(crate) mod params;
pub mod paths;
pub(crate) mod query;
pub(crate) mod rate_limit;
pub(crate) mod request_id;
pub(crate) mod session;
pub(crate) mod unread;
