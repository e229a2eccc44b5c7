//! How many payments a tenant has, without counting those of long ago again and again.
//!
//! Ids sort by time, and rows are only added at the end: how many come before an id that is a little
//! older than the present only changes when invoices that nobody has paid are deleted, which takes
//! them off. That number is kept, and the next count goes on from there.

use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{OptionalExtension, RunQueryDsl};

use crate::domain::ids::{PaymentRow, UserId};
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;

/// How far behind the present a count is kept: longer than a command may wait to be settled, and than
/// the clocks of replicas may differ.
const BEHIND_S: i64 = 120;
/// Rows of each side to count in one step, so that a step takes a fraction of a list's time.
pub const STEP_ROWS: i64 = 1_000_000;
/// Rows after which a count is worth keeping.
const KEEP_ROWS: i64 = 1_000;

/// The beginning of every tenant's rows.
const FIRST: PaymentRow = PaymentRow::new([0; PaymentRow::LEN]);
/// The end of every tenant's rows.
const LAST: [u8; PaymentRow::LEN] = [0xFF; PaymentRow::LEN];

/// One side of a tenant's payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Invoices.
    In,
    /// Transfers.
    Out,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::In => "invoices",
            Self::Out => "transfers",
        }
    }
}

/// How far one side is counted.
#[derive(Clone, Copy, Debug)]
struct Reached {
    side: Side,
    /// Where the count went on from.
    from: PaymentRow,
    /// The number of rows before this one …
    before: PaymentRow,
    /// … which will not change.
    rows: i64,
    /// The number of those behind it, where the step has come that far.
    recent: Option<i64>,
    /// How many rows this step has counted of those that will not change.
    step: i64,
    /// How often rows had gone away when it began.
    changes: i64,
}

/// A step of a count.
#[derive(Clone, Debug)]
pub struct Counted {
    sides: [Reached; 2],
    /// Payments that wait for the end of a hold, or have failed with it: they are few, and come and go.
    held: i64,
}

impl Counted {
    /// The number of payments, where the count has come to its end.
    pub fn total(&self) -> Option<i64> {
        self.sides
            .iter()
            .try_fold(self.held, |total, side| Some(total.saturating_add(side.rows).saturating_add(side.recent?)))
    }

    /// Whether the step should be kept.
    pub fn is_worth_keeping(&self) -> bool {
        self.total().is_none() || self.sides.iter().any(|side| side.step >= KEEP_ROWS)
    }
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(diesel::QueryableByName)]
struct Id {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
}

#[derive(diesel::QueryableByName)]
struct Kept {
    #[diesel(sql_type = Binary)]
    before_id: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    payments: i64,
    #[diesel(sql_type = BigInt)]
    changes: i64,
}

/// Counts a tenant's payments, or as many more of them as one step takes, of each side.
pub fn count(connection: &mut Db, tenant: UserId, now: UnixMs, step_rows: i64) -> Result<Counted, StoreError> {
    let until = PaymentRow::first_at(now.plus_seconds(-BEHIND_S));
    let mut count = |side| count_side(connection, tenant, side, until, step_rows);
    let sides = [count(Side::In)?, count(Side::Out)?];
    Ok(Counted { sides, held: held(connection, tenant)? })
}

fn count_side(
    connection: &mut Db,
    tenant: UserId,
    side: Side,
    until: PaymentRow,
    step_rows: i64,
) -> Result<Reached, StoreError> {
    let kept = kept(connection, tenant, side)?;
    let (from, rows, changes) = match kept {
        Some(Kept { before_id, payments, changes }) => (PaymentRow::from_slice(&before_id)?, payments, changes),
        None => (FIRST, 0, 0),
    };
    let until = until.max(from);
    let step = between(connection, tenant, side, from.as_bytes(), until.as_bytes(), step_rows)?;
    let counted = Reached { side, from, before: until, rows: rows.saturating_add(step), recent: None, step, changes };
    if step < step_rows {
        let recent = between(connection, tenant, side, until.as_bytes(), &LAST, i64::MAX)?;
        return Ok(Reached { recent: Some(recent), ..counted });
    }
    // It is there, unless the step has counted just as many rows as there are.
    let next = nth(connection, tenant, side, from, until, step_rows)?;
    Ok(Reached { before: next.unwrap_or(until), ..counted })
}

fn held(connection: &mut Db, tenant: UserId) -> Result<i64, StoreError> {
    // Each part by its own index. What was sent is counted by its transfer.
    let query = "SELECT (SELECT count(*) FROM holds WHERE tenant = $1 AND state = 'open' AND satkeep_in_time())
        + (SELECT count(*) FROM holds WHERE tenant = $1 AND state IN ('voided', 'expired') AND manager_id IS NULL
            AND satkeep_in_time()) AS number";
    let query = diesel::sql_query(query).bind::<Binary, _>(tenant.as_bytes().to_vec());
    let held: Number = match connection {
        Db::Sqlite(c) => query.get_result(c)?,
        Db::Postgres(c) => query.get_result(c)?,
    };
    Ok(held.number)
}

