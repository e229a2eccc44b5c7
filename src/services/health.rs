//! How the service is.

use super::{Error, Services};
use crate::store::db::migrations;

/// How busy the service is.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Commands that wait for the ledger.
    pub queued: usize,
    /// Connections of the pools that are in use.
    pub pool_busy: u32,
    /// Connections of the pools that are idle.
    pub pool_idle: u32,
}

/// Asks the database whether it answers, and has the tables that this version works with.
pub async fn is_ready(services: &Services) -> Result<bool, Error> {
    Ok(services.store.read(migrations::pending).await?.is_empty())
}

/// How busy the service is now.
pub fn load(services: &Services) -> Load {
    let (pool_busy, pool_idle) = services.store.connections();
    Load { queued: services.settler.queued(), pool_busy, pool_idle }
}
