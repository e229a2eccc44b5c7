//! The mark of a user who is being deleted, as [`deletions`] has it, kept up for as long as the
//! deletion goes on.

use std::time::{Duration, Instant};

use super::Deleter;
use crate::clock;
use crate::domain::ids::UserId;
use crate::domain::time::UnixMs;
use crate::services::{Error, Missing, Services};
use crate::store::Db;
use crate::store::users::deletions;

/// How long a mark lasts that is not renewed: it outlives a process that dies by as much.
const MARK_S: i64 = 120;
/// When a deletion renews its mark.
const RENEW_AFTER: Duration = Duration::from_secs(30);

/// The mark of a deletion, where it has set one.
#[derive(Default)]
pub(super) struct Mark(Option<Set>);

struct Set {
    until: UnixMs,
    at: Instant,
}

impl Mark {
    /// Stops anything from being created for the user and for everybody below it, or goes on to.
    pub(super) async fn keep(&mut self, services: &Services, by: Deleter, id: UserId) -> Result<(), Error> {
        if self.0.as_ref().is_some_and(|set| set.at.elapsed() < RENEW_AFTER) {
            return Ok(());
        }
        let (until, at) = (clock::now().plus_seconds(MARK_S), Instant::now());
        let tenant = by.tenant();
        let mark = move |connection: &mut Db| deletions::mark(connection, tenant, id, until);
        let marked = match by {
            Deleter::Manager { key, .. } => services.write_as(key, mark).await,
            Deleter::Login(login) => services.write_as(login, mark).await,
            Deleter::Operator(operator) => services.write_as(operator, mark).await,
        };
        marked.map_err(Error::of(Missing::User))?;
        self.0 = Some(Set { until, at });
        Ok(())
    }

    /// Takes the mark away from a user who stays. Where that fails, it ends by itself.
    pub(super) async fn take_away(self, services: &Services, by: Deleter, id: UserId) {
        let Some(Set { until, .. }) = self.0 else { return };
        if let Err(error) = services.store.write(by.consumer(), move |c| deletions::unmark(c, id, until)).await {
            tracing::warn!(%error, user = %id, "a user who was not deleted stays marked for {MARK_S} seconds at most");
        }
    }
}
