//! The network: outgoing requests, all through one client that only connects to addresses it has
//! checked, and the proxies in front of satkeep.

pub mod allow_list;
pub mod client;
mod connection;
mod idle;
pub mod lines;
pub mod proxies;
pub mod request;
pub mod resolver;
pub mod targets;
pub mod tls;
