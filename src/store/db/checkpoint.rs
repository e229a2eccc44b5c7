//! SQLite's writers, and checkpoints of its write-ahead log.
//!
//! A commit appends the pages it has changed to the log (`-wal`) and flushes it. From time to time
//! the log is copied into the file, so that it can start over. By default SQLite does that inside a
//! commit, every 1000 pages: whoever pays at that moment waits for the copy and for two flushes,
//! and a page that many payments change is copied again and again. Here a separate thread does it,
//! less often, over its own connection:
//!
//! 1. While writers continue, it copies what is there (`PASSIVE`), and flushes the file. That is
//!    nearly all of the work, and nobody waits for it.
//! 2. It takes the writers' lock, copies the little that was written in the meantime, and makes the
//!    next writer restart the log (`RESTART`). Otherwise, a log that is constantly written to would
//!    never be copied to its end. Writers wait for this, for a few milliseconds.
//!
//! Durability is unchanged: a commit flushes the log as before, and SQLite itself flushes the log
//! and the file before it discards a log. If a process dies at any point, it leaves a log that the
//! next process can read. Nor does this require exclusive access: other processes may checkpoint
//! and write to the file, coordinated by SQLite's locks. At worst they get in each other's way, and
//! the thread retries.
//!
//! How long the log becomes:
//! - [`LOG_PAGES`], plus what is written while that is copied.
//! - If the thread cannot keep up or has died, writers copy the log themselves in their commits,
//!   from [`LOG_PAGES_MAX`] on.
//! - What somebody is still reading must be kept. During a long read (an audit, a backup) the log
//!   grows by everything that is written: that is how SQLite gives the reader a snapshot. Nobody
//!   waits for it. Afterwards the log starts over, and its file is truncated to
//!   [`LOG_FILE_BYTES_MAX`].

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Integer;
use diesel::{QueryableByName, RunQueryDsl};
use parking_lot::{ArcMutexGuard, Mutex, RawMutex};

use crate::store::db::connection::{Database, Db};
use crate::store::db::error::StoreError;
use crate::telemetry::log::LogThrottle;

/// The log is copied from this many pages of 4 KiB on. A longer log copies frequently changed pages
/// less often, but readers search it for every page.
const LOG_PAGES: i32 = 8000;
/// A writer copies the log itself from this many pages on.
pub(crate) const LOG_PAGES_MAX: i32 = 4 * LOG_PAGES;
/// The maximum size of the log's file once the log starts over.
pub(crate) const LOG_FILE_BYTES_MAX: i64 = 64 << 20;
/// The most pages that may be left to copy under the writers' lock.
const REST_PAGES_MAX: i32 = LOG_PAGES / 4;
/// How long writers wait at most for readers of what is to be copied.
const SETUP: &str = "PRAGMA busy_timeout = 5; PRAGMA cache_size = -64";
/// How long the thread pauses after a check, so that it does not wake for every commit.
const PAUSE: Duration = Duration::from_millis(5);
/// How long it pauses when it was blocked or failed.
const PAUSE_IN_VAIN: Duration = Duration::from_millis(100);

/// The writers of this process on a SQLite file, which allows one writer at a time. Waiting for
/// each other here is fast; waiting inside SQLite means sleeping and retrying. Cheap to clone.
///
/// The settler comes first: all others stand in a line, of which only the first one waits beside the
/// settler, and whoever is done hands the turn to whoever has waited longest. Whatever the length of
/// the line, the settler therefore waits for one transaction of another writer at most.
#[derive(Clone)]
pub(crate) struct Writers {
    turns: Arc<Mutex<()>>,
    line: Arc<Mutex<()>>,
    copier: Arc<Copier>,
}

/// The right to write, until it is dropped. It is released before the thread is joined, because the
/// thread may be waiting for it.
pub(crate) struct Turn {
    /// The lock on writing.
    writing: Option<Guard>,
    /// The first position of the line; the settler has none.
    line: Option<Guard>,
    copier: Arc<Copier>,
}

type Guard = ArcMutexGuard<RawMutex, ()>;

