//! Users of a tenant: created by a manager, and visible to no other.

pub(crate) mod activation;
pub(crate) mod deletions;
mod list;
pub(crate) mod sub_managers;
pub(crate) mod subtrees;

pub use list::{ExtraTest, Sort, SortKey, UserFilter, count, list, page};

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use serde::Serialize;

use super::wallets::{self, NewWallet};
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::text::{Email, InvalidText, Name, Username};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::store::access::sessions;
use crate::store::access::sessions::Role;
use crate::store::db::connection::{Db, MultiBackend};
use crate::store::db::error::StoreError;
use crate::store::db::lock::lock_row;
use crate::store::db::schema::users;
use crate::store::webhooks::events;

/// A stored user.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Its user name: a manager's is for logins, a user's is its manager's, and unique in the tenant.
    pub username: Option<String>,
    /// The manager that created it; `None` if it was created on the command line.
    pub manager: Option<UserId>,
    /// Its email address.
    pub email: Option<String>,
    /// What a system of its manager's calls it: no two users of a tenant alike.
    pub external_id: Option<String>,
    /// The manager's own data.
    pub extra: Option<Extra>,
    /// Whether it may create users itself.
    pub may_create_users: bool,
    /// Whether its wallets are not frozen with it.
    pub is_active: bool,
    /// When it was created.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// A new user with its first wallet.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// The manager that creates it.
    pub manager: Option<UserId>,
    /// Its name.
    pub name: Name,
    /// Its user name: for logins of managers, or given by its manager.
    pub username: Option<Username>,
    /// Its email address.
    pub email: Option<Email>,
    /// Its id in a system of its manager's.
    pub external_id: Option<ExternalId>,
    /// The hash of its password.
    pub password_hash: Option<String>,
    /// The manager's own data.
    pub extra: Option<Extra>,
    /// Whether it may create users itself: true for a manager, and for a user if its manager
    /// permits it.
    pub may_create_users: bool,
    /// Its first wallet.
    pub wallet: NewWallet,
    /// The current time.
    pub created_at: UnixMs,
}

/// Changes to a user; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The new name.
    pub name: Option<Name>,
    /// The new user name.
    pub username: Option<Username>,
    /// The new email address.
    pub email: Option<Email>,
    /// The new id in a system of its manager's.
    pub external_id: Option<ExternalId>,
    /// The hash of the new password.
    pub password_hash: Option<String>,
    /// Data to merge into the user's.
    pub extra: Option<Extra>,
    /// Whether it may create users itself from now on.
    pub may_create_users: Option<bool>,
}

/// The row after which a page begins, in a list ordered by creation.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<Id> {
    /// When that row was created.
    pub created_at: UnixMs,
    /// Its id.
    pub id: Id,
}

type Columns = (
    Vec<u8>,
    Option<Vec<u8>>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    bool,
    Option<i64>,
    i64,
    i64,
);

const COLUMNS: (
    users::id,
    users::manager_id,
    users::name,
    users::username,
    users::email,
    users::external_id,
    users::extra,
    users::may_create_users,
    users::deactivated_at_ms,
    users::created_at_ms,
    users::updated_at_ms,
) = (
    users::id,
    users::manager_id,
    users::name,
    users::username,
    users::email,
    users::external_id,
    users::extra,
    users::may_create_users,
    users::deactivated_at_ms,
    users::created_at_ms,
    users::updated_at_ms,
);

fn user(columns: Columns) -> Result<User, StoreError> {
    let (id, manager, name, username, email, external_id, extra, may_create_users, deactivated_at_ms, created, updated) =
        columns;
    Ok(User {
        id: UserId::from_slice(&id)?,
        name,
        username,
        manager: manager.map(|id| UserId::from_slice(&id)).transpose()?,
        email,
        external_id,
        extra: extra.map(Extra::from_stored),
        may_create_users,
        is_active: deactivated_at_ms.is_none(),
        created_at: UnixMs::new(created),
        updated_at: UnixMs::new(updated),
    })
}

/// The payload of the event for a new user. Not a `Value`, which would rewrite the manager's own
/// data.
#[derive(Serialize)]
struct UserCreated<'a> {
    id: UserId,
    name: &'a str,
    admin: UserId,
    email: Option<&'a str>,
    extra: Extra,
}

