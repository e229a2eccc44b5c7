//! All payments of a tenant.

use crate::clock;
use crate::domain::ids::UserId;
use crate::domain::search::SearchText;
use crate::services::callers::{Caller, SeesTenant, TenantReader};
use crate::services::payments::{Condition, Payment, PaymentFilter, PaymentQuery, Slice, Sort, Test};
use crate::services::{Error, Services};
use crate::store::payments::counts;
use crate::store::payments::scope::{self, Scope};
use crate::store::{Db, StoreError};

/// A page of the payments of a manager's tenant, and how many there are in all, as `show` makes it; for
/// a key that manages nobody, those of its wallet.
pub async fn list_and_count<T: Send + 'static>(
    services: &Services,
    caller: TenantReader,
    query: PaymentQuery,
    show: impl FnOnce(Vec<Payment>, i64) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let whole = match caller.scope() {
        Scope::Tenant(tenant) if query.filter.0.is_empty() => Some(count(services, caller, tenant).await?),
        Scope::Tenant(_) | Scope::Wallet(_) => None,
    };
    let page = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        let PaymentQuery { filter, sort, offset, limit } = query;
        let filter = resolved(connection, caller.scope(), filter)?;
        let scopes = caller.scope().narrowed(connection, &filter, sort, offset.saturating_add(limit))?;
        let page = scope::list(connection, &scopes, &filter, sort, offset, limit)?;
        let total = whole.map_or_else(|| scope::count(connection, &scopes, &filter), Ok)?;
        show(page, total)
    });
    Ok(page.await?)
}

/// Part of the payments of a manager's tenant, newest first, as `show` makes it: those that a search
/// finds, or all of them. The caller is looked at again for each part, because it may be long until the
/// last one is asked for.
pub async fn transactions<T: Send + 'static>(
    services: &Services,
    caller: TenantReader,
    search: Option<SearchText>,
    Slice { older_than, offset, limit }: Slice,
    show: impl FnOnce(Vec<Payment>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let Some(tenant) = caller.managed_tenant() else { return Ok(show(Vec::new())?) };
    let page = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        let tests = older_than.map(Test::Before).into_iter().chain(search.map(Test::Search));
        let filter = PaymentFilter(tests.map(|test| Condition { test, negated: false }).collect());
        let scope = Scope::Tenant(tenant);
        let filter = resolved(connection, scope, filter)?;
        let scopes = scope.narrowed(connection, &filter, Sort::NEWEST, offset.saturating_add(limit))?;
        show(scope::list(connection, &scopes, &filter, Sort::NEWEST, offset, limit)?)
    });
    Ok(page.await?)
}

/// How many payments a tenant has. What was counted once is kept, so that the number is there as fast
/// as a page.
pub(super) async fn count(services: &Services, caller: TenantReader, tenant: UserId) -> Result<i64, Error> {
    loop {
        let counted = services.store.read_list(caller.consumer(), move |connection| {
            caller.recheck_tenant(connection)?;
            counts::count(connection, tenant, clock::now(), counts::STEP_ROWS)
        });
        let counted = counted.await?;
        let total = counted.total();
        if counted.is_worth_keeping() {
            let kept = services
                .store
                .write(caller.consumer(), move |connection| counts::keep(connection, tenant, &counted))
                .await;
            match (total, kept) {
                (_, Ok(())) => {}
                (Some(_), Err(error)) => tracing::warn!(%error, "a count of payments could not be kept"),
                (None, Err(error)) => return Err(error.into()),
            }
        }
        if let Some(total) = total {
            return Ok(total);
        }
    }
}

/// What to look for.
fn resolved(connection: &mut Db, scope: Scope, filter: PaymentFilter) -> Result<PaymentFilter, StoreError> {
    match scope {
        Scope::Tenant(tenant) => scope::resolve(connection, tenant, &filter),
        Scope::Wallet(_) => Ok(filter),
    }
}