fn kept(connection: &mut Db, tenant: UserId, side: Side) -> Result<Option<Kept>, StoreError> {
    let query =
        diesel::sql_query("SELECT before_id, payments, changes FROM payment_counts WHERE tenant = $1 AND side = $2")
            .bind::<Binary, _>(tenant.as_bytes().to_vec())
            .bind::<Text, _>(side.name());
    Ok(match connection {
        Db::Sqlite(c) => query.get_result(c).optional()?,
        Db::Postgres(c) => query.get_result(c).optional()?,
    })
}

/// The rows of a tenant from one id up to, and without, another. Compared as pairs, so that the index
/// that begins with the tenant is used, and no other.
fn rows_between(side: Side, what: &str, end: &str) -> String {
    let table = side.table();
    format!(
        "SELECT {what} FROM {table} WHERE (tenant, id) >= ($1, $2) AND (tenant, id) < ($1, $3)
         AND satkeep_in_time() {end}"
    )
}

fn between(
    connection: &mut Db,
    tenant: UserId,
    side: Side,
    from: &[u8],
    until: &[u8],
    limit: i64,
) -> Result<i64, StoreError> {
    let rows = rows_between(side, "1 AS one", "LIMIT $4");
    let query = diesel::sql_query(format!("SELECT count(*) AS number FROM ({rows}) AS counted"))
        .bind::<Binary, _>(tenant.as_bytes().to_vec())
        .bind::<Binary, _>(from.to_vec())
        .bind::<Binary, _>(until.to_vec())
        .bind::<BigInt, _>(limit);
    let counted: Number = match connection {
        Db::Sqlite(c) => query.get_result(c)?,
        Db::Postgres(c) => query.get_result(c)?,
    };
    Ok(counted.number)
}

/// The row that comes after so many others.
fn nth(
    connection: &mut Db,
    tenant: UserId,
    side: Side,
    from: PaymentRow,
    until: PaymentRow,
    skip: i64,
) -> Result<Option<PaymentRow>, StoreError> {
    let query = diesel::sql_query(rows_between(side, "id", "ORDER BY tenant, id LIMIT 1 OFFSET $4"))
        .bind::<Binary, _>(tenant.as_bytes().to_vec())
        .bind::<Binary, _>(from.as_bytes().to_vec())
        .bind::<Binary, _>(until.as_bytes().to_vec())
        .bind::<BigInt, _>(skip);
    let found: Option<Id> = match connection {
        Db::Sqlite(c) => query.get_result(c).optional()?,
        Db::Postgres(c) => query.get_result(c).optional()?,
    };
    Ok(found.map(|row| PaymentRow::from_slice(&row.id)).transpose()?)
}

/// Counts invoices of a tenant as gone, in the transaction that deletes them. A count that has begun
/// before is not kept.
pub(crate) fn forget_invoices(connection: &mut Db, tenant: &[u8], gone: &[PaymentRow]) -> Result<(), StoreError> {
    let change = diesel::sql_query(
        "INSERT INTO payment_counts (tenant, side, before_id, payments, changes) VALUES ($1, $2, $3, 0, 1)
         ON CONFLICT (tenant, side) DO UPDATE SET changes = payment_counts.changes + 1",
    )
    .bind::<Binary, _>(tenant.to_vec())
    .bind::<Text, _>(Side::In.name())
    .bind::<Binary, _>(FIRST.as_bytes().to_vec());
    // From here on the row is locked.
    match connection {
        Db::Sqlite(c) => change.execute(c)?,
        Db::Postgres(c) => change.execute(c)?,
    };
    let tenant = UserId::from_slice(tenant)?;
    let Some(Kept { before_id, .. }) = kept(connection, tenant, Side::In)? else { return Ok(()) };
    let before = PaymentRow::from_slice(&before_id)?;
    let counted = gone.iter().filter(|row| **row < before).count();
    let less = diesel::sql_query("UPDATE payment_counts SET payments = payments - $1 WHERE tenant = $2 AND side = $3")
        .bind::<BigInt, _>(i64::try_from(counted).unwrap_or(i64::MAX))
        .bind::<Binary, _>(tenant.as_bytes().to_vec())
        .bind::<Text, _>(Side::In.name());
    match connection {
        Db::Sqlite(c) => less.execute(c)?,
        Db::Postgres(c) => less.execute(c)?,
    };
    Ok(())
}

/// Keeps a step for later counts, unless one is kept that has come further.
pub fn keep(connection: &mut Db, tenant: UserId, counted: &Counted) -> Result<(), StoreError> {
    for side in counted.sides.iter().filter(|side| side.before > side.from) {
        let query = diesel::sql_query(
            "INSERT INTO payment_counts (tenant, side, before_id, payments) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, side) DO UPDATE SET before_id = excluded.before_id, payments = excluded.payments
             WHERE payment_counts.before_id < excluded.before_id AND payment_counts.changes = $5",
        )
        .bind::<Binary, _>(tenant.as_bytes().to_vec())
        .bind::<Text, _>(side.side.name())
        .bind::<Binary, _>(side.before.as_bytes().to_vec())
        .bind::<BigInt, _>(side.rows)
        .bind::<BigInt, _>(side.changes);
        match connection {
            Db::Sqlite(c) => query.execute(c)?,
            Db::Postgres(c) => query.execute(c)?,
        };
    }
    Ok(())
}