/// Creates a user and its first wallet, for a manager who exists and is locked until the
/// transaction ends.
pub fn create(connection: &mut Db, new: &NewUser) -> Result<(), StoreError> {
    let root = match new.manager {
        Some(manager) => sub_managers::hold(connection, manager)?,
        None => new.id,
    };
    if let Some(manager) = new.manager {
        if new.may_create_users {
            sub_managers::check_room(connection, manager)?;
        }
        check_taken(connection, manager, None, (new.username.as_ref(), new.external_id.as_ref(), new.email.as_ref()))?;
    }
    diesel::insert_into(users::table)
        .values((
            users::id.eq(new.id.as_bytes().as_slice()),
            users::manager_id.eq(new.manager.as_ref().map(|id| id.as_bytes().as_slice())),
            users::name.eq(new.name.as_str()),
            users::username.eq(new.username.as_ref().map(Username::as_str)),
            users::email.eq(new.email.as_ref().map(Email::as_str)),
            users::external_id.eq(new.external_id.as_ref().map(ExternalId::as_str)),
            users::password_hash.eq(new.password_hash.as_deref()),
            users::extra.eq(new.extra.as_ref().map(Extra::as_str)),
            users::root_id.eq(root.as_bytes().as_slice()),
            users::may_create_users.eq(new.may_create_users),
            users::created_at_ms.eq(new.created_at.get()),
            users::updated_at_ms.eq(new.created_at.get()),
        ))
        .execute(connection)?;
    if let Some(manager) = new.manager {
        let payload = UserCreated {
            id: new.id,
            name: new.name.as_str(),
            admin: manager,
            email: new.email.as_ref().map(Email::as_str),
            extra: new.extra.clone().unwrap_or_default(),
        };
        events::tell(connection, EventKind::UserCreated, manager, None, &payload, new.created_at)?;
    }
    wallets::create(connection, new.id, &new.wallet)
}

/// A user of the tenant; without a tenant, a manager.
pub fn find(connection: &mut Db, tenant: impl Into<Option<UserId>>, id: UserId) -> Result<User, StoreError> {
    let columns: Columns = users::table
        .filter(users::id.eq(id.as_bytes().as_slice()))
        .filter(is_of(tenant))
        .filter(users::role.eq(Role::User.as_str()))
        .filter(users::deleted_at_ms.is_null())
        .select(COLUMNS)
        .first(connection)?;
    user(columns)
}

/// Somebody who can log in: a manager or an operator.
pub fn find_login(connection: &mut Db, id: UserId) -> Result<User, StoreError> {
    let columns: Columns = users::table
        .filter(users::id.eq(id.as_bytes().as_slice()))
        .filter(users::manager_id.is_null())
        .filter(users::deleted_at_ms.is_null())
        .select(COLUMNS)
        .first(connection)?;
    user(columns)
}

/// A condition on users.
type Condition = Box<dyn BoxableExpression<users::table, MultiBackend, SqlType = Nullable<Bool>>>;

/// Whether a user belongs to a tenant, or to none.
fn is_of(tenant: impl Into<Option<UserId>>) -> Condition {
    match tenant.into() {
        Some(tenant) => Box::new(users::manager_id.eq(Some(tenant.as_bytes().to_vec()))),
        None => Box::new(users::manager_id.is_null().nullable()),
    }
}

/// A value of which no two users of a tenant have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueValue {
    /// An email address.
    Email,
    /// A user name.
    Username,
    /// What a system of the manager's calls it.
    ExternalId,
}

/// The values that a user is to have.
type Wanted<'a> = (Option<&'a Username>, Option<&'a ExternalId>, Option<&'a Email>);

/// Makes sure that no user of the tenant but this one has any of these values. Nobody takes one
/// meanwhile, because the transactions of a tenant run one after the other.
fn check_taken(
    connection: &mut Db,
    tenant: UserId,
    but_for: Option<UserId>,
    wanted: Wanted<'_>,
) -> Result<(), StoreError> {
    taken(connection, tenant, but_for, wanted)?.map_or(Ok(()), |value| Err(StoreError::Taken(value)))
}

