//! Connections that are kept for what goes the same way next: a target that is told much does
//! not shake hands for every event.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::connection::Connection;
use super::request::Request;
use crate::domain::consumer::Consumer;

/// How long a connection is kept without being used: shorter than most servers wait.
const KEPT_MAX: Duration = Duration::from_secs(4);
/// How long one is used at all: names are resolved, and addresses judged, at least so often.
const AGE_MAX: Duration = Duration::from_secs(60);
/// Connections that are kept at once.
const COUNT_MAX: usize = 64;

/// What leads to the same place in the same way, for the same consumer: what is answered to one
/// can never be taken for what is answered to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    consumer: Option<Consumer>,
    is_tls: bool,
    host: String,
}

impl Way {
    pub(super) fn of(request: &Request) -> Self {
        let Request { consumer, target, .. } = request;
        Self { consumer: *consumer, is_tls: target.is_tls(), host: target.host_and_port() }
    }
}

struct Kept {
    connection: Connection,
    since: Instant,
}

impl Kept {
    fn is_good(&self) -> bool {
        self.since.elapsed() < KEPT_MAX && self.connection.age() < AGE_MAX && !self.connection.is_closed()
    }
}

/// Connections that are kept.
#[derive(Default)]
pub(super) struct Idle {
    kept: Mutex<HashMap<Way, Vec<Kept>>>,
}

impl Idle {
    /// One that leads this way, the last one that was used.
    pub(super) fn take(&self, way: &Way) -> Option<Connection> {
        let mut kept = self.kept.lock();
        let of_way = kept.get_mut(way)?;
        while let Some(last) = of_way.pop() {
            if last.is_good() {
                return Some(last.connection);
            }
        }
        kept.remove(way);
        None
    }

    /// Keeps one, where there is room.
    pub(super) fn keep(&self, way: &Way, connection: Connection) {
        let mut kept = self.kept.lock();
        if kept.values().map(Vec::len).sum::<usize>() < COUNT_MAX {
            kept.entry(way.clone()).or_default().push(Kept { connection, since: Instant::now() });
        }
    }

    /// Ends those that have been kept for long enough.
    pub(super) fn close_old(&self) {
        self.kept.lock().retain(|_, of_way| {
            of_way.retain(Kept::is_good);
            !of_way.is_empty()
        });
    }
}
