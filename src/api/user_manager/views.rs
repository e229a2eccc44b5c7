//! What a manager is shown of users and wallets.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::controls::Freeze;
use crate::domain::extra::Extra;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::services::{UserWithWallets, WalletWithKeys};

/// A wallet with its keys, as its manager sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "admin": "151779637d7c42729e189beb053c1145",
    "name": "api_user_wallet",
    "user": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "adminkey": "c0ffee00c0ffee00c0ffee00c0ffee00",
    "inkey": "decaf000decaf000decaf000decaf000",
    "balance_msat": 0,
    "balance_held": 0,
    "balance_total": 0,
    "frozen": null,
    "payment_max_sat": null,
    "day_max_sat": null
}))]
pub struct ManagedWallet {
    /// Its id.
    #[schema(value_type = String)]
    id: WalletId,
    /// The manager's user id.
    #[schema(value_type = Option<String>)]
    admin: Option<UserId>,
    /// Its name.
    name: String,
    /// Its user's id.
    #[schema(value_type = String)]
    user: UserId,
    /// The key that spends; null where the calling key does not.
    adminkey: Option<String>,
    /// The key that reads and receives.
    inkey: String,
    /// What it can spend, in msat: what it holds without what is on hold.
    balance_msat: Msat,
    /// What of its money is on hold, in msat.
    balance_held: Msat,
    /// Both together, in msat.
    balance_total: Msat,
    /// How far it is frozen, by its manager or by an operator: `spending` or `everything`.
    #[schema(value_type = Option<String>)]
    frozen: Option<&'static str>,
    /// The most that its own key may spend with one payment, in sat.
    payment_max_sat: Option<i64>,
    /// The most that its own key may spend on one day (UTC), in sat.
    day_max_sat: Option<i64>,
}

/// A user, as its manager sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "name": "api_created_user",
    "admin": "151779637d7c42729e189beb053c1145",
    "email": null,
    "external_id": null,
    "extra": {},
    "may_create_users": false,
    "activated": true,
    "wallets": []
}))]
pub struct ManagedUser {
    /// Its id.
    #[schema(value_type = String)]
    id: UserId,
    /// Its name.
    name: String,
    /// The manager's user id.
    #[schema(value_type = Option<String>)]
    admin: Option<UserId>,
    /// Its email address.
    email: Option<String>,
    /// What a system of the manager's own calls it.
    external_id: Option<String>,
    /// The manager's own data about it.
    #[schema(value_type = Object)]
    extra: Extra,
    /// Whether it may create users itself.
    may_create_users: bool,
    /// False while it is deactivated: then its wallets are frozen for everything.
    activated: bool,
    /// Its wallets.
    wallets: Vec<ManagedWallet>,
}

impl ManagedWallet {
    /// Shows a wallet; the key that spends only where the caller may spend itself.
    pub fn new(WalletWithKeys { wallet, keys }: WalletWithKeys, may_spend: bool) -> Self {
        Self {
            id: wallet.id,
            admin: wallet.manager,
            name: wallet.name,
            user: wallet.user,
            adminkey: may_spend.then(|| keys.admin.reveal().to_owned()),
            inkey: keys.invoice.reveal().to_owned(),
            balance_msat: wallet.balance,
            balance_held: wallet.held,
            balance_total: wallet.balance.with(wallet.held),
            frozen: wallet.frozen_by_manager.max(wallet.frozen_by_operator).map(Freeze::as_str),
            payment_max_sat: wallet.limits.payment_max.map(Amount::to_sat),
            day_max_sat: wallet.limits.day_max.map(Amount::to_sat),
        }
    }

    /// Shows wallets.
    pub fn list(wallets: Vec<WalletWithKeys>, may_spend: bool) -> impl Iterator<Item = Self> {
        wallets.into_iter().map(move |wallet| Self::new(wallet, may_spend))
    }
}

impl ManagedUser {
    /// Shows a user with its wallets.
    pub fn new(UserWithWallets { user, wallets }: UserWithWallets, may_spend: bool) -> Self {
        Self {
            id: user.id,
            name: user.name,
            admin: user.manager,
            email: user.email,
            external_id: user.external_id,
            extra: user.extra.unwrap_or_default(),
            may_create_users: user.may_create_users,
            activated: user.is_active,
            wallets: ManagedWallet::list(wallets, may_spend).collect(),
        }
    }

    /// Shows users.
    pub fn list(users: Vec<UserWithWallets>, may_spend: bool) -> impl Iterator<Item = Self> {
        users.into_iter().map(move |user| Self::new(user, may_spend))
    }
}
