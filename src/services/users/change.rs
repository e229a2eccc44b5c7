//! Changing users.

use super::with_wallets;
use crate::clock;
use crate::crypto::password::Password;
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::text::{Email, Name};
use crate::services::callers::{AdminKey, Manager};
use crate::services::{Error, Missing, Services, Taken, UserWithWallets};
use crate::store::users::{self, UserChange};

/// What to change of a user; `None` leaves it as it is.
pub struct UserTerms {
    /// The new name.
    pub name: Option<Name>,
    /// The new email address.
    pub email: Option<Email>,
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
    let UserTerms { name, email, password, extra, may_create_users } = terms;
    let password_hash = services.passwords.hash(caller.consumer(), password).await?;
    // Before anything is changed, so that only what has done nothing is refused.
    let turn = services.store.list_turn(caller.consumer()).await?;
    let change = UserChange { name, username: None, email, password_hash, extra, may_create_users };
    let changed = services
        .write_as(caller, move |connection| users::update(connection, Some(caller.user()), id, &change, clock::now()));
    // Ids and keys are random, so that the value that was taken is the email address.
    changed
        .await
        .map_err(Error::of_change(Taken::Email, Missing::User))?
        .map_err(|invalid| Error::Invalid { field: "extra", message: invalid.to_string() })?;
    // Nobody's payments wait while all wallets of the user are read.
    let sealer = services.sealer.clone();
    let found = services.store.read_list_in(turn, move |connection| with_wallets(connection, &sealer, **caller, id));
    found.await.map_err(Error::of(Missing::User))
}
