//! The audit: promises I1 to I4, recomputed from the rows alone.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::{Db, in_snapshot};
use super::error::StoreError;
use crate::ledger::audit::{Finding, Verdict};

/// Every transfer is two entries, one in each account's chain.
const ENTRIES: &str = "WITH entries AS (
        SELECT debit_account AS account, debit_entry AS entry, -amount_msat AS change, debit_balance_msat AS balance
        FROM transfers
        UNION ALL
        SELECT credit_account, credit_entry, amount_msat, credit_balance_msat FROM transfers
    )";

const NOT_POSITIVE: &str = "SELECT count(*) AS rows_found FROM transfers WHERE amount_msat <= 0";

const BROKEN_CHAINS: &str = ", chain AS (
        SELECT entry, change, balance,
            LAG(entry, 1, 0) OVER (PARTITION BY account ORDER BY entry) AS entry_before,
            LAG(balance, 1, 0) OVER (PARTITION BY account ORDER BY entry) AS balance_before
        FROM entries
    )
    SELECT count(*) AS rows_found FROM chain WHERE entry <> entry_before + 1 OR balance <> balance_before + change";

const ACCOUNTS_OFF_CHAIN: &str = ", ends AS (
        SELECT account, count(*) AS entries, sum(change) AS balance FROM entries GROUP BY account
    )
    SELECT count(*) AS rows_found FROM accounts AS a LEFT JOIN ends AS e ON e.account = a.id
    WHERE a.entries <> COALESCE(e.entries, 0) OR a.balance_msat <> COALESCE(e.balance, 0)";

const NOT_CONSERVED: &str = "SELECT count(*) AS rows_found
    FROM (SELECT SUM(balance_msat) AS total FROM accounts) AS sums WHERE total <> 0";

const UNNAMED_SOURCES: &str = "SELECT count(*) AS rows_found FROM accounts AS a
    LEFT JOIN wallets AS w ON w.id = a.id WHERE (a.kind = 'wallet') <> (w.id IS NOT NULL)";

const OVERDRAWN: &str = "SELECT count(*) AS rows_found FROM accounts WHERE kind = 'wallet' AND balance_msat < 0";

const WAS_OVERDRAWN: &str = "SELECT count(*) AS rows_found FROM transfers AS t
    INNER JOIN accounts AS a ON a.id = t.debit_account WHERE a.kind = 'wallet' AND t.debit_balance_msat < 0";

const PAID_TWICE: &str = "SELECT count(*) AS rows_found FROM (
        SELECT invoice_id FROM transfers GROUP BY invoice_id HAVING count(*) > 1
    ) AS twice";

const PAID_WITHOUT_TRANSFER: &str = "SELECT count(*) AS rows_found FROM invoices AS i
    LEFT JOIN transfers AS t ON t.invoice_id = i.id WHERE (i.state = 'paid') <> (t.id IS NOT NULL)";

const UNLIKE_INVOICE: &str = "SELECT count(*) AS rows_found FROM transfers AS t
    LEFT JOIN invoices AS i ON i.id = t.invoice_id
    WHERE i.id IS NULL OR i.amount_msat <> t.amount_msat OR i.wallet_id <> t.credit_account";

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows_found: i64,
}

/// Recomputes the promises, all from one state of the database.
pub fn run(connection: &mut Db) -> Result<Vec<Verdict>, StoreError> {
    in_snapshot(connection, look)
}

fn look(connection: &mut Db) -> Result<Vec<Verdict>, StoreError> {
    let transfers = count(connection, "SELECT count(*) AS rows_found FROM transfers")?;
    let accounts = count(connection, "SELECT count(*) AS rows_found FROM accounts")?;
    let paid = count(connection, "SELECT count(*) AS rows_found FROM invoices WHERE state = 'paid'")?;
    let mut finding =
        |what, sql: &str| -> Result<Finding, StoreError> { Ok(Finding { what, rows: count(connection, sql)? }) };
    Ok(vec![
        Verdict::new(
            "I1",
            "double entry",
            format!("{transfers} transfers"),
            &[
                finding("transfers of no positive amount", NOT_POSITIVE)?,
                finding("entries that do not follow from the one before", &format!("{ENTRIES}{BROKEN_CHAINS}"))?,
                finding("accounts that are not where their chain ends", &format!("{ENTRIES}{ACCOUNTS_OFF_CHAIN}"))?,
            ],
        ),
        Verdict::new(
            "I2",
            "conservation",
            format!("{accounts} accounts"),
            &[
                finding("sums of all balances that are not zero", NOT_CONSERVED)?,
                finding("accounts that are neither a wallet's nor the system's", UNNAMED_SOURCES)?,
            ],
        ),
        Verdict::new(
            "I3",
            "no overdraft",
            format!("{accounts} accounts"),
            &[
                finding("wallets with a negative balance", OVERDRAWN)?,
                finding("transfers that left a wallet negative", WAS_OVERDRAWN)?,
            ],
        ),
        Verdict::new(
            "I4",
            "one invoice, one payment",
            format!("{paid} paid invoices"),
            &[
                finding("invoices that were settled more than once", PAID_TWICE)?,
                finding("invoices whose state is not that of their transfer", PAID_WITHOUT_TRANSFER)?,
                finding("transfers unlike the invoice that they settle", UNLIKE_INVOICE)?,
            ],
        ),
    ])
}

fn count(connection: &mut Db, sql: &str) -> Result<i64, StoreError> {
    let query = diesel::sql_query(sql);
    let count: Count = match connection {
        Db::Sqlite(c) => query.get_result(c)?,
        Db::Postgres(c) => query.get_result(c)?,
    };
    Ok(count.rows_found)
}
