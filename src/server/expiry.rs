//! The sweeper: marks expired invoices, some at a time, and writes the events for their
//! subscribers. See [`crate::store::payments::expiry`].

use std::time::{Duration, Instant};

use crate::clock;
use crate::store::payments::expiry;
use crate::store::{Store, StoreError};

/// How often it checks.
const EVERY: Duration = Duration::from_secs(5);

/// Sweeps until the process ends.
pub(super) async fn sweep(store: Store) {
    let mut complained = false;
    loop {
        tokio::time::sleep(EVERY).await;
        match sweep_all(&store).await {
            Ok(()) => complained = false,
            Err(error) if complained => tracing::debug!(%error, "expired invoices still cannot be swept"),
            Err(error) => {
                tracing::warn!(%error, "expired invoices cannot be swept; trying again");
                complained = true;
            }
        }
    }
}

async fn sweep_all(store: &Store) -> Result<(), StoreError> {
    if !store.read(|connection| expiry::is_due(connection, clock::now())).await? {
        return Ok(());
    }
    loop {
        let began = Instant::now();
        if !store.write_in_background(|connection| expiry::sweep_some(connection, clock::now())).await? {
            return Ok(());
        }
        // Payments get as much time as this took.
        tokio::time::sleep(began.elapsed()).await;
    }
}
