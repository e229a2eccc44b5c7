//! The settlement store for both databases: one dedicated connection, one transaction at a time.
//! The hand-tuned statements are in `postgres` and `sqlite`, their columns in `rows` and `written`;
//! rare operations are written once for both.

mod cards;
mod closing;
mod closing_postgres;
mod external_ids;
mod holds;
mod lightning;
mod origins;
mod postgres;
pub(crate) mod rows;
mod sqlite;
mod withdrawals;
mod witness;
mod written;

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::r2d2::R2D2Connection as _;

use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::settle::{Commit, SettleError, SettlementStore};
use crate::ledger::state::{Effects, Snapshot};
use crate::store::access::bearers;
use crate::store::db::checkpoint::{Turn, Writers};
use crate::store::db::connection::{Database, Db, roll_back};
use crate::store::db::error::StoreError;
use crate::store::settlement::closing::{close, lock_users};
use crate::store::settlement::witness::Witness;

/// Pauses while an unknown commit is looked up.
const LOOK_UP_PAUSES_MS: [u64; 8] = [10, 50, 100, 250, 500, 1000, 2000, 4000];

/// Settles batches on a SQLite file or a PostgreSQL server.
pub struct Settlement {
    database: Database,
    connection: Option<Db>,
    sqlite_writers: Option<Writers>,
    /// Held from begin to commit, so that this process's writers do not overlap.
    turn: Option<Turn>,
    /// What the open transaction has written.
    written: Option<Written>,
}

/// What a transaction can be looked up by.
struct Written {
    witness: Option<Witness>,
    /// PostgreSQL's transaction id.
    number: Option<i64>,
}

impl Settlement {
    pub(crate) const fn new(database: Database, sqlite_writers: Option<Writers>) -> Self {
        Self { database, connection: None, sqlite_writers, turn: None, written: None }
    }

    /// The connection, which `begin` has opened.
    fn connection(&mut self) -> Result<&mut Db, SettleError> {
        self.connection.as_mut().ok_or_else(|| SettleError::Unavailable("no connection".to_owned()))
    }

    fn connect(&mut self) -> Result<&mut Db, SettleError> {
        if self.connection.is_none() {
            self.connection = Some(self.database.connect().map_err(|e| SettleError::Unavailable(e.to_string()))?);
        }
        self.connection()
    }

    /// Checks, over a new connection, whether a transaction was committed.
    fn look_up(&mut self, written: &Written) -> Result<bool, String> {
        let Some(witness) = &written.witness else { return Err("the batch left no row to look for".to_owned()) };
        let mut problem = "the transaction is still in progress".to_owned();
        for pause_ms in LOOK_UP_PAUSES_MS {
            self.connection = None;
            match self.connect().map_err(|error| error.to_string()).and_then(|c| fate_of(c, witness, written.number)) {
                Ok(Some(committed)) => return Ok(committed),
                Ok(None) => {}
                Err(error) => problem = error,
            }
            std::thread::sleep(Duration::from_millis(pause_ms));
        }
        Err(problem)
    }
}

/// Whether a transaction was committed; `None` while it is still in progress. PostgreSQL's
/// transaction id is only used to see that there is nothing left to wait for. After a failover it
/// may belong to another transaction, so the rows decide.
fn fate_of(connection: &mut Db, witness: &Witness, number: Option<i64>) -> Result<Option<bool>, String> {
    if let (Db::Postgres(c), Some(number)) = (&mut *connection, number)
        && postgres::is_in_progress(c, number).map_err(|error| error.to_string())?
    {
        return Ok(None);
    }
    witness.is_there(connection).map(Some).map_err(|error| error.to_string())
}

impl SettlementStore for Settlement {
    fn begin(&mut self) -> Result<(), SettleError> {
        self.written = None;
        self.turn = None;
        self.turn = self.sqlite_writers.as_ref().map(Writers::turn_of_settler);
        let begun = match self.connect() {
            Ok(Db::Sqlite(c)) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
            Ok(Db::Postgres(c)) => AnsiTransactionManager::begin_transaction(c),
            Err(error) => {
                self.turn = None;
                return Err(error);
            }
        };
        begun.map_err(|error| {
            // Whatever the problem is, a new connection resolves it.
            self.connection = None;
            self.turn = None;
            SettleError::Unavailable(error.to_string())
        })
    }

