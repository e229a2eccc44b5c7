//! A user and everybody below it, who are deleted together.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool};

use crate::domain::ids::UserId;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::users;
use crate::store::users::sub_managers;

/// A user and all users created by it, directly or indirectly. Deleted ones are excluded.
macro_rules! subtree {
    () => {
        "WITH RECURSIVE subtree (id, depth) AS (
            SELECT $1, 0
            UNION ALL
            SELECT u.id, s.depth + 1 FROM users AS u INNER JOIN subtree AS s ON u.manager_id = s.id
            WHERE u.deleted_at_ms IS NULL
        ) "
    };
}

#[derive(diesel::QueryableByName)]
struct Member {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
}

/// At most `limit` of a user and those below it: the deepest, so that nobody else is below them.
/// Each comes before its manager.
pub fn deepest(connection: &mut Db, id: UserId, limit: i64) -> Result<Vec<UserId>, StoreError> {
    let query = diesel::sql_query(concat!(subtree!(), "SELECT id FROM subtree ORDER BY depth DESC LIMIT $2"))
        .bind::<Binary, _>(id.as_bytes().to_vec())
        .bind::<BigInt, _>(limit);
    let rows: Vec<Member> = match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    };
    rows.into_iter().map(|row| Ok(UserId::from_slice(&row.id)?)).collect()
}

/// Revokes the right to create users from a user of the tenant, and from everybody who has it
/// through this one. From then on none of them gains users, unless its manager grants the right
/// again.
pub fn stop_creating(connection: &mut Db, tenant: UserId, id: UserId) -> Result<(), StoreError> {
    sub_managers::lock_heirs(connection, Some(tenant), id)?;
    users::lock(connection, tenant, id)?;
    sub_managers::revoke(connection, id)
}

/// What may prevent a user and those below it from being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, diesel::QueryableByName)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column that says yes or no")]
pub struct Obstacles {
    /// It has users.
    #[diesel(sql_type = Bool)]
    pub has_users: bool,
    /// A wallet holds money.
    #[diesel(sql_type = Bool)]
    pub holds_money: bool,
    /// Money of a wallet is on hold.
    #[diesel(sql_type = Bool)]
    pub has_holds: bool,
    /// A wallet is frozen by an operator, or one of the user's own wallets by its manager.
    #[diesel(sql_type = Bool)]
    pub is_frozen: bool,
}

/// Finds what may prevent a user and those below it from being deleted.
pub fn obstacles(connection: &mut Db, id: UserId) -> Result<Obstacles, StoreError> {
    let query = diesel::sql_query(concat!(
        subtree!(),
        "SELECT COALESCE(MAX(s.depth), 0) > 0 AS has_users,
            COUNT(CASE WHEN a.balance_msat <> 0 THEN 1 END) > 0 AS holds_money,
            COUNT(CASE WHEN a.held_msat <> 0 THEN 1 END) > 0 AS has_holds,
            COUNT(CASE WHEN s.depth = 0 AND a.deactivated THEN 'everything'
                WHEN s.depth = 0 THEN COALESCE(a.frozen_by_operator, a.frozen_by_manager)
                ELSE a.frozen_by_operator END) > 0 AS is_frozen
        FROM subtree AS s LEFT JOIN wallets AS w ON w.user_id = s.id AND w.deleted_at_ms IS NULL
            LEFT JOIN accounts AS a ON a.id = w.id"
    ))
    .bind::<Binary, _>(id.as_bytes().to_vec());
    match connection {
        Db::Sqlite(c) => Ok(query.get_result(c)?),
        Db::Postgres(c) => Ok(query.get_result(c)?),
    }
}
