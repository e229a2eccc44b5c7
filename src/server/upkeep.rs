//! Background tasks: pruning old rows, following the master key, and sweeping live streams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::api::framework::rate_limit::RateLimits;
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::login_throttle::RESET_AFTER_S;
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
const IDEMPOTENCY_RETENTION_S: i64 = 48 * 3600;
/// How long the log of a delivery is kept.
const DELIVERY_RETENTION_S: i64 = 30 * 24 * 3600;

/// How long a tap of a card is kept that nothing was paid with; what was paid is kept for ever.
const HIT_RETENTION_S: i64 = 7 * 24 * 3600;

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
        tasks.start("the deletion of old rows", prune_old_rows(store.clone()));
        tasks.start("the expiry of idle rate limits", evict_idle_callers(limits));
        tasks.start("the master key's follower", follow_master_key(store.clone(), sealer, health));
        tasks.start("the sweep of live streams", sweep::run(hub, store.clone()));
        let counted_in = store.clone();
        tasks.start_finishing("the counts of pay links", |stop| async move {
            served.write_periodically(counted_in, stop).await;
        });
        tasks.start("the expiry of invoices", expiry::sweep(store));
    }
}

/// Removes, every minute, callers who have made no requests for a while.
async fn evict_idle_callers(limits: Arc<RateLimits>) {
    let mut every_minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        every_minute.tick().await;
        limits.evict_idle();
    }
}

/// Prunes, every hour, old responses under idempotency keys, login attempts that no longer count,
/// and expired sessions and tokens.
async fn prune_old_rows(store: Store) {
    let mut every_hour = tokio::time::interval(Duration::from_secs(3600));
    loop {
        every_hour.tick().await;
        let now = clock::now();
        let (answered_before, attempted_before) =
            (now.plus_seconds(-IDEMPOTENCY_RETENTION_S), now.plus_seconds(-RESET_AFTER_S));
        prune(&store, "idempotency keys", move |c| idempotency::prune(c, answered_before)).await;
        prune(&store, "login attempts", move |c| login_throttle::prune(c, attempted_before)).await;
        let delivered_before = now.plus_seconds(-DELIVERY_RETENTION_S);
        prune(&store, "deliveries", move |c| log::prune(c, delivered_before)).await;
        let tapped_before = now.plus_seconds(-HIT_RETENTION_S);
        prune(&store, "taps of cards", move |c| hits::prune(c, tapped_before)).await;
        prune(&store, "sessions", move |c| sessions::prune(c, now)).await;
        prune(&store, "tokens", move |c| tokens::prune(c, now)).await;
    }
}

/// Prunes some rows at a time, until there are no more.
async fn prune(
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
    let mut log_throttle = LogThrottle::default();
    loop {
        every_second.tick().await;
        let follower = sealer.clone();
        let followed = store.read(move |connection| master_key::follow(connection, &follower)).await;
        if let Ok(followed) = followed {
            health.set_lacks_master_key(matches!(followed, Followed::Unknown(_)));
        }
        let problem = match followed {
            Ok(Followed::Same) => continue,
            Ok(Followed::Switched(mark)) => {
                tracing::info!(%mark, "the master key has been rotated; sealing with the new one");
                log_throttle.settle();
                continue;
            }
            Ok(Followed::Unknown(mark)) => format!("the key with the mark {mark} is nowhere to be found"),
            Err(error) => error.to_string(),
        };
        if log_throttle.is_due() {
            tracing::error!("the new master key cannot be used, so the previous one still encrypts: {problem}");
        }
    }
}
