//! Managers: created, changed and shown.

use std::collections::HashMap;

use crate::clock;
use crate::crypto::password::Password;
use crate::crypto::secret::Sealer;
use crate::domain::api_keys::KeyPair;
use crate::domain::consumer::Consumer;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::text::{Email, Name, Username};
use crate::services::administrators::LocalAdministrator;
use crate::services::callers::{Caller, Operator};
use crate::services::idempotency::{Created, answer_again, once};
use crate::services::users::overview::{self, UserOverview, UserPage, UserQuery};
use crate::services::{Error, Missing, Services, Taken, UserWithWallets, WalletWithKeys};
use crate::store::db::settings;
use crate::store::users::{self, NewUser, Sort, User, UserChange, UserFilter};
use crate::store::wallets::{self, NewWallet, StoredKeys, Wallet};
use crate::store::{Db, Store, StoreError};

/// What an operator wants a new manager to be.
#[derive(Debug)]
pub struct AccountTerms {
    /// Its name.
    pub name: Name,
    /// What it logs in as.
    pub username: Option<Username>,
    /// What it logs in with.
    pub password: Option<Password>,
    /// Its email address.
    pub email: Option<Email>,
    /// Data of the operators' own about it.
    pub extra: Option<Extra>,
}

/// What to change of a manager: what is not named stays as it is.
#[derive(Debug)]
pub struct AccountChange {
    /// Its name.
    pub name: Option<Name>,
    /// What it logs in as.
    pub username: Option<Username>,
    /// What it logs in with; a new one ends all sessions.
    pub password: Option<Password>,
    /// Its email address.
    pub email: Option<Email>,
    /// Merged into what is there.
    pub extra: Option<Extra>,
}

/// A manager that has just been created, with its wallet.
#[derive(Debug)]
pub struct ManagerWithKeys {
    /// The manager.
    pub user: User,
    /// Its wallet.
    pub wallet: WalletWithKeys,
}

impl From<ManagerWithKeys> for UserWithWallets {
    fn from(ManagerWithKeys { user, wallet }: ManagerWithKeys) -> Self {
        Self { user, wallets: vec![wallet] }
    }
}

/// A manager that is about to be created: a user of nobody's tenant, with a wallet of its own.
#[derive(Clone, Debug)]
pub struct NewManager {
    user: NewUser,
    keys: KeyPair,
}

impl NewManager {
    /// A manager of this name, whose wallet has the same.
    pub fn named(sealer: &Sealer, name: Name) -> Self {
        let (wallet, keys, created_at) = (WalletId::random(), KeyPair::generate(), clock::now());
        let stored = StoredKeys::new(sealer, wallet, &keys);
        let user = NewUser {
            id: UserId::random(),
            manager: None,
            name: name.clone(),
            username: None,
            email: None,
            external_id: None,
            password_hash: None,
            extra: None,
            may_create_users: true,
            wallet: NewWallet { id: wallet, name, keys: stored, created_at },
            created_at,
        };
        Self { user, keys }
    }

    /// Creates it, and reads it back.
    pub fn create(self, connection: &mut Db) -> Result<ManagerWithKeys, StoreError> {
        let Self { user, keys } = self;
        users::create(connection, &user)?;
        let wallet = WalletWithKeys { wallet: wallets::find(connection, user.wallet.id)?, keys };
        Ok(ManagerWithKeys { user: users::find(connection, None, user.id)?, wallet })
    }
}

/// Creates a manager, once for each claim. Keeps what `show` makes of it.
pub async fn create(
    services: &Services,
    operator: Operator,
    claim: Option<Claim>,
    terms: AccountTerms,
    show: impl FnOnce(ManagerWithKeys) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    if let Some(answer) = answer_again(services, operator, claim).await? {
        return Ok(answer);
    }
    let AccountTerms { name, username, password, email, extra } = terms;
    let password_hash = services.passwords.hash(Consumer::NOBODY, password).await?;
    let NewManager { user, keys } = NewManager::named(&services.sealer, name);
    let new = NewManager { user: NewUser { username, email, password_hash, extra, ..user }, keys };
    let create = move |connection: &mut Db| show(new.create(connection)?);
    // Ids and keys are random, so that the value that was taken is the user name.
    let refuse = Error::of_change(Taken::Username, Missing::User);
    let created = once(services, operator, claim, create, refuse).await?;
    tracing::info!(operator = %operator.user(), "an operator created a manager");
    Ok(created)
}

