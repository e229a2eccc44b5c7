//! What a manager is shown of its users and their wallets, and what is shown at paths that answer
//! operators as well.

use serde::Serialize;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::operators::views::{AccountView, AccountWallet};
use crate::domain::controls::Freeze;
use crate::domain::extra::Extra;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::domain::time::UnixMs;
use crate::services::callers::SeenKeys;
use crate::services::users::overview::{UserOverview, UserPage};
use crate::services::{User, UserWithWallets, WalletWithKeys};

/// A user, as its manager sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "name": "Steve",
    "username": "steve",
    "email": null,
    "pubkey": null,
    "external_id": "069a79f4-44e9-4726-a5be-fca90e38aaf5",
    "activated": true,
    "extra": {},
    "balance_msat": 21_000,
    "transaction_count": 3,
    "wallet_count": 1,
    "last_payment": "2026-11-21T12:00:00Z",
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:00Z"
}))]
pub struct TenantUser {
    /// Its id.
    #[schema(value_type = String)]
    id: UserId,
    /// Its name.
    name: String,
    /// Its user name, which is no login.
    username: Option<String>,
    /// Its email address.
    email: Option<String>,
    /// Always null.
    pubkey: Option<String>,
    /// What a system of the manager's own calls it.
    external_id: Option<String>,
    /// False while it is deactivated: then its wallets are frozen for everything.
    activated: bool,
    /// The manager's own data about it.
    #[schema(value_type = Object)]
    extra: Extra,
    /// What its wallets hold together, in msat.
    #[schema(value_type = i64)]
    balance_msat: i128,
    /// How often money has come into its wallets or left them.
    transaction_count: i64,
    /// How many wallets it has.
    wallet_count: i64,
    /// When money last came into its wallets or left them, as ISO 8601.
    last_payment: Option<String>,
    /// When it was created, as ISO 8601.
    created_at: String,
    /// When it was last changed, as ISO 8601.
    updated_at: String,
}

impl From<UserOverview> for TenantUser {
    fn from(UserOverview { user, holdings }: UserOverview) -> Self {
        Self {
            balance_msat: holdings.balance_msat,
            transaction_count: holdings.movements,
            wallet_count: holdings.wallets,
            last_payment: holdings.moved_at.map(UnixMs::to_iso),
            ..Self::new(user)
        }
    }
}

/// A user that has just been created: with wallets, and nothing in them.
impl From<UserWithWallets> for TenantUser {
    fn from(UserWithWallets { user, wallets }: UserWithWallets) -> Self {
        Self { wallet_count: i64::try_from(wallets.len()).unwrap_or(i64::MAX), ..Self::new(user) }
    }
}

impl TenantUser {
    /// Shows a user, without what it has.
    fn new(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            username: user.username,
            email: user.email,
            pubkey: None,
            external_id: user.external_id,
            activated: user.is_active,
            extra: user.extra.unwrap_or_default(),
            balance_msat: 0,
            transaction_count: 0,
            wallet_count: 0,
            last_payment: None,
            created_at: user.created_at.to_iso(),
            updated_at: user.updated_at.to_iso(),
        }
    }
}

/// A page of users.
#[derive(Debug, Default, Serialize)]
pub struct TenantUserPage {
    /// The users.
    data: Vec<TenantUser>,
    /// How many there are in all.
    total: i64,
}

impl From<UserPage> for TenantUserPage {
    fn from(UserPage { users, total }: UserPage) -> Self {
        Self { data: users.into_iter().map(TenantUser::from).collect(), total }
    }
}

