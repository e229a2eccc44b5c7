//! The settler: one thread that owns the settlement connection, behind a bounded queue.
//!
//! It takes whatever has queued up, one command when idle and hundreds under load, and settles it
//! as one batch, so that the lock of a hot wallet and the flush to disk are paid for once. Nothing
//! waits for a batch to fill. [`room`](super::room) and [`queue`](super::queue) decide how much of
//! the queue and of a batch one tenant may have.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::command::Command;
use super::operation::{Operation, decision_of};
use super::outcome::{Outcome, Rejection};
use super::queue::{Next, QUANTUM, Queue};
use super::room::{Full, Room};
use super::settle::SettlementStore;
use super::settling::settle_jobs;
use crate::domain::consumer::Consumer;
use crate::domain::time::UnixMs;
use crate::telemetry::traces;
use crate::telemetry::traces::Origin;

/// How long a command may wait in the queue. After that its caller may have given up and retried,
/// so it is refused, and nothing has happened.
const QUEUE_TIME_MAX: Duration = Duration::from_secs(30);
/// Why a command got no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The tenant's part of the queue is full.
    #[error("too many commands of the tenant are waiting")]
    TenantOverloaded,
    /// The settler has stopped or is stopping.
    #[error("the ledger is shutting down")]
    ShuttingDown,
    /// The database stayed unavailable. Nothing has happened.
    #[error("the database is not available")]
    Unavailable,
    /// The outcome of the commit could not be determined.
    #[error("the outcome is not known")]
    OutcomeUnknown,
    /// A bug of ours. Nothing has happened.
    #[error("the ledger failed")]
    Fault,
}

/// What a caller gets: an error, a refusal, or the operation's output.
pub type Reply<O> = Result<Result<<O as Operation>::Output, Rejection>, SubmitError>;

/// The same as sent by the thread, which settles operations of all kinds.
pub(super) type Answer = Result<Result<Outcome, Rejection>, SubmitError>;

/// A command that waits to be settled.
pub(super) struct Job {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Answer>,
    pub(super) queued_at: Instant,
    /// The span of the caller, if it is traced.
    pub(super) origin: Option<Origin>,
    /// Given back when the command is answered.
    pub(super) place: Place,
}

/// State that callers share with the thread.
#[derive(Default)]
struct Shared {
    room: Mutex<Room>,
    line: Mutex<Line>,
    wake: Condvar,
}

/// The queue, and the state of the thread that works on it.
#[derive(Default)]
struct Line {
    queue: Queue<Job>,
    /// The thread sleeps and has not been woken yet.
    asleep: bool,
    /// No more commands are accepted.
    closed: bool,
}

/// Hands commands to the settler's thread. Cheap to clone.
#[derive(Clone)]
pub struct Settler(Arc<Shared>);

/// The settler's thread, for whoever has to stop it.
pub struct SettlerThread {
    shared: Arc<Shared>,
    thread: thread::JoinHandle<()>,
}

/// Room in the queue for one command. It is given back when the command is answered, or when this
/// is dropped earlier.
pub struct Place {
    shared: Arc<Shared>,
    consumer: Consumer,
    weight: usize,
}

impl Settler {
    /// Starts the thread. The receiver resolves when the thread has ended, for any reason.
    pub fn start(
        store: Box<dyn SettlementStore + Send>,
        clock: fn() -> UnixMs,
    ) -> std::io::Result<(Self, SettlerThread, oneshot::Receiver<()>)> {
        let shared = Arc::<Shared>::default();
        let (ended, on_end) = oneshot::channel();
        let thread = thread::Builder::new().name("settler".to_owned()).spawn({
            // Dropped when the thread ends, even by a panic: that is the signal.
            let end = End { shared: Arc::clone(&shared), _ended: ended };
            move || {
                let end = end;
                run(store, &end.shared, clock);
            }
        })?;
        Ok((Self(Arc::clone(&shared)), SettlerThread { shared, thread }, on_end))
    }

    /// The weight (see [`Command::weight`]) of the commands that are waiting or in progress.
    pub fn queued(&self) -> usize {
        self.0.room.lock().taken()
    }

    /// Reserves room for a command of this weight, charged to a consumer. Called before the work of
    /// preparing a heavy command, which would otherwise be wasted.
    pub fn reserve(&self, consumer: Consumer, weight: usize) -> Result<Place, SubmitError> {
        let weight = self.0.room.lock().take(consumer, weight).map_err(|full| match full {
            Full::OfItsOwn => SubmitError::TenantOverloaded,
            Full::OfOthers => SubmitError::Overloaded,
        })?;
        Ok(Place { shared: Arc::clone(&self.0), consumer, weight })
    }

    /// Queues an operation, charged to a consumer, and waits for its result. The operation is
    /// settled even if the caller stops waiting.
    pub async fn submit<O: Operation>(&self, operation: O, consumer: Consumer) -> Reply<O> {
        let command = operation.into();
        self.reserve(consumer, command.weight())?.queue::<O>(command).await
    }
}

