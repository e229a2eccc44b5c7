//! The payments of a tenant's wallet, as its manager sees them.

use super::{Condition, Payment, PaymentFilter, Sort, Test};
use crate::domain::ids::{PaymentRow, WalletId};
use crate::services::callers::{Caller, WalletKey};
use crate::services::{Error, Missing, Services};
use crate::store::payments::scope::Scope;
use crate::store::{StoreError, payments, wallets};

/// A wallet of the tenant that a key's user manages.
#[derive(Clone, Copy, Debug)]
pub struct ManagedWallet {
    key: WalletKey,
    wallet: WalletId,
}

/// A part of a list that is read newest first.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Only what is older than the payment with this [`Payment::row`].
    pub older_than: Option<PaymentRow>,
    /// How many to leave out.
    pub offset: i64,
    /// How many at most.
    pub limit: i64,
}

/// Finds a wallet of the tenant that a key's user manages.
pub async fn managed_wallet(services: &Services, key: WalletKey, wallet: WalletId) -> Result<ManagedWallet, Error> {
    let tenant = key.managed_tenant().ok_or(Error::Missing(Missing::Wallet))?;
    let found = services.store.read(move |connection| wallets::find_in_tenant(connection, tenant, wallet)).await;
    found.map_err(Error::of(Missing::Wallet))?;
    Ok(ManagedWallet { key, wallet })
}

/// Part of the payments of a tenant's wallet, newest first, as `show` makes it. The key is looked
/// at again for each part, because it may be long until the last one is asked for.
pub async fn transactions<T: Send + 'static>(
    services: &Services,
    managed: ManagedWallet,
    slice: Slice,
    show: impl FnOnce(Vec<Payment>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let ManagedWallet { key, wallet } = managed;
    let page = services.store.read_list(key.consumer(), move |connection| {
        key.recheck(connection)?;
        let Slice { older_than, offset, limit } = slice;
        let older = older_than.map(|row| Condition { test: Test::Before(row), negated: false });
        let filter = PaymentFilter(older.into_iter().collect());
        show(payments::list(connection, Scope::Wallet(wallet), &filter, Sort::NEWEST, offset, limit)?)
    });
    page.await.map_err(Error::of(Missing::Wallet))
}
