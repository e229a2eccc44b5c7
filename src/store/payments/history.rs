//! A wallet's income and spending by period.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::ids::WalletId;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::sums::{high, low, sum, whole};

/// What settled in one period. Sums of many payments may not fit in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The period's number, counted from 1970.
    pub number: i64,
    /// Income in msat.
    pub income_msat: i128,
    /// Spending in msat.
    pub spending_msat: i128,
}

/// Both databases read `$1` as the first parameter. Each side is queried in its own table: nothing
/// has to be negated, and no invoice is looked up for spending.
const PERIODS: &str = concat!(
    "SELECT number, ",
    sum!(high!("income")),
    " AS income_high, ",
    sum!(low!("income")),
    " AS income_low, ",
    sum!(high!("spending")),
    " AS spending_high, ",
    sum!(low!("spending")),
    " AS spending_low
    FROM (
        SELECT paid_at_ms / $1 AS number, amount_msat AS income, CAST(0 AS BIGINT) AS spending
        FROM invoices WHERE wallet_id = $2 AND state = 'paid' AND satkeep_in_time()
        UNION ALL
        SELECT created_at_ms / $1, CAST(0 AS BIGINT), amount_msat FROM transfers WHERE debit_account = $2 AND satkeep_in_time()
    ) AS sides
    GROUP BY number ORDER BY number"
);

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    income_high: i64,
    #[diesel(sql_type = BigInt)]
    income_low: i64,
    #[diesel(sql_type = BigInt)]
    spending_high: i64,
    #[diesel(sql_type = BigInt)]
    spending_low: i64,
}

/// A wallet's income and spending for each period of `period_ms` in which anything settled, oldest
/// first.
pub fn periods(connection: &mut Db, wallet: WalletId, period_ms: i64) -> Result<Vec<Period>, StoreError> {
    let query = diesel::sql_query(PERIODS).bind::<BigInt, _>(period_ms).bind::<Binary, _>(wallet.as_bytes().to_vec());
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    };
    let period = |row: Row| Period {
        number: row.number,
        income_msat: whole(row.income_high, row.income_low),
        spending_msat: whole(row.spending_high, row.spending_low),
    };
    Ok(rows.into_iter().map(period).collect())
}
