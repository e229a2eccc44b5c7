//! Looks, every second while anybody listens, whether there is anything that nobody was told:
//! movements that another process settled, invoices that it paid, keys that were revoked.
//! It takes a few queries, however many listen.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::hub::{Ear, End, Hub, Topic};
use crate::domain::ids::{InvoiceId, WalletId};
use crate::store::live::{self, Standing};
use crate::store::{Store, StoreError};
use crate::telemetry::Complaint;

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sweeps until the process ends.
pub async fn run(hub: Arc<Hub>, store: Store) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complaints = Complaint::default();
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = hub.look_now.notified() => {}
        }
        if hub.open() == 0 {
            continue;
        }
        if let Err(error) = sweep(&hub, &store).await
            && complaints.is_due()
        {
            tracing::warn!(%error, "live streams cannot be looked after; trying again");
        }
    }
}

async fn sweep(hub: &Hub, store: &Store) -> Result<(), StoreError> {
    let mut wallets: HashMap<WalletId, Vec<Arc<Ear>>> = HashMap::new();
    let mut invoices: HashMap<InvoiceId, Vec<Arc<Ear>>> = HashMap::new();
    for (topic, ears) in hub.listening() {
        match topic {
            Topic::Wallet(id) => drop(wallets.insert(id, ears)),
            Topic::Invoice(id) => drop(invoices.insert(id, ears)),
        }
    }
    let ids: (Vec<_>, Vec<_>) = (wallets.keys().copied().collect(), invoices.keys().copied().collect());
    let (standings, settled) = store
        .read(move |connection| Ok((live::standings(connection, &ids.0)?, live::no_longer_open(connection, &ids.1)?)))
        .await?;
    for (wallet, ears) in &wallets {
        let standing = standings.get(wallet);
        for ear in ears {
            tell(ear, standing);
        }
    }
    settled.iter().filter_map(|id| invoices.get(id)).flatten().for_each(|ear| ear.wake());
    Ok(())
}

fn tell(ear: &Ear, standing: Option<&Standing>) {
    match standing {
        Some(standing) if standing.lets(ear.keys_version) => {
            if standing.entries > ear.position.load(Ordering::Relaxed) {
                ear.wake();
            }
        }
        Some(_) | None => ear.end(End::Revoked),
    }
}
