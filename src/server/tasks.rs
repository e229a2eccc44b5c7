//! Supervised background tasks. When a task that should run for ever returns or panics, the process
//! stops with an error, so that whatever runs it starts it again.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// A task has ended that nobody asked to end.
#[derive(Debug, thiserror::Error)]
pub enum TaskEnded {
    /// It returned.
    #[error("{0} has ended")]
    Returned(&'static str),
    /// It panicked.
    #[error("{0} has ended badly: {1}")]
    Panicked(&'static str, JoinError),
}

/// The background tasks of the process.
#[derive(Debug, Default)]
pub struct Tasks {
    stop: CancellationToken,
    endless: JoinSet<()>,
    finishing: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// Starts a task that can be broken off at any point.
    pub fn start(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let id = self.endless.spawn(work).id();
        self.names.insert(id, name);
    }

    /// Starts a task that finishes what it has begun when the token is cancelled, and returns.
    pub fn start_finishing<F>(&mut self, name: &'static str, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = self.finishing.spawn(work(self.stop.clone())).id();
        self.names.insert(id, name);
    }

    /// Resolves when a task has ended; never where all of them go on.
    pub async fn ended(&mut self) -> TaskEnded {
        let ended = tokio::select! {
            Some(ended) = self.endless.join_next_with_id() => ended,
            Some(ended) = self.finishing.join_next_with_id() => ended,
            else => std::future::pending().await,
        };
        self.describe(ended)
    }

    fn describe(&self, ended: Result<(Id, ()), JoinError>) -> TaskEnded {
        let name = |id: Id| self.names.get(&id).copied().unwrap_or("a background task");
        match ended {
            Ok((id, ())) => TaskEnded::Returned(name(id)),
            Err(error) => TaskEnded::Panicked(name(error.id()), error),
        }
    }

    /// Has the finishing tasks begin nothing more.
    pub fn start_stopping(&self) {
        self.stop.cancel();
    }

    /// Waits for the finishing tasks, then breaks off the others.
    pub async fn stop(mut self) {
        self.start_stopping();
        while let Some(ended) = self.finishing.join_next_with_id().await {
            if ended.is_err() {
                let error = self.describe(ended);
                tracing::error!(%error, "a background task did not finish what it had begun");
            }
        }
        self.endless.shutdown().await;
    }
}
