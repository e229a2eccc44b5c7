//! Logins: who may log in, and the active sessions.

use diesel::prelude::*;

use crate::domain::ids::UserId;
use crate::domain::session::SessionDigest;
use crate::domain::text::Username;
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::prune::Prunable;
use crate::store::db::schema::{sessions, users};

/// A user's role in all of satkeep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A manager, or a manager's user.
    User,
    /// Administers managers and their money.
    Operator,
}

impl Role {
    /// The name under which the role is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
        }
    }

    fn from_stored(name: &str) -> Result<Self, StoreError> {
        let role = [Self::User, Self::Operator].into_iter().find(|role| role.as_str() == name);
        role.ok_or_else(|| StoreError::Broken(format!("there is no role named {name:?}")))
    }
}

/// An active session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The digest that it is found by.
    pub digest: SessionDigest,
    /// The user who has logged in.
    pub user: UserId,
    /// The user's role.
    pub role: Role,
    /// When it expires.
    pub expires_at: UnixMs,
}

/// Sessions purged in one go.
const PRUNE_ROWS: i64 = 5000;

/// The user with a user name, and its password hash if it has one. Managers' users have none: their
/// managers verify their passwords.
pub fn login_of(connection: &mut Db, username: &Username) -> Result<Option<(UserId, Option<String>)>, StoreError> {
    let row: Option<(Vec<u8>, Option<String>)> = users::table
        .filter(users::username.eq(username.as_str()))
        .filter(users::manager_id.is_null())
        .filter(users::deleted_at_ms.is_null())
        .select((users::id, users::password_hash))
        .first(connection)
        .optional()?;
    row.map(|(id, hash)| Ok((UserId::from_slice(&id)?, hash))).transpose()
}

/// Starts a session, if the password is still the one that was verified.
pub fn begin(
    connection: &mut Db,
    digest: SessionDigest,
    user: UserId,
    verified_hash: &str,
    now: UnixMs,
    expires_at: UnixMs,
) -> Result<(), StoreError> {
    // The update locks the row. A new password, which ends all sessions, therefore either ends this
    // one too or is noticed here.
    let unchanged = diesel::update(users::table.filter(users::id.eq(user.as_bytes().as_slice())))
        .filter(users::password_hash.eq(verified_hash))
        .filter(users::deleted_at_ms.is_null())
        .set(users::updated_at_ms.eq(users::updated_at_ms))
        .execute(connection)?;
    if unchanged != 1 {
        return Err(StoreError::NotFound);
    }
    diesel::insert_into(sessions::table)
        .values((
            sessions::token_digest.eq(digest.as_bytes().as_slice()),
            sessions::user_id.eq(user.as_bytes().as_slice()),
            sessions::created_at_ms.eq(now.get()),
            sessions::expires_at_ms.eq(expires_at.get()),
        ))
        .execute(connection)?;
    Ok(())
}

/// The session of a token; `None` if it is unknown, expired or ended.
pub fn find(connection: &mut Db, digest: SessionDigest, now: UnixMs) -> Result<Option<Session>, StoreError> {
    let row: Option<(Vec<u8>, String, i64)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::token_digest.eq(digest.as_bytes().as_slice()))
        .filter(sessions::expires_at_ms.gt(now.get()))
        .filter(users::deleted_at_ms.is_null())
        .select((users::id, users::role, sessions::expires_at_ms))
        .first(connection)
        .optional()?;
    let Some((user, role, expires_at_ms)) = row else { return Ok(None) };
    Ok(Some(Session {
        digest,
        user: UserId::from_slice(&user)?,
        role: Role::from_stored(&role)?,
        expires_at: UnixMs::new(expires_at_ms),
    }))
}

/// Ends one session.
pub fn end(connection: &mut Db, digest: SessionDigest) -> Result<(), StoreError> {
    diesel::delete(sessions::table.filter(sessions::token_digest.eq(digest.as_bytes().as_slice())))
        .execute(connection)?;
    Ok(())
}

/// Gives the user of a session a new password, where the old one is still the one that was verified.
/// All other sessions end, because whoever began them knows the old one.
pub fn change_password(
    connection: &mut Db,
    user: UserId,
    session: SessionDigest,
    verified_hash: &str,
    new_hash: &str,
    now: UnixMs,
) -> Result<(), StoreError> {
    let changed = diesel::update(users::table.filter(users::id.eq(user.as_bytes().as_slice())))
        .filter(users::password_hash.eq(verified_hash))
        .filter(users::deleted_at_ms.is_null())
        .set((users::password_hash.eq(new_hash), users::updated_at_ms.eq(now.get())))
        .execute(connection)?;
    if changed != 1 {
        return Err(StoreError::NotFound);
    }
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user.as_bytes().as_slice())))
        .filter(sessions::token_digest.ne(session.as_bytes().as_slice()))
        .execute(connection)?;
    Ok(())
}

/// Ends all sessions of a user.
pub fn end_all(connection: &mut Db, user: UserId) -> Result<(), StoreError> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user.as_bytes().as_slice()))).execute(connection)?;
    Ok(())
}

/// Prunes some of the expired sessions. Returns whether there may be more.
pub fn prune(connection: &mut Db, now: UnixMs) -> Result<bool, StoreError> {
    let over = Prunable {
        table: "sessions",
        key: "token_digest",
        is_over: "expires_at_ms <= $1",
        oldest_by: "expires_at_ms",
        rows_max: PRUNE_ROWS,
    };
    over.prune(connection, now)
}
