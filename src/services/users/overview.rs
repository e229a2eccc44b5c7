//! Users of a tenant with what they have, for a manager who has logged in, or its programs; and
//! managers, for operators.

use super::{UserTerms, change_unseen};
use crate::clock;
use crate::domain::ids::UserId;
use crate::services::callers::{Caller, ManagerLogin, Reads, Users};
use crate::services::{Error, Missing, Services};
use crate::store::users::{self, User, UserFilter, activation};
use crate::store::wallets::{self, Holdings};
use crate::store::{Db, StoreError};

pub use crate::store::users::{Sort, SortKey};

/// A user with what it has.
#[derive(Debug)]
pub struct UserOverview {
    /// The user.
    pub user: User,
    /// What it has in its wallets.
    pub holdings: Holdings,
}

/// Which users to list.
#[derive(Clone, Debug)]
pub struct UserQuery {
    /// Which of all.
    pub filter: UserFilter,
    /// In which order.
    pub sort: Sort,
    /// How many to leave out.
    pub offset: i64,
    /// How many to show.
    pub limit: i64,
}

/// A page of users.
#[derive(Debug)]
pub struct UserPage {
    /// The users.
    pub users: Vec<UserOverview>,
    /// How many there are in all.
    pub total: i64,
}

/// A page of the tenant's users that a filter lets through, as `show` makes it.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: ManagerLogin<Reads>,
    query: UserQuery,
    show: impl FnOnce(UserPage) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let tenant = caller.user();
    let page = services.store.read_list(caller.consumer(), move |connection| {
        // It may have waited since the token was proved.
        caller.recheck(connection)?;
        show(page_of(connection, Some(tenant), &query)?)
    });
    Ok(page.await?)
}

/// A page of a tenant's users; without a tenant, of managers.
pub(in crate::services) fn page_of(
    connection: &mut Db,
    tenant: Option<UserId>,
    query: &UserQuery,
) -> Result<UserPage, StoreError> {
    let UserQuery { filter, sort, offset, limit } = query;
    let page = users::page(connection, tenant, filter, *sort, *offset, *limit)?;
    let users = with_holdings(connection, page)?;
    Ok(UserPage { users, total: users::count(connection, tenant, filter)? })
}

/// A user of the tenant.
pub async fn find(services: &Services, caller: ManagerLogin<Reads>, id: UserId) -> Result<UserOverview, Error> {
    let tenant = caller.user();
    let found = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck(connection)?;
        one(connection, tenant, id)
    });
    found.await.map_err(Error::of(Missing::User))
}

/// Changes a user of the tenant, and answers what has become of it.
pub async fn change(
    services: &Services,
    caller: ManagerLogin<Users>,
    id: UserId,
    terms: UserTerms,
) -> Result<UserOverview, Error> {
    let tenant = caller.user();
    let turn = change_unseen(services, caller, id, terms).await?;
    let found = services.store.read_list_in(turn, move |connection| one(connection, tenant, id));
    found.await.map_err(Error::of(Missing::User))
}

/// Activates or deactivates a user of the tenant: the one of the two that it is not, where nothing is
/// said. The wallets of one who is deactivated are frozen for everything.
pub async fn set_active(
    services: &Services,
    caller: ManagerLogin<Users>,
    id: UserId,
    active: Option<bool>,
) -> Result<UserOverview, Error> {
    let tenant = caller.user();
    let changed = services.write_as(caller, move |connection| {
        activation::set(connection, tenant, id, active, clock::now())?;
        one(connection, tenant, id)
    });
    changed.await.map_err(Error::of(Missing::User))
}

fn one(connection: &mut Db, tenant: UserId, id: UserId) -> Result<UserOverview, StoreError> {
    let user = users::find(connection, tenant, id)?;
    with_holdings(connection, vec![user])?.pop().ok_or(StoreError::NotFound)
}

/// Users with what they have.
pub(in crate::services) fn with_holdings(
    connection: &mut Db,
    users: Vec<User>,
) -> Result<Vec<UserOverview>, StoreError> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let held = wallets::holdings_of(connection, &ids)?;
    let with = |user: User| UserOverview { holdings: held.get(&user.id).copied().unwrap_or_default(), user };
    Ok(users.into_iter().map(with).collect())
}
