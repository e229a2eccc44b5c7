//! The settler: one thread that owns the settling connection, and a bounded queue in front
//! of it.
//!
//! It takes whatever has queued up, one command when idle and hundreds under load, and
//! settles it as one batch: the lock of a hot wallet and the flush to disk are paid once
//! for all. Nothing waits for a batch to fill.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::command::Command;
use super::outcome::{Outcome, Rejection};
use super::settle::{SettleError, SettlementStore, settle_batch};
use crate::domain::time::UnixMs;
use crate::traces::{self, Origin};

/// The weight (see [`Command::weight`]) of commands that may wait or be under way; a command
/// that would be more is refused.
const QUEUE_WEIGHT_MAX: usize = 8192;
/// How long a command may wait to be taken up. Its caller may have given up and asked again
/// by then, so it is refused, and nothing has happened.
const QUEUE_TIME_MAX: Duration = Duration::from_secs(30);
/// The weight (see [`Command::weight`]) from which on a batch takes no further command.
const BATCH_WEIGHT_MAX: usize = 1024;
/// Pauses before a batch is tried again while the database is not available.
const RETRY_PAUSES_MS: [u64; 5] = [5, 25, 100, 300, 1000];

/// Why a command got no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The settler has stopped or is stopping.
    #[error("the ledger is shutting down")]
    ShuttingDown,
    /// The database stayed away. Nothing has happened.
    #[error("the database is not available")]
    Unavailable,
    /// The commit's outcome could not be found out.
    #[error("the outcome is not known")]
    OutcomeUnknown,
    /// A fault of ours. Nothing has happened.
    #[error("the ledger failed")]
    Fault,
}

/// What a caller gets: no decision, a refusal, or an outcome.
pub type Reply = Result<Result<Outcome, Rejection>, SubmitError>;

struct Job {
    command: Command,
    reply: oneshot::Sender<Reply>,
    queued_at: Instant,
    /// Who asks, where that is traced.
    origin: Option<Origin>,
    /// The command's room in the queue, given back when it is answered.
    _room: OwnedSemaphorePermit,
}

enum Message {
    Job(Box<Job>),
    Stop,
}

/// Hands commands to the settler's thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settler {
    queue: mpsc::UnboundedSender<Message>,
    room: Arc<Semaphore>,
}

/// The settler's thread, for whoever has to end it.
#[derive(Debug)]
pub struct SettlerThread {
    queue: mpsc::UnboundedSender<Message>,
    thread: thread::JoinHandle<()>,
}

impl Settler {
    /// Starts the thread. The receiver resolves when the thread has ended, for whatever
    /// reason.
    pub fn start(
        store: Box<dyn SettlementStore + Send>,
        clock: fn() -> UnixMs,
    ) -> std::io::Result<(Self, SettlerThread, oneshot::Receiver<()>)> {
        let (queue, jobs) = mpsc::unbounded_channel();
        let (ended, on_end) = oneshot::channel();
        let thread = thread::Builder::new().name("settler".to_owned()).spawn(move || {
            // Dropped at the end of the thread, by a panic too: that is the signal.
            let _ended: oneshot::Sender<()> = ended;
            run(store, jobs, clock);
        })?;
        let room = Arc::new(Semaphore::new(QUEUE_WEIGHT_MAX));
        Ok((Self { queue: queue.clone(), room }, SettlerThread { queue, thread }, on_end))
    }

    /// The weight (see [`Command::weight`]) of the commands that wait or are under way.
    pub fn queued(&self) -> usize {
        QUEUE_WEIGHT_MAX.saturating_sub(self.room.available_permits())
    }

