//! Waiting for a slot, with a timeout: the shell around [`turns`](super::turns).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::turns::{Asked, Full, Limits, Share, Tenant, Ticket, Turns};

/// How long a request waits at most.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Why a request gets no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many requests of the same tenant are waiting.
    #[error("too many requests of the tenant wait for their turn")]
    TenantFull,
    /// Too many requests are waiting.
    #[error("too many requests wait for their turn")]
    Full,
    /// No slot became free in time.
    #[error("the turn of a request has not come in time")]
    TooLate,
}

/// Lets a limited number of requests in at once; others wait for a slot. Cheap to clone.
pub struct Gate<T: Tenant>(Arc<Shared<T>>);

struct Shared<T: Tenant> {
    state: Mutex<State<T>>,
    opened_at: Instant,
    patience: Duration,
}

struct State<T: Tenant> {
    turns: Turns<T>,
    waiting: HashMap<Ticket, oneshot::Sender<Turn<T>>>,
}

/// A slot. It is given back when this is dropped, so whoever does the work must own it until the
/// work is really done, whether or not anybody still waits for the result.
pub struct Turn<T: Tenant> {
    gate: Gate<T>,
    /// The slot held; `None` once it was given back.
    held: Option<Held<T>>,
}

struct Held<T> {
    share: Share<T>,
    since: Duration,
}

/// A waiting request. Dropping it stops the wait.
struct Waiter<'a, T: Tenant> {
    gate: &'a Gate<T>,
    share: Share<T>,
    ticket: Ticket,
}

impl<T: Tenant> Gate<T> {
    /// A gate with these limits. Requests wait for at most `patience`.
    pub fn new(limits: Limits, patience: Duration) -> Self {
        let state = State { turns: Turns::new(limits), waiting: HashMap::new() };
        Self(Arc::new(Shared { state: Mutex::new(state), opened_at: Instant::now(), patience }))
    }

    /// Waits for a slot.
    pub async fn enter(&self, share: impl Into<Share<T>>) -> Result<Turn<T>, Refusal> {
        let share = share.into();
        let (ticket, granted) = match self.ask(&share)? {
            Ok(turn) => return Ok(turn),
            Err(waiting) => waiting,
        };
        let _waiter = Waiter { gate: self, share, ticket };
        self.hand_out();
        match timeout(self.0.patience, granted).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Refusal::TooLate),
        }
    }

    /// A slot, or how to wait for one.
    #[expect(clippy::type_complexity, reason = "a turn, or what is to be waited for, and nothing else")]
    fn ask(&self, share: &Share<T>) -> Result<Result<Turn<T>, (Ticket, oneshot::Receiver<Turn<T>>)>, Refusal> {
        let mut state = self.0.state.lock();
        let now = self.now();
        match state.turns.ask(share, now) {
            Ok(Asked::Granted) => Ok(Ok(self.turn(share.clone(), now))),
            Ok(Asked::Waiting(ticket)) => {
                let (sender, receiver) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                Ok(Err((ticket, receiver)))
            }
            Err(Full::Tenant) => Err(Refusal::TenantFull),
            Err(Full::All) => Err(Refusal::Full),
        }
    }

    /// Hands out all free slots to the requests that are next.
    fn hand_out(&self) {
        loop {
            let (waiter, turn) = {
                let mut state = self.0.state.lock();
                let now = self.now();
                let Some((share, ticket)) = state.turns.next(now) else { return };
                (state.waiting.remove(&ticket), self.turn(share, now))
            };
            // Sent without the lock, because a slot that is dropped takes the lock.
            let Some(Err(mut unwanted)) = waiter.map(|waiter| waiter.send(turn)) else { continue };
            // Nobody waits for it any more. It is given back here for the next one, rather than
            // when it is dropped, which would recurse once for every such slot.
            self.take_back(unwanted.held.take());
        }
    }

    fn take_back(&self, held: Option<Held<T>>) {
        if let Some(Held { share, since }) = held {
            let mut state = self.0.state.lock();
            let now = self.now();
            state.turns.leave(&share, since, now);
        }
    }

    fn turn(&self, share: Share<T>, since: Duration) -> Turn<T> {
        Turn { gate: self.clone(), held: Some(Held { share, since }) }
    }

    fn now(&self) -> Duration {
        self.0.opened_at.elapsed()
    }
}

impl<T: Tenant> Drop for Turn<T> {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.gate.take_back(self.held.take());
            self.gate.hand_out();
        }
    }
}

impl<T: Tenant> Drop for Waiter<'_, T> {
    fn drop(&mut self) {
        let mut state = self.gate.0.state.lock();
        // Otherwise the slot has already been granted.
        if state.waiting.remove(&self.ticket).is_some() {
            state.turns.give_up(&self.share, self.ticket);
        }
    }
}

impl<T: Tenant> Clone for Gate<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Tenant> fmt::Debug for Gate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        let (running, waiting) = (state.turns.running(), state.turns.waiting());
        f.debug_struct("Gate").field("running", &running).field("waiting", &waiting).finish()
    }
}

impl<T: Tenant> fmt::Debug for Turn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}
