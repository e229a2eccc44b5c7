//! What a wallet earned and spent, period by period.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::connection::Db;
use super::error::StoreError;
use crate::domain::ids::WalletId;

/// What settled in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, diesel::QueryableByName)]
pub struct Period {
    /// The period's number, counted from 1970.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    /// What came in, in msat.
    #[diesel(sql_type = BigInt)]
    pub income_msat: i64,
    /// What went out, in msat.
    #[diesel(sql_type = BigInt)]
    pub spending_msat: i64,
}

/// Both databases read `$1` as the first parameter.
const PERIODS: &str = "
    SELECT
        paid_at_ms / $1 AS number,
        CAST(SUM(CASE WHEN amount_msat > 0 THEN amount_msat ELSE 0 END) AS BIGINT) AS income_msat,
        CAST(SUM(CASE WHEN amount_msat < 0 THEN -amount_msat ELSE 0 END) AS BIGINT) AS spending_msat
    FROM payments WHERE wallet_id = $2 AND state = 'paid' AND satkeep_in_time()
    GROUP BY 1 ORDER BY 1";

/// What a wallet earned and spent in each period of `period_ms` in which anything settled,
/// oldest first.
pub fn periods(connection: &mut Db, wallet: WalletId, period_ms: i64) -> Result<Vec<Period>, StoreError> {
    let query = diesel::sql_query(PERIODS).bind::<BigInt, _>(period_ms).bind::<Binary, _>(wallet.as_bytes().to_vec());
    Ok(match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    })
}
