//! Tokens that managers have made for their programs.

use diesel::prelude::*;

use crate::domain::ids::{TokenId, UserId};
use crate::domain::session::SessionDigest;
use crate::domain::text::Name;
use crate::domain::time::UnixMs;
use crate::domain::token::Scopes;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::prune::Prunable;
use crate::store::db::schema::tokens;

/// The tokens of one manager at most: all of them are listed at once.
pub const TOKENS_MAX: i64 = 100;
/// Tokens that are pruned in one go.
const PRUNE_ROWS: i64 = 5000;

/// A token as stored.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id, which is no secret.
    pub id: TokenId,
    /// Its manager.
    pub user: UserId,
    /// What its manager calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it ends.
    pub expires_at: UnixMs,
    /// When it was used last, to the minute; never, where there is nothing.
    pub last_used_at: Option<UnixMs>,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// By what it is found.
    pub digest: SessionDigest,
    /// Its manager.
    pub user: UserId,
    /// What its manager calls it.
    pub name: Name,
    /// What it may do.
    pub scopes: Scopes,
    /// Now.
    pub created_at: UnixMs,
    /// When it ends.
    pub expires_at: UnixMs,
}

type Columns = (Vec<u8>, Vec<u8>, String, i64, i64, i64, Option<i64>);

const COLUMNS: (
    tokens::id,
    tokens::user_id,
    tokens::name,
    tokens::scopes,
    tokens::created_at_ms,
    tokens::expires_at_ms,
    tokens::last_used_at_ms,
) = (
    tokens::id,
    tokens::user_id,
    tokens::name,
    tokens::scopes,
    tokens::created_at_ms,
    tokens::expires_at_ms,
    tokens::last_used_at_ms,
);

fn token(
    (id, user, name, scopes, created_at_ms, expires_at_ms, last_used_at_ms): Columns,
) -> Result<Token, StoreError> {
    Ok(Token {
        id: TokenId::from_slice(&id)?,
        user: UserId::from_slice(&user)?,
        name,
        scopes: Scopes::from_stored(scopes),
        created_at: UnixMs::new(created_at_ms),
        expires_at: UnixMs::new(expires_at_ms),
        last_used_at: last_used_at_ms.map(UnixMs::new),
    })
}

/// Makes a token for a manager, whom the same transaction has locked; answers whether there was
/// room for one more.
pub fn create(connection: &mut Db, new: &NewToken) -> Result<bool, StoreError> {
    let of_manager = tokens::table.filter(tokens::user_id.eq(new.user.as_bytes().as_slice()));
    let count: i64 =
        of_manager.filter(tokens::expires_at_ms.gt(new.created_at.get())).count().get_result(connection)?;
    if count >= TOKENS_MAX {
        return Ok(false);
    }
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(new.id.as_bytes().as_slice()),
            tokens::token_digest.eq(new.digest.as_bytes().as_slice()),
            tokens::user_id.eq(new.user.as_bytes().as_slice()),
            tokens::name.eq(new.name.as_str()),
            tokens::scopes.eq(new.scopes.bits()),
            tokens::created_at_ms.eq(new.created_at.get()),
            tokens::expires_at_ms.eq(new.expires_at.get()),
        ))
        .execute(connection)?;
    Ok(true)
}

/// The tokens of a manager that are not over, oldest first.
pub fn list(connection: &mut Db, user: UserId, now: UnixMs) -> Result<Vec<Token>, StoreError> {
    let rows: Vec<Columns> = tokens::table
        .filter(tokens::user_id.eq(user.as_bytes().as_slice()))
        .filter(tokens::expires_at_ms.gt(now.get()))
        .order((tokens::created_at_ms, tokens::id))
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(token).collect()
}

/// The token behind a digest; `None` for one that is unknown, over, or revoked.
pub fn find(connection: &mut Db, digest: SessionDigest, now: UnixMs) -> Result<Option<Token>, StoreError> {
    let row: Option<Columns> = tokens::table
        .filter(tokens::token_digest.eq(digest.as_bytes().as_slice()))
        .filter(tokens::expires_at_ms.gt(now.get()))
        .select(COLUMNS)
        .first(connection)
        .optional()?;
    row.map(token).transpose()
}

/// Revokes a token, of this manager where one is named.
pub fn revoke(connection: &mut Db, user: Option<UserId>, id: TokenId) -> Result<(), StoreError> {
    let token = tokens::table.filter(tokens::id.eq(id.as_bytes().as_slice()));
    let revoked = match user {
        Some(user) => {
            diesel::delete(token.filter(tokens::user_id.eq(user.as_bytes().as_slice()))).execute(connection)?
        }
        None => diesel::delete(token).execute(connection)?,
    };
    if revoked == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Notes that a token was used, unless that was noted since a time, by whatever process.
pub fn note_use(connection: &mut Db, id: TokenId, since: UnixMs, now: UnixMs) -> Result<(), StoreError> {
    diesel::update(tokens::table.filter(tokens::id.eq(id.as_bytes().as_slice())))
        .filter(tokens::last_used_at_ms.is_null().or(tokens::last_used_at_ms.le(since.get())))
        .set(tokens::last_used_at_ms.eq(now.get()))
        .execute(connection)?;
    Ok(())
}

/// Prunes some of the tokens that are over; answers whether there may be more of them.
pub fn prune(connection: &mut Db, now: UnixMs) -> Result<bool, StoreError> {
    let over = Prunable {
        table: "tokens",
        key: "id",
        is_over: "expires_at_ms <= $1",
        oldest_by: "expires_at_ms",
        rows_max: PRUNE_ROWS,
    };
    over.prune(connection, now)
}
