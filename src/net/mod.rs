//! The network: requests to others, made to the very address that was judged, and who stands in
//! front of satkeep. Everything that goes out goes by the one client.

pub mod allow_list;
pub mod client;
mod connection;
mod idle;
pub mod proxies;
pub mod request;
pub mod resolver;
pub mod targets;
pub mod tls;
