//! Checks every second, while there are listeners, for anything they were not notified of:
//! movements settled and invoices paid by another process, and revoked keys. It takes a few
//! queries, regardless of the number of listeners.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::hub::{End, Hub, Subscriber, Topic};
use crate::domain::ids::{InvoiceId, WalletId};
use crate::store::live::{self, Standing};
use crate::store::{Store, StoreError};
use crate::telemetry::log::LogThrottle;

/// How often to check.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sweeps until the process ends.
pub async fn run(hub: Arc<Hub>, store: Store) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log_throttle = LogThrottle::default();
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = hub.look_now.notified() => {}
        }
        if hub.open() == 0 {
            continue;
        }
        if let Err(error) = sweep(&hub, &store).await
            && log_throttle.is_due()
        {
            tracing::warn!(%error, "the sweep of live streams failed; retrying");
        }
    }
}

async fn sweep(hub: &Hub, store: &Store) -> Result<(), StoreError> {
    let mut wallets: HashMap<WalletId, Vec<Arc<Subscriber>>> = HashMap::new();
    let mut invoices: HashMap<InvoiceId, Vec<Arc<Subscriber>>> = HashMap::new();
    for (topic, subscribers) in hub.listening() {
        match topic {
            Topic::Wallet(id) => drop(wallets.insert(id, subscribers)),
            Topic::Invoice(id) => drop(invoices.insert(id, subscribers)),
        }
    }
    let ids: (Vec<_>, Vec<_>) = (wallets.keys().copied().collect(), invoices.keys().copied().collect());
    let (standings, settled) = store
        .read(move |connection| Ok((live::standings(connection, &ids.0)?, live::no_longer_open(connection, &ids.1)?)))
        .await?;
    for (wallet, subscribers) in &wallets {
        let standing = standings.get(wallet);
        for subscriber in subscribers {
            tell(subscriber, standing);
        }
    }
    settled.iter().filter_map(|id| invoices.get(id)).flatten().for_each(|subscriber| subscriber.wake());
    Ok(())
}

fn tell(subscriber: &Subscriber, standing: Option<&Standing>) {
    match standing {
        Some(standing) if standing.lets(subscriber.keys_version) => {
            if standing.entries > subscriber.position.load(Ordering::Relaxed) {
                subscriber.wake();
            }
        }
        Some(_) | None => subscriber.end(End::Revoked),
    }
}
