//! Freezing wallets, and limiting what they may spend.
//!
//! Both change the account's row, so they wait for a batch that has it locked, and every
//! later batch sees them.

use diesel::prelude::*;

use super::connection::Db;
use super::error::StoreError;
use super::schema::accounts;
use crate::domain::controls::{Freeze, Limits};
use crate::domain::ids::WalletId;
use crate::domain::money::Amount;

/// Who freezes a wallet. What one has frozen the other cannot thaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freezer {
    /// The manager of the wallet's user.
    Manager,
    /// An operator.
    Operator,
}

/// Freezes a wallet, or thaws it where `freeze` is `None`. Who may do so is for the caller to
/// know.
pub fn freeze(connection: &mut Db, id: WalletId, by: Freezer, freeze: Option<Freeze>) -> Result<(), StoreError> {
    let account =
        accounts::table.filter(accounts::id.eq(id.as_bytes().as_slice())).filter(accounts::closed_at_ms.is_null());
    let name = freeze.map(Freeze::as_str);
    let changed = match by {
        Freezer::Manager => diesel::update(account).set(accounts::frozen_by_manager.eq(name)).execute(connection)?,
        Freezer::Operator => diesel::update(account).set(accounts::frozen_by_operator.eq(name)).execute(connection)?,
    };
    if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Sets what a wallet's own key may spend at most.
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
