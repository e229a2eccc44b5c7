//! The way to the ledger: one for a server, and one for a process that does a single thing and
//! ends.

use crate::clock;
use crate::domain::consumer::Consumer;
use crate::ledger::operation::Operation;
use crate::ledger::settle;
use crate::ledger::settler::{self, Reply, Settler, SubmitError};
use crate::store::Store;

/// The way to the ledger.
#[derive(Clone, Debug)]
pub enum Ledger {
    /// Commands queue for the settler of this process, which settles them together.
    Queued(Settler),
    /// Every command is settled at once, in a transaction of its own. This is safe beside running
    /// servers: the database makes them wait for each other.
    OnTheSpot(Store),
}

/// Room for one command.
#[derive(Debug)]
pub enum Place {
    /// In the settler's queue.
    Queued(settler::Place),
    /// There is no queue, and always room.
    OnTheSpot(Store),
}

impl Ledger {
    /// The weight of the commands that wait or are under way in this process's queue.
    pub fn queued(&self) -> usize {
        match self {
            Self::Queued(settler) => settler.queued(),
            Self::OnTheSpot(_) => 0,
        }
    }

    /// As [`Settler::reserve`].
    pub fn reserve(&self, consumer: Consumer, weight: usize) -> Result<Place, SubmitError> {
        match self {
            Self::Queued(settler) => settler.reserve(consumer, weight).map(Place::Queued),
            Self::OnTheSpot(store) => Ok(Place::OnTheSpot(store.clone())),
        }
    }

    /// As [`Settler::submit`].
    pub async fn submit<O: Operation + Send + 'static>(&self, operation: O, consumer: Consumer) -> Reply<O>
    where
        O::Output: Send,
    {
        match self {
            Self::Queued(settler) => settler.submit(operation, consumer).await,
            Self::OnTheSpot(store) => settle(store.clone(), operation).await,
        }
    }
}

impl Place {
    /// As [`settler::Place::submit`].
    pub async fn submit<O: Operation + Send + 'static>(self, operation: O) -> Reply<O>
    where
        O::Output: Send,
    {
        match self {
            Self::Queued(place) => place.submit(operation).await,
            Self::OnTheSpot(store) => settle(store, operation).await,
        }
    }
}

/// Settles one operation by itself, on a connection of its own.
async fn settle<O: Operation + Send + 'static>(store: Store, operation: O) -> Reply<O>
where
    O::Output: Send,
{
    let settled = move || settle::settle(&mut store.settlement(), operation, &clock::now);
    match tokio::task::spawn_blocking(settled).await {
        Ok(Ok(settled)) => Ok(settled),
        Ok(Err(error)) => {
            tracing::error!(%error, "not settled");
            Err(SubmitError::from(&error))
        }
        Err(error) => {
            tracing::error!(%error, "settling did not come to its end");
            Err(SubmitError::OutcomeUnknown)
        }
    }
}
