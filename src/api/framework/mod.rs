//! What all handlers share: who calls, reading requests, refusing them, and the document.

pub mod address;
pub mod answers;
pub mod app;
pub mod auth;
pub mod body;
pub mod document;
pub mod edge;
pub mod error;
pub mod fields;
pub mod host;
pub mod idempotency;
pub mod json_stream;
pub mod leniency;
pub mod numerals;
pub mod params;
pub mod paths;
pub mod rate_limit;
pub mod request_id;
pub mod session;
pub mod unread;
