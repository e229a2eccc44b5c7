//! Freezing any wallet, beside and above what its manager does.

use crate::clock;
use crate::domain::controls::Freeze;
use crate::domain::ids::WalletId;
use crate::services::callers::Operator;
use crate::services::{Error, Missing, Services};
use crate::store::wallets::controls::{self, Freezer};
use crate::store::wallets::{self, Wallet};

/// Freezes a wallet, or thaws it where `freeze` is `None`.
pub async fn set(
    services: &Services,
    operator: Operator,
    id: WalletId,
    freeze: Option<Freeze>,
) -> Result<Wallet, Error> {
    let wallet = services.write_as(operator, move |connection| {
        wallets::find(connection, id)?;
        controls::freeze(connection, id, Freezer::Operator, freeze, clock::now())?;
        wallets::find(connection, id)
    });
    let wallet = wallet.await.map_err(Error::of(Missing::Wallet))?;
    tracing::info!(operator = %operator.user(), wallet = %id, freeze = ?freeze, "an operator froze or thawed a wallet");
    Ok(wallet)
}