/// A wallet with its keys, as its manager sees it by a session or a token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "user": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "name": "Steve",
    "adminkey": "c0ffee00c0ffee00c0ffee00c0ffee00",
    "inkey": "decaf000decaf000decaf000decaf000",
    "balance_msat": 21_000,
    "balance_held": 0,
    "balance_total": 21_000,
    "currency": "sat",
    "deleted": false,
    "frozen": null,
    "payment_max_sat": null,
    "day_max_sat": null,
    "created_at": "2026-11-21T12:00:00Z"
}))]
pub struct TenantWallet {
    /// Its id.
    #[schema(value_type = String)]
    id: WalletId,
    /// Its user's id.
    #[schema(value_type = String)]
    user: UserId,
    /// Its name.
    name: String,
    /// The key that spends; null to a token without the scope `payments`, and of a manager's own other
    /// wallets to its key.
    adminkey: Option<String>,
    /// The key that reads and receives; null to a token that only reads, and as above.
    inkey: Option<String>,
    /// What it can spend, in msat: what it holds without what is on hold.
    balance_msat: Msat,
    /// What of its money is on hold, in msat.
    balance_held: Msat,
    /// Both together, in msat.
    balance_total: Msat,
    /// The unit that requests speak: always `sat`.
    currency: &'static str,
    /// Always false: a deleted wallet is not shown.
    deleted: bool,
    /// How far it is frozen, by its manager, with its user, or by an operator: `spending` or `everything`.
    #[schema(value_type = Option<String>)]
    frozen: Option<&'static str>,
    /// The most that its own key may spend with one payment, in sat.
    payment_max_sat: Option<i64>,
    /// The most that its own key may spend on one day (UTC), in sat.
    day_max_sat: Option<i64>,
    /// When it was created, as ISO 8601.
    created_at: String,
}

impl TenantWallet {
    /// Shows a wallet, with the keys that the caller may see.
    pub fn new(WalletWithKeys { wallet, keys }: WalletWithKeys, seen: SeenKeys) -> Self {
        Self {
            id: wallet.id,
            user: wallet.user,
            name: wallet.name,
            adminkey: seen.admin.then(|| keys.admin.reveal().to_owned()),
            inkey: seen.invoice.then(|| keys.invoice.reveal().to_owned()),
            balance_msat: wallet.balance,
            balance_held: wallet.held,
            balance_total: wallet.balance.with(wallet.held),
            currency: "sat",
            deleted: false,
            frozen: wallet.frozen_by_manager.max(wallet.frozen_by_operator).map(Freeze::as_str),
            payment_max_sat: wallet.limits.payment_max.map(Amount::to_sat),
            day_max_sat: wallet.limits.day_max.map(Amount::to_sat),
            created_at: wallet.created_at.to_iso(),
        }
    }
}

/// Either of two schemas, of what an operator and what a manager is shown.
fn either<A: ToSchema, B: ToSchema>() -> RefOr<Schema> {
    let reference = |name: &str| Ref::from_schema_name(name.to_owned());
    AnyOfBuilder::new().item(reference(&A::name())).item(reference(&B::name())).into()
}

fn both<A: ToSchema, B: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((A::name().into(), A::schema()));
    schemas.push((B::name().into(), B::schema()));
    A::schemas(schemas);
    B::schemas(schemas);
}

/// A manager to an operator, a user to its manager; for the document.
pub(super) struct AnyUser;

impl PartialSchema for AnyUser {
    fn schema() -> RefOr<Schema> {
        either::<AccountView, TenantUser>()
    }
}

impl ToSchema for AnyUser {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        both::<AccountView, TenantUser>(schemas);
    }
}

/// A page of these; for the document.
pub(super) struct AnyUserPage;

impl PartialSchema for AnyUserPage {
    fn schema() -> RefOr<Schema> {
        let total = ObjectBuilder::new().schema_type(Type::Integer).description(Some("How many there are in all."));
        ObjectBuilder::new()
            .property("data", ArrayBuilder::new().items(AnyUser::schema()))
            .required("data")
            .property("total", total)
            .required("total")
            .into()
    }
}

impl ToSchema for AnyUserPage {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        AnyUser::schemas(schemas);
    }
}

/// The wallets of a manager to an operator, without keys, and those of a user to its manager; for the
/// document.
pub(super) struct AnyWallets;

impl PartialSchema for AnyWallets {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(either::<AccountWallet, TenantWallet>()).into()
    }
}

impl ToSchema for AnyWallets {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        both::<AccountWallet, TenantWallet>(schemas);
    }
}
