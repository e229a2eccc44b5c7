//! Users who are being deleted: nothing is created for them or for anybody below them meanwhile, so
//! that nobody keeps its own deletion from settling by creating wallets or users. The mark ends by
//! itself: a deletion that dies leaves nobody marked, and one that is tried again marks again.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::ids::UserId;
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::users;
use crate::store::users as tenants;

/// Marks a user of the tenant (without a tenant, a manager), once those who create something for it
/// at this moment are done.
pub fn mark(
    connection: &mut Db,
    tenant: impl Into<Option<UserId>>,
    id: UserId,
    until: UnixMs,
) -> Result<(), StoreError> {
    tenants::lock(connection, tenant, id)?;
    diesel::update(users::table.filter(users::id.eq(id.as_bytes().as_slice())))
        .set(users::deleting_until_ms.eq(until.get()))
        .execute(connection)?;
    Ok(())
}

/// Takes a mark away, unless another deletion has set a mark of its own since.
pub fn unmark(connection: &mut Db, id: UserId, until: UnixMs) -> Result<(), StoreError> {
    diesel::update(users::table.filter(users::id.eq(id.as_bytes().as_slice())))
        .filter(users::deleting_until_ms.eq(until.get()))
        .set(users::deleting_until_ms.eq(None::<i64>))
        .execute(connection)?;
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Marks {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Makes sure that neither a user nor anybody above it is being deleted.
pub(crate) fn check(connection: &mut Db, user: UserId, now: UnixMs) -> Result<(), StoreError> {
    let query = diesel::sql_query(
        "WITH RECURSIVE above (manager_id, until_ms) AS (
            SELECT manager_id, deleting_until_ms FROM users WHERE id = $1
            UNION ALL
            SELECT u.manager_id, u.deleting_until_ms FROM users AS u INNER JOIN above AS a ON u.id = a.manager_id
        )
        SELECT COUNT(*) AS count FROM above WHERE until_ms > $2",
    )
    .bind::<Binary, _>(user.as_bytes().to_vec())
    .bind::<BigInt, _>(now.get());
    let marks: Marks = match connection {
        Db::Sqlite(c) => query.get_result(c)?,
        Db::Postgres(c) => query.get_result(c)?,
    };
    if marks.count == 0 { Ok(()) } else { Err(StoreError::BeingDeleted) }
}
