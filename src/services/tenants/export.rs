//! All of a tenant to take away, page by page: its users, its wallets, its payments. Keys are no part of
//! it.

use super::payments;
use crate::domain::ids::{PaymentRow, UserId, WalletId};
use crate::domain::window::PAGE_ROWS;
use crate::services::callers::{Caller, SeesTenant, TenantReader};
use crate::services::payments::{Payment, Slice};
use crate::services::users::overview::{UserOverview, with_holdings};
use crate::services::{Cursor, Error, Services, UserFilter, Wallet};
use crate::store::wallets::{self, WalletFilter};
use crate::store::{StoreError, users};

/// What to take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The users.
    Users,
    /// The wallets.
    Wallets,
    /// The payments.
    Payments,
}

/// A page, as it is shown, and behind which row the next one begins, where there is one.
pub type Part<T, C> = (T, Option<C>);

/// The rest of a page's rows is asked for where the page is full.
fn is_full<T>(page: &[T]) -> bool {
    i64::try_from(page.len()).is_ok_and(|rows| rows >= PAGE_ROWS)
}

/// How many rows there are.
pub async fn count(services: &Services, caller: TenantReader, table: Table) -> Result<i64, Error> {
    let Some(tenant) = caller.managed_tenant() else { return Ok(0) };
    if table == Table::Payments {
        return payments::count(services, caller, tenant).await;
    }
    let counted = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        match table {
            Table::Users => users::count(connection, Some(tenant), &UserFilter::default()),
            Table::Wallets | Table::Payments => Ok(wallets::holdings_of_tenant(connection, tenant)?.wallets),
        }
    });
    Ok(counted.await?)
}

/// Users with what they have, oldest first.
pub async fn users<T: Send + 'static>(
    services: &Services,
    caller: TenantReader,
    after: Option<Cursor<UserId>>,
    show: impl FnOnce(Vec<UserOverview>) -> Result<T, StoreError> + Send + 'static,
) -> Result<Part<T, Cursor<UserId>>, Error> {
    let Some(tenant) = caller.managed_tenant() else { return Ok((show(Vec::new())?, None)) };
    let page = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        let page = users::list(connection, tenant, &UserFilter::default(), after.as_ref(), 0, PAGE_ROWS)?;
        let next =
            page.last().filter(|_| is_full(&page)).map(|user| Cursor { created_at: user.created_at, id: user.id });
        Ok((show(with_holdings(connection, page)?)?, next))
    });
    Ok(page.await?)
}

/// Wallets, oldest first.
pub async fn wallets<T: Send + 'static>(
    services: &Services,
    caller: TenantReader,
    after: Option<Cursor<WalletId>>,
    show: impl FnOnce(Vec<Wallet>) -> Result<T, StoreError> + Send + 'static,
) -> Result<Part<T, Cursor<WalletId>>, Error> {
    let Some(tenant) = caller.managed_tenant() else { return Ok((show(Vec::new())?, None)) };
    let page = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        let filter = WalletFilter { with_managers: true, search: None };
        let page = wallets::list(connection, tenant, &filter, after.as_ref(), 0, PAGE_ROWS)?;
        let next =
            page.last().filter(|_| is_full(&page)).map(|last| Cursor { created_at: last.created_at, id: last.id });
        Ok((show(page)?, next))
    });
    Ok(page.await?)
}

/// Payments, newest first.
pub async fn payments<T: Send + 'static>(
    services: &Services,
    caller: TenantReader,
    older_than: Option<PaymentRow>,
    show: impl FnOnce(Vec<Payment>) -> Result<T, StoreError> + Send + 'static,
) -> Result<Part<T, PaymentRow>, Error> {
    let slice = Slice { older_than, offset: 0, limit: PAGE_ROWS };
    let show = move |page: Vec<Payment>| {
        let next = page.last().filter(|_| is_full(&page)).map(|payment| payment.row);
        Ok((show(page)?, next))
    };
    payments::transactions(services, caller, None, slice, show).await
}
