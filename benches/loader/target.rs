//! Where the rows go.

use satkeep::domain::ids::{AccountId, UserId};

use crate::Fallible;
use crate::people::PeopleRows;
use crate::plan::Standing;
use crate::rows::{AccountRow, PaymentRows};

/// The first manager, with its own wallet.
pub(crate) struct Manager {
    /// The manager.
    pub(crate) user: UserId,
    /// The account of its wallet.
    pub(crate) wallet: Standing,
}

/// The statement that finds the first manager; its columns are those of [`Columns`].
pub(crate) const FIND_MANAGER: &str = "SELECT u.id AS user_id, a.id AS account_id, a.balance_msat, a.entries
    FROM users AS u INNER JOIN wallets AS w ON w.user_id = u.id INNER JOIN accounts AS a ON a.id = w.id
    WHERE u.manager_id IS NULL ORDER BY u.created_at_ms, w.created_at_ms LIMIT 1";

/// What [`FIND_MANAGER`] answers.
#[derive(diesel::QueryableByName)]
pub(crate) struct Columns {
    #[diesel(sql_type = diesel::sql_types::Binary)]
    user_id: Vec<u8>,
    #[diesel(sql_type = diesel::sql_types::Binary)]
    account_id: Vec<u8>,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    balance_msat: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    entries: i64,
}

impl Columns {
    /// The manager that was found.
    pub(crate) fn manager(&self) -> Fallible<Manager> {
        let id = AccountId::from_slice(&self.account_id)?;
        let wallet = Standing { id, balance_msat: self.balance_msat, entries: self.entries };
        Ok(Manager { user: UserId::from_slice(&self.user_id)?, wallet })
    }
}

/// The rows of new accounts.
pub(crate) fn account_rows(standings: &[Standing], manager: UserId) -> Vec<AccountRow> {
    standings
        .iter()
        .map(|standing| AccountRow {
            id: standing.id.as_bytes().to_vec(),
            kind: "wallet".to_owned(),
            balance_msat: standing.balance_msat,
            entries: standing.entries,
            keys_version: 1,
            tenant: manager.as_bytes().to_vec(),
            root_id: manager.as_bytes().to_vec(),
        })
        .collect()
}

/// A database that is being filled.
pub(crate) trait Target {
    /// The manager that the server's first start has made.
    fn manager(&mut self) -> Fallible<Manager>;
    /// Before the first row.
    fn begin(&mut self) -> Fallible<()>;
    /// Users, wallets and keys.
    fn people(&mut self, rows: &PeopleRows) -> Fallible<()>;
    /// Invoices and transfers.
    fn payments(&mut self, rows: &PaymentRows) -> Fallible<()>;
    /// Accounts: the first one's new standing, and new ones of the manager's tenant.
    fn accounts(&mut self, standings: &[Standing], manager: UserId) -> Fallible<()>;
    /// After the last row: the database is as any other from here on.
    fn finish(&mut self) -> Fallible<()>;
}
