//! Who shows a token: of a login, or one that a manager has made for a program.

use diesel::prelude::*;

use crate::domain::ids::{TokenId, UserId};
use crate::domain::session::{Right, SessionDigest};
use crate::domain::time::UnixMs;
use crate::domain::token::{Scope, Scopes};
use crate::store::access::grants;
use crate::store::access::sessions::{self, Role, Session};
use crate::store::access::tokens;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::users;

/// Somebody who shows a token that holds.
#[derive(Clone, Copy, Debug)]
pub struct Bearer {
    /// By what it is found.
    pub digest: SessionDigest,
    /// Who it is.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends.
    pub expires_at: UnixMs,
    /// The token that was made by name, and when its use was noted last; `None` for a login.
    pub token: Option<(TokenId, Option<UnixMs>)>,
    /// Whether a wallet of its own is completely frozen: then it acts for its tenant no more.
    pub is_frozen: bool,
}

/// Whoever shows the token of this digest; `None` for one that is unknown, over, or was ended.
pub fn find(connection: &mut Db, digest: SessionDigest, now: UnixMs) -> Result<Option<Bearer>, StoreError> {
    if let Some(Session { digest, user, role, expires_at }) = sessions::find(connection, digest, now)? {
        let is_frozen = role == Role::User && grants::is_user_frozen(connection, user)?;
        let scopes = Scopes::EVERYTHING;
        return Ok(Some(Bearer { digest, user, role, scopes, expires_at, token: None, is_frozen }));
    }
    let Some(token) = tokens::find(connection, digest, now)? else { return Ok(None) };
    let is_there = users::table
        .filter(users::id.eq(token.user.as_bytes().as_slice()))
        .filter(users::deleted_at_ms.is_null())
        .select(users::id)
        .first::<Vec<u8>>(connection)
        .optional()?
        .is_some();
    let is_frozen = grants::is_user_frozen(connection, token.user)?;
    Ok(is_there.then_some(Bearer {
        digest,
        user: token.user,
        role: Role::User,
        scopes: token.scopes,
        expires_at: token.expires_at,
        token: Some((token.id, token.last_used_at)),
        is_frozen,
    }))
}

/// Whether whoever shows the token of this digest has a right.
pub fn has(connection: &mut Db, digest: SessionDigest, right: Right, now: UnixMs) -> Result<bool, StoreError> {
    Ok(find(connection, digest, now)?.is_some_and(|bearer| match (right, bearer.role) {
        (Right::Operate, Role::Operator) => bearer.token.is_none(),
        (Right::ManageUsers, Role::User) => bearer.scopes.allow(Scope::Users) && !bearer.is_frozen,
        (Right::Operate, Role::User) | (Right::ManageUsers, Role::Operator) => false,
    }))
}
