//! Freezing wallets and limiting their spending.
//!
//! Both change the account's row, so they wait for a batch that has it locked, and every later
//! batch sees the change.

use diesel::prelude::*;

use crate::domain::controls::{Freeze, Limits};
use crate::domain::ids::WalletId;
use crate::domain::money::Amount;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::lock::lock_row;
use crate::store::db::schema::accounts;
use crate::store::wallets::CHUNK_IDS;
use crate::store::webhooks::events;

/// Who freezes a wallet. Neither can lift the other's freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freezer {
    /// The manager of the wallet's user.
    Manager,
    /// An operator.
    Operator,
}

/// Freezes a wallet, or lifts the freeze if `freeze` is `None`. The caller must check the
/// permission.
pub fn freeze(
    connection: &mut Db,
    id: WalletId,
    by: Freezer,
    freeze: Option<Freeze>,
    now: UnixMs,
) -> Result<(), StoreError> {
    let account =
        accounts::table.filter(accounts::id.eq(id.as_bytes().as_slice())).filter(accounts::closed_at_ms.is_null());
    let name = freeze.map(Freeze::as_str);
    let changed = match by {
        Freezer::Manager => diesel::update(account).set(accounts::frozen_by_manager.eq(name)).execute(connection)?,
        Freezer::Operator => diesel::update(account).set(accounts::frozen_by_operator.eq(name)).execute(connection)?,
    };
    if changed != 1 {
        return Err(StoreError::NotFound);
    }
    let (Some(name), Some(manager)) = (name, events::tenant_of(connection, id)?) else { return Ok(()) };
    let by = match by {
        Freezer::Manager => "manager",
        Freezer::Operator => "operator",
    };
    let payload = serde_json::json!({ "id": id, "scope": name, "by": by });
    events::tell(connection, EventKind::WalletFrozen, manager, Some(id.account()), &payload, now)
}

/// Makes whoever freezes or limits a wallet wait until the transaction ends.
pub fn lock(connection: &mut Db, id: WalletId) -> Result<(), StoreError> {
    let open = accounts::table.filter(accounts::id.eq(id.as_bytes().as_slice()));
    let open = open.filter(accounts::closed_at_ms.is_null());
    lock_row!(connection, open, accounts::day_max_msat, StoreError::NotFound)
}

/// Deactivates wallets, or activates them again. Locks them first, in the order in which everybody
/// locks accounts: one statement changes rows in any order.
pub(crate) fn set_deactivated(connection: &mut Db, ids: &[WalletId], deactivated: bool) -> Result<(), StoreError> {
    let mut ids: Vec<_> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
    ids.sort_unstable();
    for ids in ids.chunks(CHUNK_IDS) {
        let these = || accounts::table.filter(accounts::id.eq_any(ids));
        if let Db::Postgres(c) = connection {
            these().select(accounts::id).order(accounts::id).for_no_key_update().load::<Vec<u8>>(c)?;
        }
        diesel::update(these()).set(accounts::deactivated.eq(deactivated)).execute(connection)?;
    }
    Ok(())
}

/// Sets the spending limits of a wallet's own key.
pub fn limit(connection: &mut Db, id: WalletId, limits: Limits) -> Result<(), StoreError> {
    let changed = diesel::update(accounts::table.filter(accounts::id.eq(id.as_bytes().as_slice())))
        .filter(accounts::closed_at_ms.is_null())
        .set((
            accounts::payment_max_msat.eq(limits.payment_max.map(Amount::msat)),
            accounts::day_max_msat.eq(limits.day_max.map(Amount::msat)),
        ))
        .execute(connection)?;
    if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}
