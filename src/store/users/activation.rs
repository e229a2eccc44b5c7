//! Deactivating users: all of their wallets are frozen for everything, new ones included, beside and
//! above what they are frozen by themselves.

use diesel::prelude::*;

use crate::domain::controls::Freeze;
use crate::domain::ids::UserId;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, users};
use crate::store::webhooks::events;
use crate::store::{users as tenants, wallets};

/// Activates or deactivates a user of the tenant: the one of the two that it is not, where nothing
/// is said. From then on every batch of the ledger sees it.
pub fn set(
    connection: &mut Db,
    tenant: UserId,
    id: UserId,
    active: Option<bool>,
    now: UnixMs,
) -> Result<(), StoreError> {
    tenants::lock(connection, tenant, id)?;
    let was_active = tenants::find(connection, tenant, id)?.is_active;
    let active = active.unwrap_or(!was_active);
    if active == was_active {
        return Ok(());
    }
    diesel::update(users::table.filter(users::id.eq(id.as_bytes().as_slice())))
        .set((users::deactivated_at_ms.eq((!active).then_some(now.get())), users::updated_at_ms.eq(now.get())))
        .execute(connection)?;
    let mut own = wallets::of_users(connection, &[id])?;
    // The order in which everybody locks accounts.
    own.sort_unstable_by_key(|wallet| wallet.id);
    let is_told = !active && events::subscribed(connection, tenant)?.contains(EventKind::WalletFrozen);
    for wallet in own {
        diesel::update(accounts::table.filter(accounts::id.eq(wallet.id.as_bytes().as_slice())))
            .set(accounts::deactivated.eq(!active))
            .execute(connection)?;
        if is_told {
            let payload = serde_json::json!({ "id": wallet.id, "scope": Freeze::Everything.as_str(), "by": "manager" });
            events::tell(connection, EventKind::WalletFrozen, tenant, Some(wallet.id.account()), &payload, now)?;
        }
    }
    Ok(())
}
