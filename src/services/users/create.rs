//! Creating users.

use super::with_wallets;
use crate::clock;
use crate::crypto::password::Password;
use crate::domain::api_keys::KeyPair;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::text::{Email, Name, Username};
use crate::services::callers::{AdminKey, CreatesUsers};
use crate::services::idempotency::{Created, answer_again, once};
use crate::services::{Error, Missing, Services, UserWithWallets};
use crate::store::users::{self, NewUser};
use crate::store::wallets::{NewWallet, StoredKeys};
use crate::store::{Db, StoreError};

/// A user to create.
pub struct NewUserTerms {
    /// Its name.
    pub name: Name,
    /// The name of its first wallet.
    pub wallet_name: Name,
    /// Its user name, which is no login.
    pub username: Option<Username>,
    /// Its email address.
    pub email: Option<Email>,
    /// What a system of the manager's calls it.
    pub external_id: Option<ExternalId>,
    /// Its password.
    pub password: Option<Password>,
    /// The manager's own data.
    pub extra: Option<Extra>,
    /// Who lets it create users itself, if anybody does: an invoice key gives no right that
    /// outlives it.
    pub may_create_users: Option<AdminKey>,
}

/// Creates a user with a first wallet, once for each claim, and answers it as it is shown.
pub async fn create(
    services: &Services,
    caller: impl CreatesUsers,
    claim: Option<Claim>,
    terms: NewUserTerms,
    show: impl FnOnce(UserWithWallets) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    if let Some(answer) = answer_again(services, caller, claim).await? {
        return Ok(answer);
    }
    let NewUserTerms { name, wallet_name, username, email, external_id, password, extra, may_create_users } = terms;
    let password_hash = services.passwords.hash(caller.consumer(), password).await?;
    let created_at = clock::now();
    let (id, wallet) = (UserId::random(), WalletId::random());
    let keys = StoredKeys::new(&services.sealer, wallet, &KeyPair::generate());
    let wallet = NewWallet { id: wallet, name: wallet_name, keys, created_at };
    let new = NewUser {
        id,
        manager: Some(caller.tenant()),
        name,
        username,
        email,
        external_id,
        password_hash,
        extra,
        may_create_users: may_create_users.is_some(),
        wallet,
        created_at,
    };
    let sealer = services.sealer.clone();
    let create = move |connection: &mut Db| {
        users::create(connection, &new)?;
        show(with_wallets(connection, &sealer, caller.tenant(), id)?)
    };
    once(services, caller, claim, create, Error::of(Missing::User)).await
}
