//! What a manager is shown of users and wallets.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::app::App;
use crate::api::framework::auth::WalletKey;
use crate::crypto::secret::Sealer;
use crate::domain::api_keys::{ApiKey, KeyKind, KeyPair};
use crate::domain::controls::Freeze;
use crate::domain::extra::Extra;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::services::{UserWithWallets, WalletWithKeys};
use crate::store::users::User;
use crate::store::wallets::{self, WALLETS_MAX, Wallet};
use crate::store::{Db, StoreError};

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
    /// What it holds, in msat.
    balance_msat: Msat,
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
    "extra": {},
    "may_create_users": false,
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
    /// The manager's own data about it.
    #[schema(value_type = Object)]
    extra: Extra,
    /// Whether it may create users itself.
    may_create_users: bool,
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
            frozen: wallet.frozen_by_manager.max(wallet.frozen_by_operator).map(Freeze::as_str),
            payment_max_sat: wallet.limits.payment_max.map(Amount::to_sat),
            day_max_sat: wallet.limits.day_max.map(Amount::to_sat),
        }
    }

    /// Shows wallets, their keys unsealed.
    pub fn list(
        connection: &mut Db,
        sealer: &Sealer,
        may_spend: bool,
        wallets: Vec<Wallet>,
    ) -> Result<Vec<Self>, StoreError> {
        let ids: Vec<_> = wallets.iter().map(|wallet| wallet.id).collect();
        let sealed = wallets::sealed_keys(connection, &ids)?;
        let key = |id: WalletId, kind: KeyKind| -> Result<Option<ApiKey>, StoreError> {
            Ok(sealed.get(&(id, kind)).map(|sealed| ApiKey::unseal(sealer, id, kind, sealed)).transpose()?)
        };
        let mut views = Vec::with_capacity(wallets.len());
        for wallet in wallets {
            // A wallet without keys was deleted between the two queries.
            if let (Some(admin), Some(invoice)) = (key(wallet.id, KeyKind::Admin)?, key(wallet.id, KeyKind::Invoice)?) {
                let keys = KeyPair { admin, invoice };
                views.push(Self::new(WalletWithKeys { wallet, keys }, may_spend));
            }
        }
        Ok(views)
    }

    /// Shows one wallet of the caller's tenant.
    pub fn find(connection: &mut Db, app: &App, caller: WalletKey, id: WalletId) -> Result<Self, StoreError> {
        let wallet = wallets::find_in_tenant(connection, caller.user(), id)?;
        Self::list(connection, &app.sealer, caller.sees_admin_keys(), vec![wallet])?.pop().ok_or(StoreError::NotFound)
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
            extra: user.extra.unwrap_or_default(),
            may_create_users: user.may_create_users,
            wallets: wallets.into_iter().map(|wallet| ManagedWallet::new(wallet, may_spend)).collect(),
        }
    }

    /// Shows the first of some users, with their wallets: as many as have few enough of these
    /// between them to be read at once, but one at least.
    pub fn list_some(
        connection: &mut Db,
        app: &App,
        may_spend: bool,
        mut users: Vec<User>,
    ) -> Result<Vec<Self>, StoreError> {
        let mut ids: Vec<_> = users.iter().map(|user| user.id).collect();
        while ids.len() > 1 && wallets::has_more_than(connection, &ids, WALLETS_MAX)? {
            ids.truncate(ids.len() / 2);
        }
        users.truncate(ids.len());
        Self::list(connection, app, may_spend, users)
    }

    /// Shows users with their wallets.
    pub fn list(connection: &mut Db, app: &App, may_spend: bool, users: Vec<User>) -> Result<Vec<Self>, StoreError> {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let wallets = wallets::of_users(connection, &ids)?;
        let mut wallets_of: HashMap<UserId, Vec<ManagedWallet>> = HashMap::new();
        for wallet in ManagedWallet::list(connection, &app.sealer, may_spend, wallets)? {
            wallets_of.entry(wallet.user).or_default().push(wallet);
        }
        Ok(users
            .into_iter()
            .map(|user| Self {
                wallets: wallets_of.remove(&user.id).unwrap_or_default(),
                id: user.id,
                name: user.name,
                admin: user.manager,
                email: user.email,
                extra: user.extra.unwrap_or_default(),
                may_create_users: user.may_create_users,
            })
            .collect())
    }

    /// Shows one user.
    pub fn one(connection: &mut Db, app: &App, may_spend: bool, user: User) -> Result<Self, StoreError> {
        Self::list(connection, app, may_spend, vec![user])?.pop().ok_or(StoreError::NotFound)
    }
}
