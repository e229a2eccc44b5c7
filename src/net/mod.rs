//! The network: requests to others, made to the very address that was judged, and who stands in
//! front of satkeep. Webhooks and the export of traces share it.

pub mod allow_list;
pub mod client;
pub(crate) mod connection;
mod idle;
pub mod proxies;
pub mod targets;
