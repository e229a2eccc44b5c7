//! Closes holds whose time is over, some at a time, on every replica. It decides nothing: whether a
//! hold can be captured depends on the time of the capture, and what is given back on the ledger.

use std::time::{Duration, Instant};

use crate::api::framework::app::State;
use crate::services::holds;
use crate::telemetry::log::LogThrottle;

/// How often it checks.
const EVERY: Duration = Duration::from_secs(1);

/// Closes expired holds until the process ends.
pub(super) async fn expire(app: State) {
    let mut complaints = LogThrottle::default();
    loop {
        tokio::time::sleep(EVERY).await;
        loop {
            let began = Instant::now();
            match holds::expire_some(&app.services).await {
                Ok(true) => tokio::time::sleep(began.elapsed()).await,
                Ok(false) => {
                    complaints.settle();
                    break;
                }
                Err(error) => {
                    if complaints.is_due() {
                        tracing::warn!(%error, "expired holds cannot be closed; trying again");
                    }
                    break;
                }
            }
        }
    }
}
