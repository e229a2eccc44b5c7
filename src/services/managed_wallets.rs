//! The wallets of a tenant, as its manager creates, sees and controls them. A wallet whose user the
//! manager has not created is not there (promise I8).

use super::callers::{AdminKey, Caller, CreatesUsers, Manager, SeesTenant};
use super::idempotency::{Created, once};
use super::{Error, Missing, Services, WalletFilter, WalletWithKeys, keys};
use crate::clock;
use crate::domain::api_keys::KeyPair;
use crate::domain::controls::{Freeze, Limits};
use crate::domain::idempotency::Claim;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::text::Name;
use crate::domain::window::Window;
use crate::store::users::{self, Cursor};
use crate::store::wallets::controls::{self, Freezer};
use crate::store::wallets::{self, NewWallet, StoredKeys, Wallet};
use crate::store::{Db, StoreError};

/// Wallets whose keys are renewed in one transaction.
const ROTATE_ROWS: i64 = 100;

/// Creates a wallet for a user of the tenant, once for each claim, and answers it as it is shown. Where
/// nothing is said it has the user's name.
pub async fn create(
    services: &Services,
    caller: impl CreatesUsers,
    claim: Option<Claim>,
    user: UserId,
    name: Option<Name>,
    show: impl FnOnce(WalletWithKeys) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let (id, keys) = (WalletId::random(), KeyPair::generate());
    let stored = StoredKeys::new(&services.sealer, id, &keys);
    let create = move |connection: &mut Db| {
        users::lock(connection, caller.tenant(), user)?;
        let name = match name {
            Some(name) => name,
            None => Name::from_stored(users::find(connection, caller.tenant(), user)?.name),
        };
        wallets::create(connection, user, &NewWallet { id, name, keys: stored, created_at: clock::now() })?;
        let wallet = wallets::find_in_tenant(connection, caller.tenant(), id)?;
        show(WalletWithKeys { wallet, keys })
    };
    once(services, caller, claim, create, Error::of(Missing::User)).await
}

/// A page of the tenant's wallets that a filter lets through, oldest first, as they are shown, and after which of them the next
/// page begins, where there is one.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: impl SeesTenant,
    filter: WalletFilter,
    window: Window,
    after: Option<Cursor<WalletId>>,
    show: impl FnOnce(Vec<WalletWithKeys>) -> Result<T, StoreError> + Send + 'static,
) -> Result<(T, Option<Cursor<WalletId>>), Error> {
    let Some(tenant) = caller.managed_tenant() else { return Ok((show(Vec::new())?, None)) };
    let window = if after.is_some() { window.after_first_page() } else { window };
    let sealer = services.sealer.clone();
    let page = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        let page = wallets::list(connection, tenant, &filter, after.as_ref(), window.offset, window.rows())?;
        let is_last = window.ends_with(page.len());
        let last = page.last().map(cursor_of);
        let shown = show(WalletWithKeys::list(connection, &sealer, page)?)?;
        Ok((shown, last.filter(|_| !is_last)))
    });
    Ok(page.await?)
}

/// All wallets of a user of the tenant, oldest first.
pub async fn list_of_user(
    services: &Services,
    caller: impl SeesTenant,
    user: UserId,
) -> Result<Vec<WalletWithKeys>, Error> {
    let tenant = caller.managed_tenant().ok_or(Error::Missing(Missing::User))?;
    let sealer = services.sealer.clone();
    let found = services.store.read_list(caller.consumer(), move |connection| {
        // It may have waited since the key or token was proved, and what is shown are keys.
        caller.recheck_tenant(connection)?;
        users::find(connection, tenant, user)?;
        let found = wallets::of_users(connection, &[user])?;
        WalletWithKeys::list(connection, &sealer, found)
    });
    found.await.map_err(Error::of(Missing::User))
}

/// A wallet of the tenant.
pub async fn find(services: &Services, caller: Manager<AdminKey>, id: WalletId) -> Result<WalletWithKeys, Error> {
    let sealer = services.sealer.clone();
    let found = services.store.read(move |connection| {
        caller.recheck(connection)?;
        let wallet = wallets::find_in_tenant(connection, caller.user(), id)?;
        WalletWithKeys::one(connection, &sealer, wallet)
    });
    found.await.map_err(Error::of(Missing::Wallet))
}

/// Gives a wallet new keys; the old ones stop at once.
pub async fn rotate_keys(
    services: &Services,
    caller: Manager<AdminKey>,
    id: WalletId,
) -> Result<WalletWithKeys, Error> {
    let keys = KeyPair::generate();
    let stored = StoredKeys::new(&services.sealer, id, &keys);
    let wallet = services.write_as(caller, move |connection| {
        let wallet = wallets::find_in_tenant(connection, caller.user(), id)?;
        wallets::replace_keys(connection, id, &stored)?;
        Ok(wallet)
    });
    Ok(WalletWithKeys { wallet: wallet.await.map_err(Error::of(Missing::Wallet))?, keys })
}

