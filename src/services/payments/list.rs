//! Pages of a wallet's payments.

use super::{Payment, PaymentFilter, Sort};
use crate::services::callers::WalletKey;
use crate::services::{Error, Services};
use crate::store::payments::scope::Scope;
use crate::store::{Db, StoreError, payments};

/// Which payments to list.
#[derive(Clone, Debug)]
pub struct PaymentQuery {
    /// Which payments.
    pub filter: PaymentFilter,
    /// In which order.
    pub sort: Sort,
    /// How many to leave out.
    pub offset: i64,
    /// How many to show.
    pub limit: i64,
}

impl PaymentQuery {
    fn page(&self, connection: &mut Db, key: WalletKey) -> Result<Vec<Payment>, StoreError> {
        payments::list(connection, Scope::Wallet(key.wallet()), &self.filter, self.sort, self.offset, self.limit)
    }
}

/// A page of the payments of a key's wallet, as `show` makes it.
pub async fn list<T: Send + 'static>(
    services: &Services,
    key: WalletKey,
    query: PaymentQuery,
    show: impl FnOnce(Vec<Payment>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let list = move |connection: &mut Db| show(query.page(connection, key)?);
    Ok(services.store.read_list(key.consumer(), list).await?)
}

/// As [`list`], where `show` is also told how many payments there are in all.
pub async fn list_and_count<T: Send + 'static>(
    services: &Services,
    key: WalletKey,
    query: PaymentQuery,
    show: impl FnOnce(Vec<Payment>, i64) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let list = move |connection: &mut Db| {
        let page = query.page(connection, key)?;
        let total = payments::count(connection, Scope::Wallet(key.wallet()), &query.filter)?;
        show(page, total)
    };
    Ok(services.store.read_list(key.consumer(), list).await?)
}
