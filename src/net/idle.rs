//! Idle connections, kept for further requests to the same place, so that a busy target does not
//! need a handshake for every event.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::connection::Connection;
use super::request::Request;
use crate::domain::consumer::Consumer;

/// How long an idle connection is kept: shorter than most servers do.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// The maximum age of a connection: names are resolved, and addresses checked, at least this often.
const AGE_MAX: Duration = Duration::from_secs(60);
/// The most connections kept at once.
const COUNT_MAX: usize = 64;

/// What identifies a reusable connection: the place, the way to it, and the consumer, so that one
/// consumer's response can never be taken for another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    consumer: Option<Consumer>,
    is_tls: bool,
    host: String,
}

impl PoolKey {
    pub(super) fn of(request: &Request) -> Self {
        let Request { consumer, target, .. } = request;
        Self { consumer: *consumer, is_tls: target.is_tls(), host: target.host_and_port() }
    }
}

struct IdleConnection {
    connection: Connection,
    since: Instant,
}

impl IdleConnection {
    fn is_good(&self) -> bool {
        self.since.elapsed() < IDLE_MAX && self.connection.age() < AGE_MAX && !self.connection.is_closed()
    }
}

/// The connections kept.
#[derive(Default)]
pub(super) struct Idle {
    kept: Mutex<HashMap<PoolKey, Vec<IdleConnection>>>,
}

impl Idle {
    /// Takes the most recently used connection for this key.
    pub(super) fn take(&self, key: &PoolKey) -> Option<Connection> {
        let mut kept = self.kept.lock();
        let of_key = kept.get_mut(key)?;
        while let Some(last) = of_key.pop() {
            if last.is_good() {
                return Some(last.connection);
            }
        }
        kept.remove(key);
        None
    }

    /// Keeps a connection, if there is room.
    pub(super) fn keep(&self, key: &PoolKey, connection: Connection) {
        let mut kept = self.kept.lock();
        if kept.values().map(Vec::len).sum::<usize>() < COUNT_MAX {
            kept.entry(key.clone()).or_default().push(IdleConnection { connection, since: Instant::now() });
        }
    }

    /// Closes connections that have been idle for long enough.
    pub(super) fn close_old(&self) {
        self.kept.lock().retain(|_, of_key| {
            of_key.retain(IdleConnection::is_good);
            !of_key.is_empty()
        });
    }
}
