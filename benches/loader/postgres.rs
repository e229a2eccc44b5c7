//! Filling a PostgreSQL: invoices and transfers by `COPY`, each over a connection of its own.
//! The user must be a superuser, who alone can leave foreign keys unchecked.

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

/// Foreign keys are triggers, which do not fire where rows are said to be replicated ones.
const SETUP: &str = "SET session_replication_role = replica; SET synchronous_commit = off;
    SET maintenance_work_mem = '1GB'";

const DROP: &str = "ALTER TABLE invoices DROP CONSTRAINT invoices_payment_hash_key;
    DROP INDEX invoices_by_wallet; DROP INDEX invoices_by_tenant; DROP INDEX transfers_by_tenant;
    ALTER TABLE transfers DROP CONSTRAINT transfers_pkey";

const MAKE: &str = "ALTER TABLE invoices ADD CONSTRAINT invoices_payment_hash_key UNIQUE (payment_hash);
    CREATE INDEX invoices_by_wallet ON invoices (wallet_id, id);
    CREATE INDEX invoices_by_tenant ON invoices (tenant, id);
    CREATE INDEX transfers_by_tenant ON transfers (tenant, id);
    ALTER TABLE transfers ADD CONSTRAINT transfers_pkey PRIMARY KEY (debit_account, id)";

/// What autovacuum and the checkpointer would do while somebody measures.
const SETTLE: &str = "VACUUM ANALYZE; CHECKPOINT";

/// A database that is being filled.
pub(crate) struct Postgres {
    connection: PgConnection,
    other: PgConnection,
}

impl Postgres {
    /// Connects to it.
    pub(crate) fn open(url: &str) -> Fallible<Self> {
        let connect = || -> Fallible<_> {
            let mut connection = PgConnection::establish(url)?;
            connection.batch_execute(SETUP)?;
            Ok(connection)
        };
        Ok(Self { connection: connect()?, other: connect()? })
    }
}

impl Target for Postgres {
    fn manager(&mut self) -> Fallible<Manager> {
        sql_query(FIND_MANAGER).get_result::<Columns>(&mut self.connection)?.manager()
    }

    fn begin(&mut self) -> Fallible<()> {
        Ok(self.connection.batch_execute(DROP)?)
    }

    fn people(&mut self, rows: &PeopleRows) -> Fallible<()> {
        diesel::copy_from(users::table).from_insertable(&rows.users).execute(&mut self.connection)?;
        diesel::copy_from(wallets::table).from_insertable(&rows.wallets).execute(&mut self.connection)?;
        diesel::copy_from(wallet_keys::table).from_insertable(&rows.keys).execute(&mut self.connection)?;
        Ok(())
    }

    fn payments(&mut self, rows: &PaymentRows) -> Fallible<()> {
        let Self { connection, other } = self;
        std::thread::scope(|scope| {
            let copying = scope
                .spawn(move || diesel::copy_from(transfers::table).from_insertable(&rows.transfers).execute(other));
            diesel::copy_from(invoices::table).from_insertable(&rows.invoices).execute(connection)?;
            copying.join().or(Err("copying has panicked"))??;
            Ok(())
        })
    }

    fn accounts(&mut self, standings: &[Standing], manager: UserId) -> Fallible<()> {
        let (first, new) = standings.split_first().ok_or("no manager")?;
        diesel::update(accounts::table.filter(accounts::id.eq(first.id.as_bytes().as_slice())))
            .set((accounts::balance_msat.eq(first.balance_msat), accounts::entries.eq(first.entries)))
            .execute(&mut self.connection)?;
        diesel::copy_from(accounts::table)
            .from_insertable(target::account_rows(new, manager))
            .execute(&mut self.connection)?;
        Ok(())
    }

    fn finish(&mut self) -> Fallible<()> {
        self.connection.batch_execute(MAKE)?;
        // Two statements of one text would be one transaction, which VACUUM refuses.
        SETTLE.split(';').try_for_each(|statement| Ok(self.connection.batch_execute(statement.trim())?))
    }
}
