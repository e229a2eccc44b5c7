//! What goes on beside the requests: forgetting what is old, following the master key,
//! and looking after live streams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;
use tokio::time::MissedTickBehavior;

use crate::api::framework::app::App;
use crate::clock;
use crate::domain::login_throttle::FORGET_S;
use crate::live::sweep;
use crate::master_key;
use crate::master_key::Followed;
use crate::server::expiry;
use crate::server::tasks::Tasks;
use crate::store::access::{login_throttle, sessions};
use crate::store::webhooks::log;
use crate::store::{Db, StoreError, idempotency};
use crate::telemetry::log::LogThrottle;

/// How long an answer under an idempotency key is remembered.
const IDEMPOTENCY_MEMORY_S: i64 = 48 * 3600;
/// How long the log of a delivery is kept.
const DELIVERY_MEMORY_S: i64 = 30 * 24 * 3600;

/// Starts all of it.
pub(super) fn start(tasks: &mut Tasks, app: &web::Data<App>) {
    tasks.start("the forgetting of old rows", forget_old_rows(app.clone()));
    tasks.start("the forgetting of idle callers", forget_idle_callers(app.clone()));
    tasks.start("the following of the master key", follow_master_key(app.clone()));
    tasks.start("the looking after live streams", sweep::run(Arc::clone(&app.hub), app.store.clone()));
    tasks.start("the expiry of invoices", expiry::sweep(app.store.clone()));
}

/// Forgets, every minute, who has not made requests for a while.
async fn forget_idle_callers(app: web::Data<App>) {
    let mut every_minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        every_minute.tick().await;
        app.limits.forget_idle();
    }
}

/// Forgets, every hour, what was answered under idempotency keys long ago, guesses that no
/// longer count, and sessions that are over.
async fn forget_old_rows(app: web::Data<App>) {
    let mut every_hour = tokio::time::interval(Duration::from_secs(3600));
    loop {
        every_hour.tick().await;
        let now = clock::now();
        let (answered_before, guessed_before) = (now.plus_seconds(-IDEMPOTENCY_MEMORY_S), now.plus_seconds(-FORGET_S));
        forget(&app, "idempotency keys", move |c| idempotency::forget_some(c, answered_before)).await;
        forget(&app, "guesses", move |c| login_throttle::forget_some(c, guessed_before)).await;
        let delivered_before = now.plus_seconds(-DELIVERY_MEMORY_S);
        forget(&app, "deliveries", move |c| log::forget_some(c, delivered_before)).await;
        forget(&app, "sessions", move |c| sessions::forget_some(c, now)).await;
    }
}

/// Forgets some rows at a time, until there are no more of them.
async fn forget(app: &App, what: &str, some: impl FnOnce(&mut Db) -> Result<bool, StoreError> + Copy + Send + 'static) {
    loop {
        let began = Instant::now();
        match app.store.write(some).await {
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
async fn follow_master_key(app: web::Data<App>) {
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complaints = LogThrottle::default();
    loop {
        every_second.tick().await;
        let sealer = app.sealer.clone();
        let followed = app.store.read(move |connection| master_key::follow(connection, &sealer)).await;
        if let Ok(followed) = followed {
            app.set_lacks_master_key(matches!(followed, Followed::Unknown(_)));
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
