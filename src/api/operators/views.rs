//! What an operator is shown of managers and wallets: no keys.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::controls::Freeze;
use crate::domain::extra::Extra;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::services::Wallet;
use crate::services::users::overview::UserOverview;

/// A manager, as an operator sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "151779637d7c42729e189beb053c1145",
    "name": "Game",
    "username": "game",
    "email": "ops@game.example",
    "extra": {},
    "wallet_count": 1,
    "balance_msat": 1_000_000,
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:00Z"
}))]
pub struct AccountView {
    /// Its user id.
    #[schema(value_type = String)]
    id: UserId,
    /// Its name.
    name: String,
    /// What it logs in as.
    username: Option<String>,
    /// Its email address.
    email: Option<String>,
    /// Data of the operators' own about it.
    #[schema(value_type = Object)]
    extra: Extra,
    /// How many wallets it has itself.
    wallet_count: i64,
    /// What these hold together, in msat.
    #[schema(value_type = i64)]
    balance_msat: i128,
    /// When it was created, as ISO 8601.
    created_at: String,
    /// When it was last changed, as ISO 8601.
    updated_at: String,
}

impl From<UserOverview> for AccountView {
    fn from(UserOverview { user, holdings }: UserOverview) -> Self {
        Self {
            id: user.id,
            name: user.name,
            username: user.username,
            email: user.email,
            extra: user.extra.unwrap_or_default(),
            wallet_count: holdings.wallets,
            balance_msat: holdings.balance_msat,
            created_at: user.created_at.to_iso(),
            updated_at: user.updated_at.to_iso(),
        }
    }
}

/// A wallet, as an operator sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "user": "151779637d7c42729e189beb053c1145",
    "name": "Game",
    "balance_msat": 1_000_000,
    "frozen_by_manager": null,
    "frozen_by_operator": "spending",
    "payment_max_sat": null,
    "day_max_sat": null,
    "created_at": "2026-11-21T12:00:00Z"
}))]
pub struct AccountWallet {
    /// Its id.
    #[schema(value_type = String)]
    id: WalletId,
    /// Its user's id.
    #[schema(value_type = String)]
    user: UserId,
    /// Its name.
    name: String,
    /// What it holds, in msat.
    balance_msat: Msat,
    /// How far its manager has frozen it: `spending` or `everything`.
    #[schema(value_type = Option<String>)]
    frozen_by_manager: Option<&'static str>,
    /// How far an operator has.
    #[schema(value_type = Option<String>)]
    frozen_by_operator: Option<&'static str>,
    /// The most that its own key may spend with one payment, in sat.
    payment_max_sat: Option<i64>,
    /// The most that its own key may spend on one day (UTC), in sat.
    day_max_sat: Option<i64>,
    /// When it was created, as ISO 8601.
    created_at: String,
}

impl From<Wallet> for AccountWallet {
    fn from(wallet: Wallet) -> Self {
        Self {
            id: wallet.id,
            user: wallet.user,
            name: wallet.name,
            balance_msat: wallet.balance,
            frozen_by_manager: wallet.frozen_by_manager.map(Freeze::as_str),
            frozen_by_operator: wallet.frozen_by_operator.map(Freeze::as_str),
            payment_max_sat: wallet.limits.payment_max.map(Amount::to_sat),
            day_max_sat: wallet.limits.day_max.map(Amount::to_sat),
            created_at: wallet.created_at.to_iso(),
        }
    }
}