/// Creates a manager that cannot log in.
pub async fn create_named(services: &Services, _: LocalAdministrator, name: Name) -> Result<ManagerWithKeys, Error> {
    let new = NewManager::named(&services.sealer, name);
    Ok(services.store.write(Consumer::NOBODY, |connection| new.create(connection)).await?)
}

/// Creates the first manager, where the database has no users at all.
pub async fn create_first(
    services: &Services,
    _: LocalAdministrator,
    name: Name,
) -> Result<Option<ManagerWithKeys>, Error> {
    let new = NewManager::named(&services.sealer, name);
    let created = services.store.write(Consumer::NOBODY, |connection| {
        settings::lock(connection)?;
        let is_empty = users::count_all(connection)? == 0;
        is_empty.then(|| new.create(connection)).transpose()
    });
    Ok(created.await?)
}

/// A page of the managers that a filter lets through, as `show` makes it.
pub async fn list<T: Send + 'static>(
    services: &Services,
    operator: Operator,
    query: UserQuery,
    show: impl FnOnce(UserPage) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let page = services.store.read_list(Consumer::NOBODY, move |connection| {
        // It may have waited since the session was proved.
        operator.recheck(connection)?;
        show(overview::page_of(connection, None, &query)?)
    });
    Ok(page.await?)
}

/// All managers with their own wallets, for whoever has the database at hand.
pub async fn list_with_wallets(store: &Store) -> Result<Vec<(User, Vec<Wallet>)>, Error> {
    let listed = store.read(|connection| {
        let managers = users::page(connection, None, &UserFilter::default(), Sort::OLDEST, 0, i64::MAX)?;
        let ids: Vec<_> = managers.iter().map(|manager| manager.id).collect();
        let mut own: HashMap<UserId, Vec<Wallet>> = HashMap::with_capacity(managers.len());
        for wallet in wallets::of_users(connection, &ids)? {
            own.entry(wallet.user).or_default().push(wallet);
        }
        let with_wallets = managers.into_iter().map(|manager| {
            let wallets = own.remove(&manager.id).unwrap_or_default();
            (manager, wallets)
        });
        Ok(with_wallets.collect())
    });
    Ok(listed.await?)
}

/// One manager.
pub async fn find(services: &Services, _: Operator, id: UserId) -> Result<UserOverview, Error> {
    services.store.read(move |connection| find_account(connection, id)).await.map_err(Error::of(Missing::User))
}

/// Changes a manager.
pub async fn update(
    services: &Services,
    operator: Operator,
    id: UserId,
    change: AccountChange,
) -> Result<UserOverview, Error> {
    let AccountChange { name, username, password, email, extra } = change;
    let password_hash = services.passwords.hash(Consumer::NOBODY, password).await?;
    let change = UserChange { name, username, email, password_hash, extra, ..UserChange::default() };
    let changed = services.write_as(operator, move |connection| {
        match users::update(connection, None, id, &change, clock::now())? {
            Ok(()) => find_account(connection, id).map(Ok),
            Err(invalid) => Ok(Err(invalid)),
        }
    });
    let changed = changed.await.map_err(Error::of_change(Taken::Username, Missing::User))?;
    let account = changed.map_err(|invalid| Error::Invalid { field: "extra", message: invalid.to_string() })?;
    tracing::info!(operator = %operator.user(), manager = %id, "an operator changed a manager");
    Ok(account)
}

fn find_account(connection: &mut Db, id: UserId) -> Result<UserOverview, StoreError> {
    let user = users::find(connection, None, id)?;
    overview::with_holdings(connection, vec![user])?.pop().ok_or(StoreError::NotFound)
}
