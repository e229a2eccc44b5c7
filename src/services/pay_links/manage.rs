//! Creating, listing, changing and deleting pay links.

use std::sync::Arc;

use super::{PayLink, Terms, sendable};
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{PayLinkId, WalletId};
use crate::domain::lnurl::address::Authority;
use crate::domain::lnurl::link::LinkId;
use crate::domain::window::Window;
use crate::rates::currency::Currency;
use crate::services::callers::{AdminKey, Caller, WalletKey};
use crate::services::idempotency::{Created, once};
use crate::services::{Error, Missing, Services, Taken};
use crate::store::pay_links::{self, Owner};
use crate::store::{Db, StoreError, wallets};

/// Which links are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the key's wallet.
    Wallet,
    /// Those of all wallets of its user.
    User,
}

/// Makes sure that a link can be paid as it is to be: somebody must know what it is worth, and what
/// the outside calls this server.
async fn check(services: &Services, terms: &Terms, requested: Option<&Authority>) -> Result<(), Error> {
    let places = &services.policy.places;
    if let Some(host) = &terms.domain
        && places.named(host).is_none()
    {
        let message = "must be the host of --public-url, or one of --allowed-hosts".to_owned();
        return Err(Error::Invalid { field: "domain", message });
    }
    places.base(terms.domain.as_ref(), requested).ok_or(Error::NoPublicUrl)?;
    if let Some(code) = &terms.currency {
        Currency::new(code).map_err(|error| Error::Invalid { field: "currency", message: error.to_string() })?;
    }
    sendable(services, terms).await.map(|_| ())
}

/// The wallet that a link is to pay to: that of the key, or another one of the same user.
fn wallet_of(connection: &mut Db, caller: WalletKey, wallet: Option<WalletId>) -> Result<WalletId, StoreError> {
    let Some(wallet) = wallet.filter(|wallet| *wallet != caller.wallet()) else { return Ok(caller.wallet()) };
    let found = wallets::find(connection, wallet)?;
    if found.user == caller.user() { Ok(wallet) } else { Err(StoreError::NotFound) }
}

/// What a change of links can meet in the database. Ids are random, so that the value that was
/// taken is the name.
fn refuse(missing: Missing) -> impl Fn(StoreError) -> Error {
    Error::of_change(Taken::LinkName, missing)
}

/// Creates a link, once for each claim, and answers it as it is shown. It pays to the wallet of the
/// key, or to another one of the same user.
pub async fn create(
    services: &Services,
    caller: AdminKey,
    claim: Option<Claim>,
    (wallet, terms): (Option<WalletId>, Terms),
    requested: Option<&Authority>,
    show: impl FnOnce(PayLink) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    check(services, &terms, requested).await?;
    let sealer = services.sealer.clone();
    let create = move |connection: &mut Db| {
        let now = clock::now();
        let link = PayLink {
            id: PayLinkId::random(),
            public_id: LinkId::random(),
            wallet: wallet_of(connection, *caller, wallet)?,
            terms,
            served_meta: 0,
            served_pr: 0,
            created_at: now,
            updated_at: now,
        };
        pay_links::create(connection, &sealer, &link)?;
        show(link)
    };
    once(services, caller, claim, create, refuse(Missing::Wallet)).await
}

/// Replaces a link of the key's wallet by what it is to be.
pub async fn replace(
    services: &Services,
    caller: AdminKey,
    id: LinkId,
    (wallet, terms): (Option<WalletId>, Terms),
    requested: Option<&Authority>,
) -> Result<PayLink, Error> {
    check(services, &terms, requested).await?;
    let sealer = services.sealer.clone();
    let replaced = services.write_as(caller, move |connection| {
        let before = own(connection, &sealer, *caller, &id)?;
        let wallet = match wallet_of(connection, *caller, wallet) {
            Err(StoreError::NotFound) => return Ok(Err(Error::Missing(Missing::Wallet))),
            found => found?,
        };
        let link = PayLink { wallet, terms, updated_at: clock::now(), ..before };
        pay_links::replace(connection, &sealer, &link, caller.wallet())?;
        Ok(Ok(link))
    });
    let link = replaced.await.map_err(refuse(Missing::PayLink))??;
    Ok(services.served.added_to(link))
}

/// A link of the key's own wallet: whoever may spend from one wallet may not have another one's
/// payments come here.
fn own(connection: &mut Db, sealer: &Sealer, caller: WalletKey, id: &LinkId) -> Result<PayLink, StoreError> {
    let link = pay_links::find(connection, sealer, caller.user(), id)?;
    if link.wallet == caller.wallet() { Ok(link) } else { Err(StoreError::NotFound) }
}

/// Deletes a link of the key's wallet.
pub async fn delete(services: &Services, caller: AdminKey, id: LinkId) -> Result<(), Error> {
    let deleted = services.write_as(caller, move |connection| pay_links::delete(connection, caller.wallet(), &id));
    deleted.await.map_err(Error::of(Missing::PayLink))
}

/// A link of any wallet of the key's user.
pub async fn find(services: &Services, caller: WalletKey, id: LinkId) -> Result<PayLink, Error> {
    let sealer = services.sealer.clone();
    let found = services.store.read(move |connection| {
        caller.recheck(connection)?;
        pay_links::find(connection, &sealer, caller.user(), &id)
    });
    found.await.map(|link| services.served.added_to(link)).map_err(Error::of(Missing::PayLink))
}

/// A page of the links of the key's wallet, or of all wallets of its user, oldest first, as `show` makes
/// it; and how many rows to leave out for the next page, where there is one.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: WalletKey,
    scope: Scope,
    window: Window,
    show: impl FnOnce(Vec<PayLink>) -> Result<T, StoreError> + Send + 'static,
) -> Result<(T, Option<i64>), Error> {
    let (sealer, served) = (services.sealer.clone(), Arc::clone(&services.served));
    let owner = match scope {
        Scope::Wallet => Owner::Wallet(caller.wallet()),
        Scope::User => Owner::User(caller.user()),
    };
    let found = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck(connection)?;
        let page = pay_links::list(connection, &sealer, owner, window.offset, window.rows())?;
        let next = window.offset.saturating_add(i64::try_from(page.len()).unwrap_or(i64::MAX));
        let next = (!window.ends_with(page.len())).then_some(next);
        Ok((show(page.into_iter().map(|link| served.added_to(link)).collect())?, next))
    });
    Ok(found.await?)
}