/// Which of these values a user of the tenant has already, but for this one.
fn taken(
    connection: &mut Db,
    tenant: UserId,
    but_for: Option<UserId>,
    (username, external_id, email): Wanted<'_>,
) -> Result<Option<UniqueValue>, StoreError> {
    let mut is_there = |value: Condition| -> Result<bool, StoreError> {
        let others = users::table
            .filter(users::manager_id.eq(tenant.as_bytes().to_vec()))
            .filter(users::deleted_at_ms.is_null())
            .filter(users::id.ne(but_for.map_or_else(Vec::new, |id| id.as_bytes().to_vec())));
        Ok(others.filter(value).select(users::id).first::<Vec<u8>>(connection).optional()?.is_some())
    };
    if let Some(username) = username
        && is_there(Box::new(users::username.eq(username.as_str().to_owned())))?
    {
        return Ok(Some(UniqueValue::Username));
    }
    if let Some(external_id) = external_id
        && is_there(Box::new(users::external_id.eq(external_id.as_str().to_owned())))?
    {
        return Ok(Some(UniqueValue::ExternalId));
    }
    if let Some(email) = email
        && is_there(Box::new(lower(users::email).eq(lower(Some(email.as_str().to_owned())))))?
    {
        return Ok(Some(UniqueValue::Email));
    }
    Ok(None)
}

diesel::define_sql_function! {
    /// A text in lower case.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// The hash of a user's password, if it has one.
pub fn password_hash_of(connection: &mut Db, id: UserId) -> Result<Option<String>, StoreError> {
    Ok(users::table.filter(users::id.eq(id.as_bytes().as_slice())).select(users::password_hash).first(connection)?)
}

/// Checks that a user of the tenant (without a tenant, a manager) exists, and locks it until the
/// transaction ends.
pub fn lock(connection: &mut Db, tenant: impl Into<Option<UserId>>, id: UserId) -> Result<(), StoreError> {
    let it = users::table.filter(users::id.eq(id.as_bytes().as_slice())).filter(users::deleted_at_ms.is_null());
    let it = it.filter(is_of(tenant)).filter(users::role.eq(Role::User.as_str()));
    lock_row!(connection, it, users::updated_at_ms, StoreError::NotFound)
}

/// Locks the user of a caller until the transaction ends, so that changes to what it has are serialized.
/// If it has been deleted meanwhile, its keys are revoked.
pub fn lock_caller(connection: &mut Db, id: UserId) -> Result<(), StoreError> {
    let it = users::table.filter(users::id.eq(id.as_bytes().as_slice())).filter(users::deleted_at_ms.is_null());
    lock_row!(connection, it, users::updated_at_ms, StoreError::Revoked)
}

/// Changes a user of the tenant (without a tenant, a manager). Nothing is changed if the merged
/// data is too large. A new password ends the user's sessions. Revoking the right to create users
/// also revokes it from everybody who has it through the user.
pub fn update(
    connection: &mut Db,
    tenant: Option<UserId>,
    id: UserId,
    change: &UserChange,
    now: UnixMs,
) -> Result<Result<(), InvalidText>, StoreError> {
    if change.may_create_users == Some(false) {
        sub_managers::lock_heirs(connection, tenant, id)?;
    }
    lock(connection, tenant, id)?;
    let before = find(connection, tenant, id)?;
    if let Some(tenant) = tenant {
        let wanted = (change.username.as_ref(), change.external_id.as_ref(), change.email.as_ref());
        check_taken(connection, tenant, Some(id), wanted)?;
    }
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
        sessions::end_all(connection, id)?;
    }
    diesel::update(row)
        .set((
            users::name.eq(change.name.as_ref().map_or(before.name.as_str(), Name::as_str)),
            users::username.eq(change.username.as_ref().map(Username::as_str).or(before.username.as_deref())),
            users::email.eq(change.email.as_ref().map(Email::as_str).or(before.email.as_deref())),
            users::external_id.eq(change
                .external_id
                .as_ref()
                .map(ExternalId::as_str)
                .or(before.external_id.as_deref())),
            users::extra.eq(extra.as_ref().map(Extra::as_str)),
            users::updated_at_ms.eq(now.get()),
        ))
        .execute(connection)?;
    match change.may_create_users.filter(|may| *may != before.may_create_users) {
        Some(true) => {
            if let Some(manager) = before.manager {
                sub_managers::check_room(connection, manager)?;
            }
            diesel::update(row).set(users::may_create_users.eq(true)).execute(connection)?;
        }
        Some(false) => sub_managers::revoke(connection, id)?,
        None => {}
    }
    Ok(Ok(()))
}

/// The number of users of all tenants, including deleted ones.
pub fn count_all(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(users::table.count().get_result(connection)?)
}
