//! Listing users, page by page.

use crate::domain::ids::UserId;
use crate::domain::window::{PAGE_ROWS, Window};
use crate::services::callers::{SeesTenant, WalletKey};
use crate::services::{Error, Services, UserWithWallets};
use crate::store::users::{self, Cursor, User, UserFilter};
use crate::store::{Db, StoreError};

/// Which part of a list of users is read next.
#[derive(Clone, Debug)]
pub struct Step {
    /// Behind which user; at the start where there is none.
    after: Option<Cursor<UserId>>,
    /// What is left of the list.
    window: Window,
    /// Users to read at most.
    rows: i64,
}

impl Step {
    /// The first part of a list.
    pub fn first(filter: &UserFilter, window: Window) -> Self {
        let rows = if filter.goes_beyond_queries() { PAGE_ROWS } else { window.rows() };
        Self { after: None, window, rows }
    }

    /// What to read after only the first of some users could be shown at once: what comes behind
    /// them, and not many more than these.
    fn behind(&self, shown: usize, cursors: Vec<Cursor<UserId>>) -> Option<Self> {
        let after = cursors.into_iter().nth(shown.saturating_sub(1))?;
        let rows = i64::try_from(shown).unwrap_or(PAGE_ROWS).saturating_mul(2).min(PAGE_ROWS);
        Some(Self { after: Some(after), window: self.window.behind(shown), rows })
    }
}

/// Users of the tenant that a filter lets through, oldest first, as they are shown, and what to read
/// next, where there may be more.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: WalletKey,
    filter: UserFilter,
    step: Step,
    show: impl FnOnce(Vec<UserWithWallets>) -> Result<T, StoreError> + Send + 'static,
) -> Result<(T, Option<Step>), Error> {
    let Some(tenant) = caller.managed_tenant() else { return Ok((show(Vec::new())?, None)) };
    let sealer = services.sealer.clone();
    let page = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        let (page, next) = page_of(connection, tenant, &filter, &step)?;
        let cursors: Vec<_> = page.iter().map(cursor_of).collect();
        let users = UserWithWallets::list_some(connection, &sealer, page)?;
        let next = if users.len() < cursors.len() { step.behind(users.len(), cursors) } else { next };
        Ok((show(users)?, next))
    });
    Ok(page.await?)
}

fn cursor_of(user: &User) -> Cursor<UserId> {
    Cursor { created_at: user.created_at, id: user.id }
}

/// A page of the users that a filter lets through, and where and with what the next one goes on.
fn page_of(
    connection: &mut Db,
    tenant: UserId,
    filter: &UserFilter,
    step: &Step,
) -> Result<(Vec<User>, Option<Step>), StoreError> {
    let Step { after, window, rows } = step;
    // What no query looks for is counted here, page by page.
    let is_counted_here = filter.goes_beyond_queries();
    let (offset, limit) = if is_counted_here { (0, None) } else { (window.offset, window.limit) };
    let rows = limit.map_or(*rows, |limit| limit.min(*rows));
    let mut page = users::list(connection, tenant, filter, after.as_ref(), offset, rows)?;
    let is_full = i64::try_from(page.len()).is_ok_and(|found| found >= rows);
    let last = page.last().map(cursor_of).filter(|_| is_full);
    let left = if is_counted_here {
        page.retain(|user| filter.matches_extra(user));
        window.take_from(&mut page)
    } else {
        window.behind(page.len())
    };
    let next = |last| Step { after: Some(last), window: left, rows: step.rows.saturating_mul(2).min(PAGE_ROWS) };
    Ok((page, last.filter(|_| left.limit != Some(0)).map(next)))
}
