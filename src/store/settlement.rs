//! The settlement store of both databases: one connection of its own, one transaction at a
//! time. The hand-tuned statements are in `settle_postgres` and
//! `settle_sqlite`; what is rare is written once for both.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection as _;

use super::connection::{Database, Db, roll_back};
use super::error::StoreError;
use super::schema::{accounts, users, wallet_keys, wallets};
use super::{settle_postgres, settle_sqlite};
use crate::domain::ids::{AccountId, UserId};
use crate::ledger::batch::Wants;
use crate::ledger::settle::{Commit, SettleError, SettlementStore};
use crate::ledger::state::{Closure, Effects, Snapshot};

/// Pauses while an unknown commit is looked up.
const LOOK_UP_PAUSES_MS: [u64; 8] = [10, 50, 100, 250, 500, 1000, 2000, 4000];

/// Settles batches on a SQLite file or a PostgreSQL server.
pub struct Settlement {
    database: Database,
    connection: Option<Db>,
    /// PostgreSQL's number of the open transaction, once it has written.
    transaction: Option<i64>,
}

impl Settlement {
    pub(super) const fn new(database: Database) -> Self {
        Self { database, connection: None, transaction: None }
    }

    /// The connection, for which `begin` has seen to it that it is there.
    fn connection(&mut self) -> Result<&mut Db, SettleError> {
        self.connection.as_mut().ok_or_else(|| SettleError::Unavailable("no connection".to_owned()))
    }

    fn connect(&mut self) -> Result<&mut Db, SettleError> {
        if self.connection.is_none() {
            self.connection = Some(self.database.connect().map_err(|e| SettleError::Unavailable(e.to_string()))?);
        }
        self.connection()
    }