    /// Queues a command and waits for what became of it. The command is settled even when
    /// the caller stops waiting.
    pub async fn submit(&self, command: Command) -> Reply {
        let (reply, answer) = oneshot::channel();
        let weight = u32::try_from(command.weight()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(weight).or(Err(SubmitError::Overloaded))?;
        let job = Job { command, reply, queued_at: Instant::now(), origin: traces::origin(), _room: room };
        self.queue.send(Message::Job(Box::new(job))).or(Err(SubmitError::ShuttingDown))?;
        // The reply is only ever dropped unanswered when the thread has died in the middle.
        answer.await.unwrap_or(Err(SubmitError::OutcomeUnknown))
    }
}

impl SettlerThread {
    /// Settles what is queued, answers everyone, and ends the thread.
    pub fn stop(self) -> thread::Result<()> {
        // A queue that is closed belongs to a thread that has ended already.
        drop(self.queue.send(Message::Stop));
        self.thread.join()
    }
}

impl Command {
    /// How much of a batch the command fills: 1 for most, the number of movements for a
    /// transfer or a deletion.
    pub fn weight(&self) -> usize {
        match self {
            Self::CreateInvoice(_) | Self::Pay(_) | Self::Adjust(_) => 1,
            Self::Transfer(transfer) => transfer.legs.len().max(1),
            Self::Close(close) => close.wallets.len().max(close.users.len()).max(1),
        }
    }
}

fn run(mut store: Box<dyn SettlementStore + Send>, mut jobs: mpsc::UnboundedReceiver<Message>, clock: fn() -> UnixMs) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = Vec::new();
        let mut weight: usize = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Job(job) if job.queued_at.elapsed() > QUEUE_TIME_MAX => {
                    drop(job.reply.send(Err(SubmitError::Unavailable)));
                }
                Message::Job(job) => {
                    weight = weight.saturating_add(job.command.weight());
                    batch.push(*job);
                }
                // Later messages are still answered: `recv` empties a closed queue.
                Message::Stop => jobs.close(),
            }
            next = if weight < BATCH_WEIGHT_MAX { jobs.try_recv().ok() } else { None };
        }
        if !batch.is_empty() {
            settle_jobs(store.as_mut(), batch, clock);
        }
    }
}

fn settle_jobs(store: &mut dyn SettlementStore, batch: Vec<Job>, clock: fn() -> UnixMs) {
    let mut commands = Vec::with_capacity(batch.len());
    let mut waiting = Vec::with_capacity(batch.len());
    for Job { command, reply, origin, _room: room, .. } in batch {
        commands.push(command);
        waiting.push((reply, room, origin));
    }
    let _for_all = traces::on_behalf_of(waiting.iter().filter_map(|(_, _, origin)| origin.as_ref()));
    tracing::debug!(commands = commands.len(), "settling");
    match settle_patiently(store, &commands, clock) {
        Ok(outcomes) => {
            for ((reply, _room, _), outcome) in waiting.into_iter().zip(outcomes) {
                // A caller who has gone away does not need the answer.
                drop(reply.send(Ok(outcome)));
            }
        }
        // One command that the database refuses must not disturb its neighbours. And one under
        // an idempotency key that another replica has just taken will find it taken.
        Err(SettleError::Refused(error))
            if commands.len() > 1 || commands.iter().any(|command| command.claim().is_some()) =>
        {
            tracing::warn!(%error, "a batch was refused; settling its commands one by one");
            let mut away = None;
            for (command, (reply, _room, origin)) in commands.iter().zip(waiting) {
                let _for_one = traces::on_behalf_of(origin.iter());
                // Where the database has gone away, the others need not find out one by one.
                let answer = match away {
                    Some(error) => Err(error),
                    None => settle_one(store, command, clock),
                };
                if answer == Err(SubmitError::Unavailable) {
                    away = Some(SubmitError::Unavailable);
                }
                drop(reply.send(answer));
            }
        }
        Err(error) => {
            tracing::error!(%error, commands = commands.len(), "not settled");
            let answer = submit_error(&error);
            for (reply, _room, _) in waiting {
                drop(reply.send(Err(answer)));
            }
        }
    }
}

fn settle_one(store: &mut dyn SettlementStore, command: &Command, clock: fn() -> UnixMs) -> Reply {
    let command = std::slice::from_ref(command);
    let settled = match settle_patiently(store, command, clock) {
        // Its idempotency key was taken between the look and the write: it is there now.
        Err(SettleError::Refused(_)) if command.iter().any(|command| command.claim().is_some()) => {
            settle_patiently(store, command, clock)
        }
        settled => settled,
    };
    match settled {
        Ok(outcomes) => outcomes.into_iter().next().ok_or(SubmitError::Fault),
        Err(error) => {
            tracing::error!(%error, "not settled");
            Err(submit_error(&error))
        }
    }
}

const fn submit_error(error: &SettleError) -> SubmitError {
    match error {
        SettleError::Unavailable(_) => SubmitError::Unavailable,
        SettleError::Refused(_) => SubmitError::Fault,
        SettleError::OutcomeUnknown(_) => SubmitError::OutcomeUnknown,
    }
}

/// Tries again while the database is away: an unavailable database has done nothing yet.
fn settle_patiently(
    store: &mut dyn SettlementStore,
    commands: &[Command],
    clock: fn() -> UnixMs,
) -> Result<Vec<Result<Outcome, Rejection>>, SettleError> {
    for pause_ms in RETRY_PAUSES_MS {
        match settle_batch(store, commands, &clock) {
            Err(SettleError::Unavailable(error)) => {
                tracing::warn!(%error, pause_ms, "the database is not available; trying again");
                thread::sleep(Duration::from_millis(pause_ms));
            }
            settled => return settled,
        }
    }
    settle_batch(store, commands, &clock)
}