/// The thread. It is joined on drop, so that its connection is closed properly.
struct Copier {
    written: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Writers {
    /// Starts the thread, which ends with the last clone and the last turn.
    pub(crate) fn new(database: &Database) -> std::io::Result<Self> {
        let turns = Arc::<Mutex<()>>::default();
        let (written, told) = sync_channel(1);
        let work = Work { database: database.clone(), turns: Arc::clone(&turns), connection: None, file: None };
        let thread = thread::Builder::new().name("checkpoints".to_owned()).spawn(move || work.run(&told))?;
        let copier = Arc::new(Copier { written: Some(written), thread: Some(thread) });
        Ok(Self { turns, line: Arc::default(), copier })
    }

    /// Waits for the writer whose turn it is: for the settler.
    pub(crate) fn turn_of_settler(&self) -> Turn {
        Turn { writing: Some(self.turns.lock_arc()), line: None, copier: Arc::clone(&self.copier) }
    }

    /// Waits in line: for everybody else.
    pub(crate) fn turn(&self) -> Turn {
        let line = self.line.lock_arc();
        Turn { writing: Some(self.turns.lock_arc()), line: Some(line), copier: Arc::clone(&self.copier) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(written) = &self.copier.written {
            // If the channel is full, the thread will check anyway; if it is closed, writers copy
            // the log.
            let _told = written.try_send(());
        }
        // Handed to whoever waits: otherwise a busy writer would take it again before another one
        // that is being woken.
        for guard in [self.writing.take(), self.line.take()].into_iter().flatten() {
            ArcMutexGuard::unlock_fair(guard);
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.written = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that copied SQLite's log had died; writers copied it instead");
        }
    }
}

struct Work {
    database: Database,
    turns: Arc<Mutex<()>>,
    connection: Option<Db>,
    /// The database's file, for flushing it.
    file: Option<&'static File>,
}

/// What SQLite reports about its log.
#[derive(QueryableByName)]
struct State {
    /// Nonzero if it was blocked.
    #[diesel(sql_type = Integer)]
    busy: i32,
    /// The number of pages in the log.
    #[diesel(sql_type = Integer)]
    log: i32,
    /// How many of them are in the file.
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl State {
    /// Pages that are not in the file yet.
    const fn rest(&self) -> i32 {
        self.log.saturating_sub(self.checkpointed)
    }
}

impl Work {
    fn run(mut self, told: &Receiver<()>) {
        let mut log_throttle = LogThrottle::default();
        while told.recv().is_ok() {
            match self.look() {
                Ok(true) => {
                    log_throttle.settle();
                    thread::sleep(PAUSE);
                }
                Ok(false) => thread::sleep(PAUSE_IN_VAIN),
                Err(error) => {
                    // A new connection may do better.
                    self.connection = None;
                    if log_throttle.is_due() {
                        tracing::warn!(%error, "SQLite's log could not be copied into its file; trying again");
                    }
                    thread::sleep(PAUSE_IN_VAIN);
                }
            }
        }
    }

    /// Copies the log if it is long. Returns whether it is, or soon will be, short.
    fn look(&mut self) -> Result<bool, StoreError> {
        let state = self.checkpoint("NOOP")?;
        if state.log < LOG_PAGES || state.rest() == 0 {
            return Ok(true);
        }
        let copied = self.checkpoint("PASSIVE")?;
        if copied.busy != 0 || copied.rest() > REST_PAGES_MAX {
            // Somebody else is copying, or reading what would be overwritten. Writers need not wait
            // for that.
            return Ok(false);
        }
        self.flush()?;
        let turns = Arc::clone(&self.turns);
        let _turn = turns.lock();
        Ok(self.checkpoint("RESTART")?.busy == 0)
    }

    fn checkpoint(&mut self, mode: &str) -> Result<State, StoreError> {
        if self.connection.is_none() {
            let connected = self.database.connect();
            let mut connection = connected.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            connection.batch_execute(SETUP)?;
            self.connection = Some(connection);
        }
        let none = || StoreError::Unavailable("no connection".to_owned());
        let connection = self.connection.as_mut().ok_or_else(none)?;
        Ok(diesel::sql_query(format!("PRAGMA wal_checkpoint({mode})")).get_result(connection)?)
    }

    /// Flushes the file, so that SQLite has little left to flush under the writers' lock.
    fn flush(&mut self) -> Result<(), StoreError> {
        let fault = |error: std::io::Error| StoreError::Fault(error.to_string());
        let file = match (self.file, self.database.sqlite_path()) {
            (Some(file), _) => file,
            // Stays open as long as the process: closing it would release all locks that the
            // process's connections hold on the file (fcntl(2)).
            (None, Some(path)) => self.file.insert(Box::leak(Box::new(File::open(path).map_err(fault)?))),
            (None, None) => return Ok(()),
        };
        file.sync_data().map_err(fault)
    }
}
