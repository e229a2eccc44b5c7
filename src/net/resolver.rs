//! Resolving host names.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// The most concurrent lookups, each on a thread of its own.
const LOOKUPS_MAX: usize = 64;
/// How long a lookup waits for a free slot. After that, the request has to be retried later.
const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(2);

/// The future of a lookup.
pub type Resolution = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Resolves names, with the port of the target. An error of the kind `ResourceBusy` is not the
/// target's fault.
pub type Resolver = dyn Fn(String, u16) -> Resolution + Send + Sync;

/// The system's resolver. It cannot be interrupted: a lookup that nobody waits for any more counts
/// against the limit until its thread is free again.
pub fn system_resolver() -> Arc<Resolver> {
    let permits = Arc::new(Semaphore::new(LOOKUPS_MAX));
    Arc::new(move |host, port| {
        let permits = Arc::clone(&permits);
        Box::pin(async move {
            let permit = tokio::time::timeout(LOOKUP_WAIT_MAX, permits.acquire_owned()).await;
            let permit = permit.or(Err(io::ErrorKind::ResourceBusy))?.map_err(io::Error::other)?;
            let look_up = move || {
                let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                drop(permit);
                addresses
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    })
}
