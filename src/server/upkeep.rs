//! Background tasks: purging old rows, following the master key, and sweeping live streams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::api::framework::rate_limit::RateLimits;
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::login_throttle::FORGET_S;
use crate::live::hub::Hub;
use crate::live::sweep;
use crate::master_key;
use crate::master_key::Followed;
use crate::server::expiry;
use crate::server::tasks::Tasks;
use crate::services::health::Health;
use crate::services::pay_links::served::ServedCounts;
use crate::store::access::{login_throttle, sessions, tokens};
use crate::store::cards::hits;
use crate::store::webhooks::log;
use crate::store::{Db, Store, StoreError, idempotency};
use crate::telemetry::log::LogThrottle;

/// How long a response under an idempotency key is kept.
const IDEMPOTENCY_MEMORY_S: i64 = 48 * 3600;
/// How long the log of a delivery is kept.
const DELIVERY_MEMORY_S: i64 = 30 * 24 * 3600;

/// How long a tap of a card is kept that nothing was paid with; what was paid is never forgotten.
const HIT_MEMORY_S: i64 = 7 * 24 * 3600;

/// What the upkeep works on.
pub(super) struct Upkeep {
    /// The database.
    pub(super) store: Store,
    /// Has to encrypt under the newest master key.
    pub(super) sealer: Sealer,
    /// The listeners of live streams.
    pub(super) hub: Arc<Hub>,
    /// The recent callers.
    pub(super) limits: Arc<RateLimits>,
    /// How often pay links were served lately.
    pub(super) served: Arc<ServedCounts>,
    /// Where a missing master key is reported.
    pub(super) health: Arc<Health>,
}

impl Upkeep {
    /// Starts all tasks.
    pub(super) fn start(self, tasks: &mut Tasks) {
        let Self { store, sealer, hub, limits, served, health } = self;
        tasks.start("the deletion of old rows", forget_old_rows(store.clone()));
        tasks.start("the expiry of idle rate limits", forget_idle_callers(limits));
        tasks.start("the master key's follower", follow_master_key(store.clone(), sealer, health));
        tasks.start("the sweep of live streams", sweep::run(hub, store.clone()));
        let counted_in = store.clone();
        tasks.start_finishing("the counts of pay links", |stop| async move {
            served.write_for_ever(counted_in, stop).await;
        });
        tasks.start("the expiry of invoices", expiry::sweep(store));
    }
}

/// Removes, every minute, callers who have made no requests for a while.
async fn forget_idle_callers(limits: Arc<RateLimits>) {
    let mut every_minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        every_minute.tick().await;
        limits.forget_idle();
    }
}

/// Purges, every hour, old responses under idempotency keys, login attempts that no longer count,
/// and expired sessions and tokens.
async fn forget_old_rows(store: Store) {
    let mut every_hour = tokio::time::interval(Duration::from_secs(3600));
    loop {
        every_hour.tick().await;
        let now = clock::now();
        let (answered_before, guessed_before) = (now.plus_seconds(-IDEMPOTENCY_MEMORY_S), now.plus_seconds(-FORGET_S));
        forget(&store, "idempotency keys", move |c| idempotency::forget_some(c, answered_before)).await;
        forget(&store, "guesses", move |c| login_throttle::forget_some(c, guessed_before)).await;
        let delivered_before = now.plus_seconds(-DELIVERY_MEMORY_S);
        forget(&store, "deliveries", move |c| log::forget_some(c, delivered_before)).await;
        let tapped_before = now.plus_seconds(-HIT_MEMORY_S);
        forget(&store, "taps of cards", move |c| hits::forget_some(c, tapped_before)).await;
        forget(&store, "sessions", move |c| sessions::forget_some(c, now)).await;
        forget(&store, "tokens", move |c| tokens::forget_some(c, now)).await;
    }
}

/// Purges some rows at a time, until there are no more.
async fn forget(
    store: &Store,
    what: &str,
    some: impl FnOnce(&mut Db) -> Result<bool, StoreError> + Copy + Send + 'static,
) {
    loop {
        let began = Instant::now();
        match store.write_in_background(some).await {
            // Payments come first.
            Ok(true) => tokio::time::sleep(began.elapsed()).await,
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "old {what} could not be deleted; trying again in an hour");
                break;
            }
        }
    }
}

/// Checks every second whether the master key has been rotated, and encrypts with the new one.
async fn follow_master_key(store: Store, sealer: Sealer, health: Arc<Health>) {
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complaints = LogThrottle::default();
    loop {
        every_second.tick().await;
        let follower = sealer.clone();
        let followed = store.read(move |connection| master_key::follow(connection, &follower)).await;
        if let Ok(followed) = followed {
            health.set_lacks_master_key(matches!(followed, Followed::Unknown(_)));
        }
        let complaint = match followed {
            Ok(Followed::Same) => continue,
            Ok(Followed::Switched(mark)) => {
                tracing::info!(%mark, "the master key has been rotated; sealing with the new one");
                complaints.settle();
                continue;
            }
            Ok(Followed::Unknown(mark)) => format!("the key with the mark {mark} is nowhere to be found"),
            Err(error) => error.to_string(),
        };
        if complaints.is_due() {
            tracing::error!("the new master key cannot be used, so the previous one still encrypts: {complaint}");
        }
    }
}
