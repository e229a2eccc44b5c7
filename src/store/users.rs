//! Users of a tenant: created by a manager, seen by no other.

use diesel::prelude::*;

use super::connection::Db;
use super::error::StoreError;
use super::schema::users;
use super::wallets::{self, NewWallet};
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::text::{Email, InvalidText, Name};
use crate::domain::time::UnixMs;

/// A user as stored.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// The manager that created it; `None` for one created at the command line.
    pub manager: Option<UserId>,
    /// Its email address.
    pub email: Option<String>,
    /// The manager's own data.
    pub extra: Option<Extra>,
    /// When it was created.
    pub created_at: UnixMs,
}

/// A user to be created, together with a first wallet.
#[derive(Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// The manager that creates it.
    pub manager: Option<UserId>,
    /// Its name.
    pub name: Name,
    /// Its email address.
    pub email: Option<Email>,
    /// Its password, hashed.
    pub password_hash: Option<String>,
    /// The manager's own data.
    pub extra: Option<Extra>,
    /// Its first wallet.
    pub wallet: NewWallet,
    /// Now.
    pub created_at: UnixMs,
}

/// What to change of a user; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct UserChange {
    /// The new name.
    pub name: Option<Name>,
    /// The new email address.
    pub email: Option<Email>,
    /// The new password, hashed.
    pub password_hash: Option<String>,
    /// Data to merge into the user's.
    pub extra: Option<Extra>,
}

/// Which users of a tenant to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only this one.
    pub id: Option<UserId>,
    /// Only with exactly this name.
    pub name: Option<String>,
    /// Only with exactly this email address.
    pub email: Option<String>,
    /// Only with this text somewhere in their own data.
    pub extra: Option<String>,
}

/// After which row a page begins.
pub type Cursor = (i64, Vec<u8>);

type Columns = (Vec<u8>, Option<Vec<u8>>, String, Option<String>, Option<String>, i64);

const COLUMNS: (users::id, users::manager_id, users::name, users::email, users::extra, users::created_at_ms) =
    (users::id, users::manager_id, users::name, users::email, users::extra, users::created_at_ms);

fn user((id, manager, name, email, extra, created_at_ms): Columns) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_slice(&id)?,
        name,
        manager: manager.map(|id| UserId::from_slice(&id)).transpose()?,
        email,
        extra: extra.map(Extra::from_stored),
        created_at: UnixMs::new(created_at_ms),
    })
}

/// Creates a user and its first wallet.
pub fn create(connection: &mut Db, new: &NewUser) -> Result<(), StoreError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(new.id.as_bytes().as_slice()),
            users::manager_id.eq(new.manager.as_ref().map(|id| id.as_bytes().as_slice())),
            users::name.eq(new.name.as_str()),
            users::email.eq(new.email.as_ref().map(Email::as_str)),
            users::password_hash.eq(new.password_hash.as_deref()),
            users::extra.eq(new.extra.as_ref().map(Extra::as_str)),
            users::created_at_ms.eq(new.created_at.get()),
            users::updated_at_ms.eq(new.created_at.get()),
        ))
        .execute(connection)?;
    wallets::create(connection, new.id, &new.wallet)
}

/// A user of the tenant.
pub fn find(connection: &mut Db, tenant: UserId, id: UserId) -> Result<User, StoreError> {
    let columns: Columns = users::table
        .filter(users::id.eq(id.as_bytes().as_slice()))
        .filter(users::manager_id.eq(tenant.as_bytes().as_slice()))
        .filter(users::deleted_at_ms.is_null())
        .select(COLUMNS)
        .first(connection)?;
    user(columns)
}

/// The hash of a user's password, where there is one.
pub fn password_hash_of(connection: &mut Db, id: UserId) -> Result<Option<String>, StoreError> {
    Ok(users::table.filter(users::id.eq(id.as_bytes().as_slice())).select(users::password_hash).first(connection)?)
}