impl Place {
    /// Like [`Settler::submit`], for an operation that already has room.
    pub async fn submit<O: Operation>(self, operation: O) -> Reply<O> {
        self.queue::<O>(operation.into()).await
    }

    async fn queue<O: Operation>(self, command: Command) -> Reply<O> {
        let (reply, answer) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        shared.queue(Job { command, reply, queued_at: Instant::now(), origin: traces::origin(), place: self })?;
        // The reply is only dropped unanswered if the thread died while settling.
        let decision = answer.await.unwrap_or(Err(SubmitError::OutcomeUnknown))?;
        decision_of::<O>(decision).ok_or(SubmitError::OutcomeUnknown)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.room.lock().give_back(self.consumer, self.weight);
    }
}

impl Shared {
    fn queue(&self, job: Job) -> Result<(), SubmitError> {
        let mut line = self.line.lock();
        if line.closed {
            return Err(SubmitError::ShuttingDown);
        }
        line.queue.push(job.place.consumer, job.command.weight(), job, Instant::now());
        let asleep = std::mem::take(&mut line.asleep);
        drop(line);
        if asleep {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Waits for the next batch; `took` is how long the last one took. `None` when no more will
    /// come.
    fn next_batch(&self, took: Duration) -> Option<Vec<Job>> {
        let mut line = self.line.lock();
        line.queue.settled(took, Instant::now());
        loop {
            let next = line.queue.next_batch(Instant::now());
            line.asleep = true;
            match next {
                Next::Batch(batch) => {
                    line.asleep = false;
                    return Some(batch);
                }
                Next::Nothing if line.closed => return None,
                Next::Nothing => self.wake.wait(&mut line),
                Next::Rest(until) => {
                    self.wake.wait_until(&mut line, until);
                }
            }
        }
    }

    /// Accepts no more commands, and lets the remaining ones go without rests.
    fn close(&self) {
        let mut line = self.line.lock();
        line.closed = true;
        line.queue.hurry();
        drop(line);
        self.wake.notify_one();
    }
}

impl SettlerThread {
    /// Settles what is queued, answers everyone, and ends the thread.
    pub fn stop(self) -> thread::Result<()> {
        self.shared.close();
        self.thread.join()
    }
}

/// Marks the end of the thread: nobody will settle what is still waiting.
struct End {
    shared: Arc<Shared>,
    _ended: oneshot::Sender<()>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.close();
        while let Some(batch) = self.shared.next_batch(Duration::ZERO) {
            answer_all(batch, SubmitError::ShuttingDown);
        }
    }
}

impl std::fmt::Debug for Settler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settler").field("queued", &self.queued()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SettlerThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SettlerThread").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("consumer", &self.consumer).field("weight", &self.weight).finish_non_exhaustive()
    }
}

/// How much of a batch a settlement of holds fills. How many holds a group has is only known when
/// they are read, and most are small, so a group counts as one turn of a consumer.
pub fn settlement_weight(payouts: usize, voids: usize, is_of_group: bool) -> usize {
    let of_group = if is_of_group { QUANTUM } else { 0 };
    payouts.saturating_add(voids).saturating_add(of_group).max(1)
}

impl Command {
    /// How much of a batch the command fills: 1 for most, the number of movements for a transfer or
    /// a deletion, the number of holds and payouts for what is held.
    pub fn weight(&self) -> usize {
        match self {
            Self::CreateInvoice(_)
            | Self::Pay(_)
            | Self::IssueForLink(_)
            | Self::PayLink(_)
            | Self::PayByCard(_)
            | Self::EndSend(_)
            | Self::Receive(_)
            | Self::PayByWithdrawLink(_)
            | Self::SettleHeld(_)
            | Self::CancelHeld(_)
            | Self::Adjust(_) => 1,
            Self::PlaceHolds(place) => place.holds.len().max(1),
            Self::SettleHolds(settle) => {
                let payouts: usize = settle.captures.iter().map(|capture| capture.to.len()).sum();
                settlement_weight(payouts, settle.voids.len(), settle.group.is_some())
            }
            Self::ExpireHolds(expire) => expire.holds.len().max(1),
            Self::Transfer(transfer) => transfer.legs.len().max(1),
            Self::Close(close) => close.wallets.len().max(close.users.len()).max(1),
        }
    }
}

fn run(mut store: Box<dyn SettlementStore + Send>, shared: &Shared, clock: fn() -> UnixMs) {
    let mut took = Duration::ZERO;
    while let Some(batch) = shared.next_batch(took) {
        let (batch, late): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|job| job.queued_at.elapsed() <= QUEUE_TIME_MAX);
        answer_all(late, SubmitError::Unavailable);
        let begun_at = Instant::now();
        if !batch.is_empty() {
            settle_jobs(store.as_mut(), batch, clock);
        }
        took = begun_at.elapsed();
    }
}

fn answer_all(jobs: impl IntoIterator<Item = Job>, error: SubmitError) {
    for job in jobs {
        // A caller who is gone does not need the answer.
        drop(job.reply.send(Err(error)));
    }
}
