//! Deactivating users: all of their wallets are frozen for everything, new ones included, beside and
//! above what they are frozen by themselves.

use diesel::prelude::*;

use crate::domain::controls::Freeze;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::users;
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
    // Payments wait while accounts are locked: that comes last, and takes few statements, however many
    // wallets there are.
    let own = wallets::ids_of_users(connection, &[id], usize::MAX)?;
    let own: Vec<WalletId> = own.into_iter().map(|(_, wallet)| wallet).collect();
    if !active {
        let told = own.iter().map(|wallet| {
            let payload = serde_json::json!({ "id": wallet, "scope": Freeze::Everything.as_str(), "by": "manager" });
            (wallet.account(), payload)
        });
        events::tell_of_wallets(connection, EventKind::WalletFrozen, tenant, id, told, now)?;
    }
    wallets::controls::set_deactivated(connection, &own, !active)
}