/// How far the keys of a whole tenant are renewed.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Who renews them, by the newest key of the calling wallet.
    caller: Manager<AdminKey>,
    /// The last wallet that is done; `None` before the first.
    after: Option<Cursor<WalletId>>,
}

impl Rotation {
    /// Nothing is renewed yet.
    pub const fn new(caller: Manager<AdminKey>) -> Self {
        Self { caller, after: None }
    }
}

/// Gives some of the tenant's wallets new keys, and first of all the calling one: the old ones stop
/// at once. Answers the wallets as they are shown, and how it goes on, where any are left.
pub async fn rotate_some<T: Send + 'static>(
    services: &Services,
    Rotation { caller, after }: Rotation,
    show: impl FnOnce(Vec<WalletWithKeys>) -> Result<T, StoreError> + Clone + Send + 'static,
) -> Result<(T, Option<Rotation>), Error> {
    let sealer = services.sealer.clone();
    let rotated = services.write_as(caller, move |connection| {
        let mut page =
            wallets::list(connection, caller.user(), &WalletFilter::default(), after.as_ref(), 0, ROTATE_ROWS)?;
        let is_last = i64::try_from(page.len()).is_ok_and(|len| len < ROTATE_ROWS);
        let last = page.last().map(cursor_of);
        if after.is_none() {
            page.push(wallets::find(connection, caller.wallet())?);
        }
        let mut rotated = keys::rotate(connection, &sealer, page)?;
        rotated.sort_by_key(|renewed| renewed.wallet.id != caller.wallet());
        // From the second page on, the caller's own keys are those that it has got here.
        let own = rotated.iter().find(|renewed| renewed.wallet.id == caller.wallet());
        let caller = own.map_or(caller, |own| caller.with(|key| key.renewed(own.keys_version)));
        let records = rotated.into_iter().map(WalletWithKeys::from);
        let next = last.filter(|_| !is_last).map(|last| Rotation { caller, after: Some(last) });
        Ok((show(records.collect())?, next))
    });
    Ok(rotated.await?)
}

/// Freezes a wallet, from this moment on. A freeze of an operator's stays beside it.
pub async fn freeze(
    services: &Services,
    caller: Manager<AdminKey>,
    id: WalletId,
    freeze: Freeze,
) -> Result<WalletWithKeys, Error> {
    change(services, caller, id, move |connection, _| {
        controls::freeze(connection, id, Freezer::Manager, Some(freeze), clock::now())?;
        Ok(Ok(()))
    })
    .await
}

/// Thaws a wallet, unless an operator has frozen it.
pub async fn thaw(services: &Services, caller: Manager<AdminKey>, id: WalletId) -> Result<WalletWithKeys, Error> {
    change(services, caller, id, move |connection, before| {
        if before.frozen_by_operator.is_some() {
            return Ok(Err(Error::FrozenByOperator));
        }
        controls::freeze(connection, id, Freezer::Manager, None, clock::now())?;
        Ok(Ok(()))
    })
    .await
}

/// Limits what a wallet's own key may spend.
pub async fn limit(
    services: &Services,
    caller: Manager<AdminKey>,
    id: WalletId,
    limits: Limits,
) -> Result<WalletWithKeys, Error> {
    change(services, caller, id, move |connection, _| {
        controls::limit(connection, id, limits)?;
        Ok(Ok(()))
    })
    .await
}

/// Changes a wallet of the tenant, unless `change`, which sees it as it was, refuses to, and answers
/// what has become of it.
async fn change(
    services: &Services,
    caller: Manager<AdminKey>,
    id: WalletId,
    change: impl FnOnce(&mut Db, &Wallet) -> Result<Result<(), Error>, StoreError> + Clone + Send + 'static,
) -> Result<WalletWithKeys, Error> {
    let sealer = services.sealer.clone();
    let changed = services.write_as(caller, move |connection| {
        let before = wallets::find_in_tenant(connection, caller.user(), id)?;
        if let Err(refusal) = change(connection, &before)? {
            return Ok(Err(refusal));
        }
        let wallet = wallets::find_in_tenant(connection, caller.user(), id)?;
        Ok(Ok(WalletWithKeys::one(connection, &sealer, wallet)?))
    });
    changed.await.map_err(Error::of(Missing::Wallet))?
}

fn cursor_of(wallet: &Wallet) -> Cursor<WalletId> {
    Cursor { created_at: wallet.created_at, id: wallet.id }
}
