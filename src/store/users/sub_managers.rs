//! Users whom their manager permits to create users: limits on their number and depth, and revoking
//! the right.

use diesel::prelude::*;
use diesel::sql_types::Binary;

use crate::domain::ids::UserId;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::users;
use crate::store::wallets::CHUNK_IDS;

/// The maximum depth of the hierarchy, including the root manager: any walk up from a user takes at
/// most this many steps.
pub const DEPTH_MAX: usize = 8;
/// How many users of a root manager may create users. It is limited because revoking the right
/// revokes it, in one transaction, from all who have it through the same user.
pub const COUNT_MAX: i64 = 1000;

/// Why a user cannot be permitted to create users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Its users would be too deep in the hierarchy.
    #[error("cannot be true here: users create users {DEPTH_MAX} levels deep at most")]
    TooDeep,
    /// The root manager has reached the maximum.
    #[error("cannot be true here: {COUNT_MAX} users of a manager may create users; take the right from another first")]
    TooMany,
}

#[derive(diesel::QueryableByName)]
struct Held {
    #[diesel(sql_type = Binary)]
    root_id: Vec<u8>,
}

/// Checks that a user exists and may create users, and takes a shared lock that prevents its
/// deletion or change until the transaction ends. Returns its root manager.
pub(crate) fn hold(connection: &mut Db, id: UserId) -> Result<UserId, StoreError> {
    let here = |lock: &str| {
        let sql =
            format!("SELECT root_id FROM users WHERE id = $1 AND deleted_at_ms IS NULL AND may_create_users{lock}");
        diesel::sql_query(sql).bind::<Binary, _>(id.as_bytes().to_vec())
    };
    let found: Vec<Held> = match connection {
        // The transaction holds the only write lock.
        Db::Sqlite(c) => here("").load(c)?,
        Db::Postgres(c) => here(" FOR SHARE").load(c)?,
    };
    let held = found.first().ok_or(StoreError::Revoked)?;
    Ok(UserId::from_slice(&held.root_id)?)
}

/// Checks that one more user, created by this one, may be permitted to create users.
pub(crate) fn check_room(connection: &mut Db, creator: UserId) -> Result<(), StoreError> {
    let (mut root, mut above) = (creator.as_bytes().to_vec(), Some(creator.as_bytes().to_vec()));
    let mut depth = 0;
    while let Some(id) = above {
        depth += 1;
        if depth >= DEPTH_MAX {
            return Err(NoRoom::TooDeep.into());
        }
        above = users::table.filter(users::id.eq(&id)).select(users::manager_id).first(connection)?;
        root = id;
    }
    let lets = users::table.filter(users::root_id.eq(root)).filter(users::may_create_users);
    let some: Vec<Vec<u8>> = lets.select(users::id).limit(COUNT_MAX.saturating_add(1)).load(connection)?;
    // The root manager is one of them.
    let is_full = i64::try_from(some.len()).map_or(true, |count| count > COUNT_MAX);
    if is_full { Err(NoRoom::TooMany.into()) } else { Ok(()) }
}

/// Those who lose the right when a user does, this one first.
fn heirs(connection: &mut Db, user: UserId) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut level = vec![user.as_bytes().to_vec()];
    let mut all = Vec::new();
    while !level.is_empty() {
        let mut below = Vec::new();
        for creators in level.chunks(CHUNK_IDS) {
            let of_these = users::table.filter(users::may_create_users).filter(users::manager_id.eq_any(creators));
            below.extend(of_these.select(users::id).load::<Vec<u8>>(connection)?);
        }
        all.append(&mut level);
        level = below;
    }
    Ok(all)
}

/// Locks those who lose the right when a user of the tenant does, this one included, in the order in
/// which everybody locks users: before any one of them is locked otherwise. Nobody is added to them
/// meanwhile, because the transactions of a tenant run one after the other.
pub(crate) fn lock_heirs(connection: &mut Db, tenant: Option<UserId>, user: UserId) -> Result<(), StoreError> {
    // Nobody locks users of others.
    super::find(connection, tenant, user)?;
    if let Db::Postgres(_) = connection {
        let mut ids = heirs(connection, user)?;
        ids.sort_unstable();
        for ids in ids.chunks(CHUNK_IDS) {
            let Db::Postgres(c) = connection else { break };
            let these = users::table.filter(users::id.eq_any(ids)).select(users::id).order(users::id);
            these.for_no_key_update().load::<Vec<u8>>(c)?;
        }
    }
    Ok(())
}

/// Revokes the right from a user, and from everybody who has it through this one, all of whom this
/// transaction has locked. Nobody can keep it by first granting it to another user of its own.
pub(crate) fn revoke(connection: &mut Db, user: UserId) -> Result<(), StoreError> {
    for ids in heirs(connection, user)?.chunks(CHUNK_IDS) {
        let these = users::table.filter(users::id.eq_any(ids));
        diesel::update(these).set(users::may_create_users.eq(false)).execute(connection)?;
    }
    Ok(())
}
