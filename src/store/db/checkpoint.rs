//! SQLite's writers, and copying what they have logged into the file.
//!
//! A commit appends the pages that it has changed to the log (`-wal`) and flushes that. From
//! time to time the log is copied into the file, so that it can begin anew. SQLite does that
//! inside of a commit, every 1000 pages: whoever pays just then waits for the copy and for two
//! flushes, and a page that many payments change is copied again and again. Here a thread of its
//! own does it, less often, over a connection of its own:
//!
//! 1. Beside the writers it copies what is there (`PASSIVE`), and flushes the file. That is
//!    nearly all of the work, and nobody waits for it.
//! 2. It takes the writers' turn, copies the little that was written meanwhile, and sees to it
//!    that the next writer begins the log anew (`RESTART`): a log under constant writing is
//!    never copied to its end otherwise. Writers wait for this, for a few milliseconds.
//!
//! It changes nothing about durability: a commit flushes the log as before, and SQLite flushes
//! log and file itself before it lets go of a log. A process that dies at any point leaves a log
//! which whoever comes next reads on. Nor does it depend on being alone: other processes on the
//! file copy and write as they like, by SQLite's locks, at worst in the way of each other, and
//! then it tries again.
//!
//! How long the log becomes:
//! - [`LOG_PAGES`], and what is written while that is copied.
//! - Where the thread does not come to it or has died, writers copy it themselves in their
//!   commits, from [`LOG_PAGES_MAX`] on.
//! - What somebody still reads must stay, so while a long read lasts (an audit, a backup) the log
//!   grows by all that is written: that is how SQLite lets them read one state. Nobody waits for
//!   it. Afterwards the log begins anew, and its file is cut down to [`LOG_FILE_BYTES_MAX`].

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

/// From how many pages of 4 KiB on the log is copied. A longer one has pages that are changed
/// often copied less often, but readers search it for every page.
const LOG_PAGES: i32 = 8000;
/// From how many pages on a writer copies the log itself.
pub(crate) const LOG_PAGES_MAX: i32 = 4 * LOG_PAGES;
/// How large the log's file may stay once the log begins anew.
pub(crate) const LOG_FILE_BYTES_MAX: i64 = 64 << 20;
/// How much of the log may be left for the writers' turn.
const REST_PAGES_MAX: i32 = LOG_PAGES / 4;
/// How long writers wait, at most, for those who still read what is to be copied.
const SETUP: &str = "PRAGMA busy_timeout = 5; PRAGMA cache_size = -64";
/// How long the thread pauses after a look, so that it does not wake for every commit.
const PAUSE: Duration = Duration::from_millis(5);
/// How long it pauses where somebody stands in the way, or it could not work.
const PAUSE_IN_VAIN: Duration = Duration::from_millis(100);

/// The writers of this process on a SQLite file. It has one writer at a time: waiting for each
/// other here is quick, waiting inside of SQLite is a sleep and a try. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writers {
    turns: Arc<Mutex<()>>,
    copier: Arc<Copier>,
}

/// The right to write, until it is dropped. It is given back before the thread, which may be
/// waiting for it, is waited for.
pub(crate) struct Turn {
    _turn: ArcMutexGuard<RawMutex, ()>,
    copier: Arc<Copier>,
}

/// The thread. It is waited for at the end, so that its connection is closed in order.
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
        Ok(Self { turns, copier: Arc::new(Copier { written: Some(written), thread: Some(thread) }) })
    }

    /// Waits for the other writers of this process.
    pub(crate) fn turn(&self) -> Turn {
        Turn { _turn: self.turns.lock_arc(), copier: Arc::clone(&self.copier) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(written) = &self.copier.written {
            // Where it is full the thread will look anyway; where it is closed, writers copy.
            let _told = written.try_send(());
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.written = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that copied SQLite's log had died; writers have copied it themselves");
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

/// What SQLite answers about its log.
#[derive(QueryableByName)]
struct State {
    /// Not zero where somebody was in the way.
    #[diesel(sql_type = Integer)]
    busy: i32,
    /// Its pages.
    #[diesel(sql_type = Integer)]
    log: i32,
    /// How many of them are in the file.
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl State {
    /// Pages that are not in the file.
    const fn rest(&self) -> i32 {
        self.log.saturating_sub(self.checkpointed)
    }
}

impl Work {
    fn run(mut self, told: &Receiver<()>) {
        let mut complaint = LogThrottle::default();
        while told.recv().is_ok() {
            match self.look() {
                Ok(true) => {
                    complaint.settle();
                    thread::sleep(PAUSE);
                }
                Ok(false) => thread::sleep(PAUSE_IN_VAIN),
                Err(error) => {
                    // Perhaps it goes better over a new one.
                    self.connection = None;
                    if complaint.is_due() {
                        tracing::warn!(%error, "SQLite's log could not be copied into its file; trying again");
                    }
                    thread::sleep(PAUSE_IN_VAIN);
                }
            }
        }
    }

    /// Copies the log where it is long. Answers whether it is, or will be, short.
    fn look(&mut self) -> Result<bool, StoreError> {
        let state = self.checkpoint("NOOP")?;
        if state.log < LOG_PAGES || state.rest() == 0 {
            return Ok(true);
        }
        let copied = self.checkpoint("PASSIVE")?;
        if copied.busy != 0 || copied.rest() > REST_PAGES_MAX {
            // Somebody else copies, or reads what is to be written over. Writers need not wait
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

    /// Flushes the file, of which SQLite would do nothing before the writers' turn.
    fn flush(&mut self) -> Result<(), StoreError> {
        let fault = |error: std::io::Error| StoreError::Fault(error.to_string());
        let file = match (self.file, self.database.sqlite_path()) {
            (Some(file), _) => file,
            // Stays open as long as the process: closing it would take from all connections of
            // the process the locks that they have on the file (fcntl(2)).
            (None, Some(path)) => self.file.insert(Box::leak(Box::new(File::open(path).map_err(fault)?))),
            (None, None) => return Ok(()),
        };
        file.sync_data().map_err(fault)
    }
}