    /// Asks PostgreSQL, over a new connection, what became of a transaction. A transaction
    /// that is still being committed there is waited for.
    fn look_up(&mut self, transaction: i64) -> Result<bool, String> {
        let mut problem = "the transaction is still in progress".to_owned();
        for pause_ms in LOOK_UP_PAUSES_MS {
            self.connection = None;
            let fate = match self.connect() {
                Ok(Db::Postgres(c)) => settle_postgres::fate_of(c, transaction).map_err(|e| e.to_string()),
                Ok(Db::Sqlite(_)) => return Err("SQLite has no transaction numbers".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            match fate {
                Ok(Some(committed)) => return Ok(committed),
                Ok(None) => {}
                Err(error) => problem = error,
            }
            std::thread::sleep(Duration::from_millis(pause_ms));
        }
        Err(problem)
    }
}

impl SettlementStore for Settlement {
    fn begin(&mut self) -> Result<(), SettleError> {
        self.transaction = None;
        let begun = match self.connect()? {
            Db::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
            Db::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
        };
        begun.map_err(|error| {
            // Whatever it is, a new connection is the way out of it.
            self.connection = None;
            SettleError::Unavailable(error.to_string())
        })
    }

    fn load(&mut self, mut wants: Wants) -> Result<Snapshot, SettleError> {
        let connection = self.connection()?;
        let mut snapshot = Snapshot::default();
        let loaded = (|| {
            for user in &wants.users {
                if let Some(wallets) = lock_wallets_of(connection, *user)? {
                    snapshot.wallets_of.insert(*user, wallets);
                }
            }
            snapshot.invoices = match connection {
                Db::Sqlite(c) => settle_sqlite::invoices(c, &wants)?,
                Db::Postgres(c) => settle_postgres::lock_invoices(c, &wants)?,
            };
            wants.add_payees(snapshot.invoices.values().map(|invoice| invoice.payee));
            snapshot.accounts = match connection {
                Db::Sqlite(c) => settle_sqlite::accounts(c, &wants)?,
                Db::Postgres(c) => settle_postgres::lock_accounts(c, &wants)?,
            };
            Ok::<_, StoreError>(())
        })();
        // Reading changes nothing, and what fails here (a lock that is not to be had, a
        // deadlock, a dead connection) may well go right the next time.
        loaded.map(|()| snapshot).map_err(|error| SettleError::Unavailable(error.to_string()))
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        let connection = self.connection()?;
        let applied = (|| {
            let transaction = match connection {
                Db::Sqlite(c) => settle_sqlite::write(c, effects).map(|()| None)?,
                Db::Postgres(c) => settle_postgres::write(c, effects).map(Some)?,
            };
            for closure in &effects.closures {
                close(connection, closure, effects)?;
            }
            Ok(transaction)
        })();
        match applied {
            Ok(transaction) => {
                self.transaction = transaction;
                Ok(())
            }
            Err(StoreError::Unavailable(error)) => Err(SettleError::Unavailable(error)),
            Err(error) => Err(SettleError::Refused(error.to_string())),
        }
    }

    fn commit(&mut self) -> Commit {
        let committed = match self.connection() {
            Err(error) => return Commit::Aborted(error),
            Ok(Db::Sqlite(c)) => AnsiTransactionManager::commit_transaction(c),
            Ok(Db::Postgres(c)) => AnsiTransactionManager::commit_transaction(c),
        };
        let Err(error) = committed else { return Commit::Done };
        let Some(transaction) = self.transaction else {
            // SQLite commits in this process: an error is the answer, and it means no. The
            // connection goes, so that nothing of the transaction can linger.
            self.rollback();
            self.connection = None;
            return Commit::Aborted(SettleError::Unavailable(error.to_string()));
        };
        tracing::warn!(%error, "a commit was not answered; looking it up");
        match self.look_up(transaction) {
            Ok(true) => Commit::Done,
            Ok(false) => Commit::Aborted(SettleError::Unavailable(error.to_string())),
            Err(problem) => Commit::Unknown(SettleError::OutcomeUnknown(problem)),
        }
    }

    fn rollback(&mut self) {
        if let Some(connection) = &mut self.connection {
            roll_back(connection);
            let open = match connection {
                Db::Sqlite(c) => transaction_is_open(c),
                Db::Postgres(c) => transaction_is_open(c) || c.is_broken(),
            };
            if open {
                self.connection = None;
            }
        }
    }
}

fn transaction_is_open<C>(connection: &mut C) -> bool
where
    C: diesel::Connection<TransactionManager = AnsiTransactionManager>,
{
    !matches!(AnsiTransactionManager::transaction_manager_status_mut(connection).transaction_depth(), Ok(None))
}

/// Locks a user who is there, and tells the wallets that are not deleted.
fn lock_wallets_of(connection: &mut Db, user: UserId) -> Result<Option<Vec<AccountId>>, StoreError> {
    // The update is the lock, on both stores alike.
    let here = users::table.filter(users::id.eq(user.as_bytes().as_slice())).filter(users::deleted_at_ms.is_null());
    let locked = diesel::update(here).set(users::updated_at_ms.eq(users::updated_at_ms)).execute(connection)?;
    if locked == 0 {
        return Ok(None);
    }
    let ids: Vec<Vec<u8>> = wallets::table
        .filter(wallets::user_id.eq(user.as_bytes().as_slice()))
        .filter(wallets::deleted_at_ms.is_null())
        .select(wallets::id)
        .load(connection)?;
    ids.iter().map(|id| Ok(AccountId::from_slice(id)?)).collect::<Result<_, _>>().map(Some)
}

/// Deletes wallets: their keys are gone, their open invoices cancelled.
fn close(connection: &mut Db, closure: &Closure, effects: &Effects) -> Result<(), StoreError> {
    let now = effects.at.get();
    for account in &closure.accounts {
        let id = account.as_bytes().as_slice();
        diesel::delete(wallet_keys::table.filter(wallet_keys::wallet_id.eq(id))).execute(connection)?;
        match connection {
            Db::Sqlite(c) => settle_sqlite::cancel_invoices(c, *account)?,
            Db::Postgres(c) => settle_postgres::cancel_invoices(c, *account)?,
        }
        let closed = diesel::update(accounts::table.filter(accounts::id.eq(id)))
            .filter(accounts::closed_at_ms.is_null())
            .filter(accounts::balance_msat.eq(0))
            .set((accounts::closed_at_ms.eq(now), accounts::keys_version.eq(accounts::keys_version + 1)))
            .execute(connection)?;
        let deleted = diesel::update(wallets::table.filter(wallets::id.eq(id)))
            .filter(wallets::deleted_at_ms.is_null())
            .set(wallets::deleted_at_ms.eq(now))
            .execute(connection)?;
        expect_rows("wallets to delete", 2, closed + deleted)?;
    }
    if let Some(user) = closure.user {
        let deleted = diesel::update(users::table.filter(users::id.eq(user.as_bytes().as_slice())))
            .set((users::deleted_at_ms.eq(now), users::updated_at_ms.eq(now)))
            .execute(connection)?;
        expect_rows("users to delete", 1, deleted)?;
    }
    Ok(())
}

/// A write must touch exactly the rows that were meant.
pub(super) fn expect_rows(what: &str, expected: usize, written: usize) -> Result<(), StoreError> {
    if written == expected {
        Ok(())
    } else {
        Err(StoreError::Fault(format!("{written} rows were written where {expected} {what} were meant")))
    }
}
