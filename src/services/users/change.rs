//! Changing users.

use super::with_wallets;
use crate::clock;
use crate::crypto::password::Password;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::text::{Email, Name, Username};
use crate::services::callers::{AdminKey, ChangesUsers, Manager};
use crate::services::{Error, Missing, Services, UserWithWallets};
use crate::store::ListTurn;
use crate::store::users::{self, UserChange};

/// What to change of a user; `None` leaves it as it is.
#[derive(Default)]
pub struct UserTerms {
    /// The new name.
    pub name: Option<Name>,
    /// The new user name.
    pub username: Option<Username>,
    /// The new email address.
    pub email: Option<Email>,
    /// What a system of the manager's calls it from now on.
    pub external_id: Option<ExternalId>,
    /// The new password.
    pub password: Option<Password>,
    /// Data to merge into the user's.
    pub extra: Option<Extra>,
    /// Whether it may create users itself from now on.
    pub may_create_users: Option<bool>,
}

/// Changes a user of the tenant, and answers what has become of it.
pub async fn change(
    services: &Services,
    caller: Manager<AdminKey>,
    id: UserId,
    terms: UserTerms,
) -> Result<UserWithWallets, Error> {
    let turn = change_unseen(services, caller, id, terms).await?;
    // Nobody's payments wait while all wallets of the user are read.
    let (sealer, tenant) = (services.sealer.clone(), caller.user());
    let found = services.store.read_list_in(turn, move |connection| with_wallets(connection, &sealer, tenant, id));
    found.await.map_err(Error::of(Missing::User))
}

/// Changes a user of the tenant; answers the turn to read what has become of it.
pub async fn change_unseen(
    services: &Services,
    caller: impl ChangesUsers,
    id: UserId,
    terms: UserTerms,
) -> Result<ListTurn, Error> {
    let UserTerms { name, username, email, external_id, password, extra, may_create_users } = terms;
    let password_hash = services.passwords.hash(caller.consumer(), password).await?;
    // Before anything is changed, so that only what has done nothing is refused.
    let turn = services.store.list_turn(caller.consumer()).await?;
    let tenant = caller.tenant();
    let change = UserChange { name, username, email, external_id, password_hash, extra, may_create_users };
    let changed = services
        .write_as(caller, move |connection| users::update(connection, Some(tenant), id, &change, clock::now()))
        .await;
    match changed.map_err(Error::of(Missing::User))? {
        Ok(()) => Ok(turn),
        Err(invalid) => Err(Error::Invalid { field: "extra", message: invalid.to_string() }),
    }
}