/// Makes sure that a user of the tenant is there, and stays until the transaction ends.
pub fn lock(connection: &mut Db, tenant: UserId, id: UserId) -> Result<(), StoreError> {
    let locked = diesel::update(users::table.filter(users::id.eq(id.as_bytes().as_slice())))
        .filter(users::manager_id.eq(tenant.as_bytes().as_slice()))
        .filter(users::deleted_at_ms.is_null())
        .set(users::updated_at_ms.eq(users::updated_at_ms))
        .execute(connection)?;
    if locked == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// A page of the tenant's users, oldest first.
pub fn list(
    connection: &mut Db,
    tenant: UserId,
    filter: &UserFilter,
    after: Option<&Cursor>,
    offset: i64,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    let mut query = users::table
        .filter(users::manager_id.eq(tenant.as_bytes().to_vec()))
        .filter(users::deleted_at_ms.is_null())
        .order((users::created_at_ms, users::id))
        .select(COLUMNS)
        .offset(offset)
        .limit(limit)
        .into_boxed();
    if let Some(id) = &filter.id {
        query = query.filter(users::id.eq(id.as_bytes().to_vec()));
    }
    if let Some(name) = &filter.name {
        query = query.filter(users::name.eq(name.clone()));
    }
    if let Some(email) = &filter.email {
        query = query.filter(users::email.eq(email.clone()));
    }
    if let Some(text) = &filter.extra {
        query = query.filter(users::extra.like(super::payment_filter::containing(text)).escape('\\'));
    }
    if let Some((created_at_ms, id)) = after {
        query = query.filter(
            users::created_at_ms
                .gt(*created_at_ms)
                .or(users::created_at_ms.eq(*created_at_ms).and(users::id.gt(id.clone()))),
        );
    }
    query.load::<Columns>(connection)?.into_iter().map(user).collect()
}

/// Changes a user of the tenant; nothing is changed where the merged data is too large.
pub fn update(
    connection: &mut Db,
    tenant: UserId,
    id: UserId,
    change: &UserChange,
    now: UnixMs,
) -> Result<Result<(), InvalidText>, StoreError> {
    lock(connection, tenant, id)?;
    let before = find(connection, tenant, id)?;
    let extra = match (&before.extra, &change.extra) {
        (Some(old), Some(new)) => match old.merged_with(new) {
            Ok(merged) => Some(merged),
            Err(invalid) => return Ok(Err(invalid)),
        },
        (old, new) => new.clone().or_else(|| old.clone()),
    };
    let row = users::table.filter(users::id.eq(id.as_bytes().as_slice()));
    if let Some(hash) = &change.password_hash {
        diesel::update(row).set(users::password_hash.eq(hash.as_str())).execute(connection)?;
    }
    diesel::update(row)
        .set((
            users::name.eq(change.name.as_ref().map_or(before.name.as_str(), Name::as_str)),
            users::email.eq(change.email.as_ref().map(Email::as_str).or(before.email.as_deref())),
            users::extra.eq(extra.as_ref().map(Extra::as_str)),
            users::updated_at_ms.eq(now.get()),
        ))
        .execute(connection)?;
    Ok(Ok(()))
}

/// Whether a user is the manager of others.
pub fn has_users(connection: &mut Db, id: UserId) -> Result<bool, StoreError> {
    let first: Option<Vec<u8>> = users::table
        .filter(users::manager_id.eq(id.as_bytes().as_slice()))
        .filter(users::deleted_at_ms.is_null())
        .select(users::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

/// How many users there are, of all tenants, deleted ones included.
pub fn count_all(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(users::table.count().get_result(connection)?)
}

/// The managers that the command line created, oldest first.
pub fn list_managers(connection: &mut Db) -> Result<Vec<User>, StoreError> {
    let rows: Vec<Columns> = users::table
        .filter(users::manager_id.is_null())
        .filter(users::deleted_at_ms.is_null())
        .order((users::created_at_ms, users::id))
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(user).collect()
}
