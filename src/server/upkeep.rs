//! What goes on beside the requests: forgetting what is old, following the master key,
//! and looking after live streams.

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
use crate::store::access::{login_throttle, sessions, tokens};
use crate::store::webhooks::log;
use crate::store::{Db, Store, StoreError, idempotency};
use crate::telemetry::log::LogThrottle;

/// How long an answer under an idempotency key is remembered.
const IDEMPOTENCY_MEMORY_S: i64 = 48 * 3600;
/// How long the log of a delivery is kept.
const DELIVERY_MEMORY_S: i64 = 30 * 24 * 3600;

/// What the upkeep works on.
pub(super) struct Upkeep {
    /// The database.
    pub(super) store: Store,
    /// What has to seal under the newest master key.
    pub(super) sealer: Sealer,
    /// Who listens to payments.
    pub(super) hub: Arc<Hub>,
    /// Who has made requests lately.
    pub(super) limits: Arc<RateLimits>,
    /// Where it is said that the master key is missing.
    pub(super) health: Arc<Health>,
}

impl Upkeep {
    /// Starts all of it.
    pub(super) fn start(self, tasks: &mut Tasks) {
        let Self { store, sealer, hub, limits, health } = self;
        tasks.start("the forgetting of old rows", forget_old_rows(store.clone()));
        tasks.start("the forgetting of idle callers", forget_idle_callers(limits));
        tasks.start("the following of the master key", follow_master_key(store.clone(), sealer, health));
        tasks.start("the looking after live streams", sweep::run(hub, store.clone()));
        tasks.start("the expiry of invoices", expiry::sweep(store));
    }
}

/// Forgets, every minute, who has not made requests for a while.
async fn forget_idle_callers(limits: Arc<RateLimits>) {
    let mut every_minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        every_minute.tick().await;
        limits.forget_idle();
    }
}

/// Forgets, every hour, what was answered under idempotency keys long ago, guesses that no
/// longer count, and sessions and tokens that are over.
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
        forget(&store, "sessions", move |c| sessions::forget_some(c, now)).await;
        forget(&store, "tokens", move |c| tokens::forget_some(c, now)).await;
    }
}

/// Forgets some rows at a time, until there are no more of them.
async fn forget(
    store: &Store,
    what: &str,
    some: impl FnOnce(&mut Db) -> Result<bool, StoreError> + Copy + Send + 'static,
) {
    loop {
        let began = Instant::now();
        match store.write(some).await {
            // Payments come first.
            Ok(true) => tokio::time::sleep(began.elapsed()).await,
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "old {what} could not be forgotten; trying again in an hour");
                break;
            }
        }
    }
}

/// Looks every second whether the master key has been rotated, and seals with the new one.
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
            tracing::error!("the master key cannot be followed, so the one before still seals: {complaint}");
        }
    }
}