    fn load(&mut self, mut read_set: ReadSet, clock: &dyn Fn() -> UnixMs) -> Result<Snapshot, SettleError> {
        let connection = self.connection()?;
        let mut snapshot = Snapshot::default();
        let loaded = (|| {
            let locked = lock_users(connection, &read_set)?;
            read_set.accounts.extend(locked.users.values().flat_map(|user| &user.wallets));
            snapshot.users = locked.users;
            snapshot.managers = locked.managers;
            for (session, right) in &read_set.sessions {
                if bearers::has(connection, *session, *right, clock())? {
                    snapshot.sessions.insert((*session, *right));
                }
            }
            cards::lock(connection, &read_set, &mut snapshot)?;
            withdrawals::lock(connection, &read_set, &mut snapshot)?;
            snapshot.invoices = match connection {
                Db::Sqlite(c) => sqlite::invoices(c, &read_set)?,
                Db::Postgres(c) => postgres::lock_invoices(c, &read_set)?,
            };
            snapshot.holds = holds::lock(connection, &read_set)?;
            read_set.add_accounts(snapshot.invoices.values().map(|invoice| invoice.payee));
            read_set.add_accounts(snapshot.holds.values().map(|hold| hold.account));
            snapshot.accounts = match connection {
                Db::Sqlite(c) => sqlite::accounts(c, &read_set)?,
                Db::Postgres(c) => postgres::lock_accounts(c, &read_set)?,
            };
            lightning::read(connection, &read_set, &mut snapshot)?;
            snapshot.external_ids = external_ids::find(connection, &read_set)?;
            snapshot.open_invoices = origins::count_open(connection, &read_set, clock)?;
            snapshot.promised = origins::promised(connection, &read_set, clock)?;
            snapshot.claims = match connection {
                Db::Sqlite(c) => sqlite::claims(c, &read_set)?,
                Db::Postgres(c) => postgres::claims(c, &read_set)?,
            };
            Ok::<_, StoreError>(())
        })();
        loaded.map(|()| snapshot).map_err(settle_error)
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        let connection = self.connection()?;
        let applied = (|| {
            let number = match connection {
                Db::Sqlite(c) => sqlite::write(c, effects).map(|()| None)?,
                Db::Postgres(c) => postgres::write(c, effects).map(Some)?,
            };
            cards::write(connection, effects)?;
            withdrawals::write(connection, effects)?;
            holds::write(connection, effects)?;
            lightning::write(connection, effects)?;
            origins::write(connection, effects)?;
            for closure in &effects.closures {
                close(connection, closure, effects.at)?;
            }
            Ok(number)
        })();
        let number = applied.map_err(settle_error)?;
        self.written = Some(Written { witness: Witness::of(effects), number });
        Ok(())
    }

    fn commit(&mut self) -> Commit {
        let committed = match self.connection() {
            Err(error) => return Commit::Aborted(error),
            Ok(Db::Sqlite(c)) => AnsiTransactionManager::commit_transaction(c),
            Ok(Db::Postgres(c)) => AnsiTransactionManager::commit_transaction(c),
        };
        let Err(error) = committed else {
            self.turn = None;
            return Commit::Done;
        };
        let written = self.written.take();
        self.rollback();
        self.connection = None;
        match (written, &self.database) {
            (Some(written), Database::Postgres(_)) => {
                tracing::warn!(%error, "a commit got no answer; looking up its outcome");
                match self.look_up(&written) {
                    Ok(true) => Commit::Done,
                    Ok(false) => Commit::Aborted(SettleError::Unavailable(error.to_string())),
                    Err(problem) => Commit::Unknown(SettleError::OutcomeUnknown(problem)),
                }
            }
            // If SQLite could not flush, its log may or may not survive a crash.
            (_, Database::Sqlite(_)) | (None, Database::Postgres(_)) => {
                Commit::Unknown(SettleError::OutcomeUnknown(error.to_string()))
            }
        }
    }

    fn rollback(&mut self) {
        if let Some(connection) = &mut self.connection {
            roll_back(connection);
            let unusable = match connection {
                Db::Sqlite(c) => transaction_is_open(c),
                Db::Postgres(c) => transaction_is_open(c) || c.is_broken(),
            };
            if unusable {
                self.connection = None;
            }
        }
        self.turn = None;
    }
}

fn transaction_is_open<C>(connection: &mut C) -> bool
where
    C: diesel::Connection<TransactionManager = AnsiTransactionManager>,
{
    !matches!(AnsiTransactionManager::transaction_manager_status_mut(connection).transaction_depth(), Ok(None))
}

/// Before the commit, nothing has happened. Any failure not caused by the rows themselves (an
/// unavailable lock, a deadlock, a full disk, a dead connection) may succeed on a retry.
#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err asks for")]
fn settle_error(error: StoreError) -> SettleError {
    match error {
        StoreError::Conflict
        | StoreError::Taken(_)
        | StoreError::Broken(_)
        | StoreError::NotFound
        | StoreError::Revoked
        | StoreError::Frozen
        | StoreError::NotAManager
        | StoreError::DayLimited
        | StoreError::NoRoomForManager(_)
        | StoreError::BeingDeleted
        | StoreError::TooManyWallets
        | StoreError::TooManyPayLinks
        | StoreError::TooManyWithdrawLinks
        | StoreError::TooManyCards => SettleError::Refused(error.to_string()),
        StoreError::Unavailable(_)
        | StoreError::Contended(_)
        | StoreError::OutcomeUnknown(_)
        | StoreError::Busy(_)
        | StoreError::TooLong
        | StoreError::Fault(_) => SettleError::Unavailable(error.to_string()),
    }
}

/// Checks that a write affected exactly the intended number of rows.
pub(crate) fn expect_rows(what: &str, expected: usize, written: usize) -> Result<(), StoreError> {
    if written == expected {
        Ok(())
    } else {
        Err(StoreError::Broken(format!("{written} rows were written instead of {expected} {what}")))
    }
}
