//! How this process is: since when it runs, whether it is stopping, and whether it can work.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Error, Services};
use crate::clock;
use crate::domain::time::UnixMs;
use crate::store::db::migrations;

/// What handlers and background tasks tell each other about this process.
#[derive(Debug)]
pub struct Health {
    started_at: UnixMs,
    draining: AtomicBool,
    lacks_master_key: AtomicBool,
}

impl Health {
    /// Of a process that starts now.
    pub fn starting() -> Self {
        Self { started_at: clock::now(), draining: AtomicBool::new(false), lacks_master_key: AtomicBool::new(false) }
    }

    /// From now on every new request is refused.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the process is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Remembers whether the master key that is in use is nowhere to be found.
    pub fn set_lacks_master_key(&self, lacks: bool) {
        self.lacks_master_key.store(lacks, Ordering::SeqCst);
    }

    /// Seconds since the start.
    pub fn up_time_s(&self) -> i64 {
        clock::now().seconds() - self.started_at.seconds()
    }

    /// Makes sure that requests can be served: the database answers and has the newest schema, and
    /// the master key that the other processes use is at hand.
    pub async fn check(&self, services: &Services) -> Result<(), Error> {
        let pending = services.store.read(migrations::pending).await?;
        if !pending.is_empty() || self.lacks_master_key.load(Ordering::SeqCst) {
            return Err(Error::Unavailable);
        }
        Ok(())
    }
}

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

/// How busy the service is now.
pub fn load(services: &Services) -> Load {
    let (pool_busy, pool_idle) = services.store.connections();
    Load { queued: services.ledger.queued(), pool_busy, pool_idle }
}
