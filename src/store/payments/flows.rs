//! What a tenant's wallets paid and were paid, period by period.

use diesel::sql_types::{BigInt, Binary};
use diesel::{QueryableByName, RunQueryDsl};

use crate::domain::ids::{PaymentRow, UserId};
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::sums::{high, low, sum, whole};

/// How much older a transfer's id may be than the transfer: longer than a command may wait to be
/// settled, and than the clocks of replicas may differ.
const ID_OLDER_S: i64 = 600;

/// What moved in one period: each payment once, whether one of its sides is the tenant's or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The period's number, from 0.
    pub number: i64,
    /// How many payments there were.
    pub payments: i64,
    /// What they come to, in msat.
    pub volume_msat: i128,
    /// What came in from elsewhere less what went elsewhere, in msat.
    pub change_msat: i128,
}

/// Both databases read `$1` as the first parameter. The first part is what the tenant's wallets paid,
/// the second what others paid them. Ids are compared as pairs, so that only the indexes that begin
/// with the tenant will do.
const FLOWS: &str = concat!(
    "SELECT number, count(*) AS payments, ",
    sum!(high!("amount")),
    " AS volume_high, ",
    sum!(low!("amount")),
    " AS volume_low, ",
    sum!(high!("change")),
    " AS change_high, ",
    sum!(low!("change")),
    " AS change_low
    FROM (
        SELECT (created_at_ms - $1) / $2 AS number, amount_msat AS amount,
            CASE WHEN payee_tenant IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(-amount_msat AS BIGINT) END AS change
        FROM transfers WHERE (tenant, id) >= ($3, $4) AND (tenant, id) < ($3, $5)
            AND created_at_ms >= $1 AND satkeep_in_time()
        UNION ALL
        SELECT (created_at_ms - $1) / $2, amount_msat, amount_msat
        FROM transfers WHERE payee_tenant IS NOT NULL AND (payee_tenant, id) >= ($3, $4) AND (payee_tenant, id) < ($3, $5)
            AND created_at_ms >= $1 AND satkeep_in_time()
    ) AS sides
    GROUP BY number ORDER BY number"
);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    payments: i64,
    #[diesel(sql_type = BigInt)]
    volume_high: i64,
    #[diesel(sql_type = BigInt)]
    volume_low: i64,
    #[diesel(sql_type = BigInt)]
    change_high: i64,
    #[diesel(sql_type = BigInt)]
    change_low: i64,
}

/// What moved in each period of `period_ms` from a time on in which anything did.
pub fn flows(connection: &mut Db, tenant: UserId, from: UnixMs, period_ms: i64) -> Result<Vec<Flow>, StoreError> {
    let first = PaymentRow::first_at(from.plus_seconds(-ID_OLDER_S));
    let query = diesel::sql_query(FLOWS)
        .bind::<BigInt, _>(from.get())
        .bind::<BigInt, _>(period_ms)
        .bind::<Binary, _>(tenant.as_bytes().to_vec())
        .bind::<Binary, _>(first.as_bytes().to_vec())
        .bind::<Binary, _>(vec![0xFF_u8; PaymentRow::LEN]);
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    };
    let flow = |row: Row| Flow {
        number: row.number,
        payments: row.payments,
        volume_msat: whole(row.volume_high, row.volume_low),
        change_msat: whole(row.change_high, row.change_low),
    };
    Ok(rows.into_iter().map(flow).collect())
}
