//! Filling a SQLite file: one transaction, without journal and flushes, all of it in memory.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;

use satkeep::domain::ids::UserId;

use crate::Fallible;
use crate::people::PeopleRows;
use crate::plan::Standing;
use crate::rows::PaymentRows;
use crate::schema::{accounts, invoices, transfers, users, wallet_keys, wallets};
use crate::target::{self, Columns, FIND_MANAGER, Manager, Target};

/// Rows of one statement.
const ROWS: usize = 200;

/// The pool's connections, from which the master key was read, are closed by another thread.
const WAIT: &str = "PRAGMA busy_timeout = 10000";
/// Leaving the log fails while another connection is open, and does not wait.
const ALONE: &str = "PRAGMA journal_mode = OFF";
const ALONE_TRIES: usize = 100;
const ALONE_PAUSE: Duration = Duration::from_millis(100);

/// Memory is cheaper than reading pages again: indexes grow at random places. The cache is in
/// KiB.
const BEGIN: &str = "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -6000000;
    PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE";

const FINISH: &str = "COMMIT; PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL";

/// A file that is being filled.
pub(crate) struct Sqlite {
    connection: SqliteConnection,
}

impl Sqlite {
    /// Opens it.
    pub(crate) fn open(path: &Path) -> Fallible<Self> {
        let path = path.to_str().ok_or("the path of the database is not UTF-8")?;
        let mut connection = SqliteConnection::establish(path)?;
        connection.batch_execute(WAIT)?;
        Ok(Self { connection })
    }
}

macro_rules! insert {
    ($connection:expr, $table:ident, $rows:expr) => {
        for rows in $rows.chunks(ROWS) {
            diesel::insert_into($table::table).values(rows).execute($connection)?;
        }
    };
}

impl Target for Sqlite {
    fn manager(&mut self) -> Fallible<Manager> {
        sql_query(FIND_MANAGER).get_result::<Columns>(&mut self.connection)?.manager()
    }

    fn begin(&mut self) -> Fallible<()> {
        let mut tries = 0;
        while let Err(error) = self.connection.batch_execute(ALONE) {
            tries += 1;
            if tries == ALONE_TRIES {
                return Err(error.into());
            }
            std::thread::sleep(ALONE_PAUSE);
        }
        Ok(self.connection.batch_execute(BEGIN)?)
    }

    fn people(&mut self, rows: &PeopleRows) -> Fallible<()> {
        insert!(&mut self.connection, users, rows.users);
        insert!(&mut self.connection, wallets, rows.wallets);
        insert!(&mut self.connection, wallet_keys, rows.keys);
        Ok(())
    }

    fn payments(&mut self, rows: &PaymentRows) -> Fallible<()> {
        insert!(&mut self.connection, invoices, rows.invoices);
        insert!(&mut self.connection, transfers, rows.transfers);
        Ok(())
    }

    fn accounts(&mut self, standings: &[Standing], manager: UserId) -> Fallible<()> {
        let (first, new) = standings.split_first().ok_or("no manager")?;
        diesel::update(accounts::table.filter(accounts::id.eq(first.id.as_bytes().as_slice())))
            .set((accounts::balance_msat.eq(first.balance_msat), accounts::entries.eq(first.entries)))
            .execute(&mut self.connection)?;
        insert!(&mut self.connection, accounts, target::account_rows(new, manager));
        Ok(())
    }

    fn finish(&mut self) -> Fallible<()> {
        Ok(self.connection.batch_execute(FINISH)?)
    }
}
