//! The wallet of the calling key.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, OwnWallet};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Checks;
use crate::api::framework::session::KeyOrSession;
use crate::api::user_manager::views::ManagedWallet;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::Msat;
use crate::domain::text::Name;
use crate::rates::currency::Currency;
use crate::services::deletion;
use crate::services::rates::{InvalidUnit, Rates, Unit};
use crate::services::wallets::{self, Holder, Wallet};

/// A wallet, as its own keys see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet, example = json!({
    "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "name": "api_user_wallet",
    "balance": 1_000_000,
    "balance_held": 0,
    "balance_total": 1_000_000,
    "user": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "currency": "sat"
}))]
pub struct WalletView {
    /// Its id.
    #[schema(value_type = String)]
    id: WalletId,
    /// Its name.
    name: String,
    /// What it can spend, in msat: what it holds without what is on hold.
    balance: Msat,
    /// What of its money is on hold, in msat.
    balance_held: Msat,
    /// Both together, in msat.
    balance_total: Msat,
    /// Its user's id.
    #[schema(value_type = String)]
    user: UserId,
    /// The currency that its payments are also told in; `sat` where none is set. Whatever it is,
    /// amounts are in msat.
    currency: String,
}

/// The currency as it is shown.
fn shown(currency: Option<String>) -> String {
    currency.unwrap_or_else(|| "sat".to_owned())
}

impl From<Holder> for WalletView {
    fn from(Holder { grant, name, balance, held, currency }: Holder) -> Self {
        let (balance_held, balance_total) = (held, balance.with(held));
        let (id, user, currency) = (grant.wallet, grant.user, shown(currency));
        Self { id, name, balance, balance_held, balance_total, user, currency }
    }
}

impl From<Wallet> for WalletView {
    fn from(wallet: Wallet) -> Self {
        let Wallet { id, user, name, balance, held, currency, .. } = wallet;
        let (balance_held, balance_total) = (held, balance.with(held));
        Self { id, name, balance, balance_held, balance_total, user, currency: shown(currency) }
    }
}

/// What of the wallet is to be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Tips", "currency": "EUR"}))]
pub struct WalletChange {
    /// The new name.
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    /// The currency that its payments are also told in, one of `GET /api/v1/currencies`; `sat`, or
    /// an empty text, is none.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "EUR", pattern = "^([A-Za-z]{3})?$")]
    currency: CurrencyOrder,
}

/// What is said of the currency.
#[derive(Debug, Default)]
enum CurrencyOrder {
    /// Nothing.
    #[default]
    Unsaid,
    /// That there is to be none, or this one.
    Said(String),
}

impl<'de> Deserialize<'de> for CurrencyOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &RawValue = Deserialize::deserialize(deserializer)?;
        // Elsewhere the empty text says nothing.
        if raw.get() == "\"\"" {
            return Ok(Self::Said(String::new()));
        }
        let said: Option<String> = lenient(raw).map_err(D::Error::custom)?;
        Ok(said.map_or(Self::Unsaid, Self::Said))
    }
}

/// The change in which something must be said, for the document.
#[derive(Debug)]
pub struct AnyWalletChange;

impl PartialSchema for AnyWalletChange {
    fn schema() -> RefOr<Schema> {
        let saying = |field: &str, length_min| {
            let kinds = SchemaType::from_iter([Type::String, Type::Number]);
            let text = ObjectBuilder::new().schema_type(kinds).min_length(Some(length_min));
            ObjectBuilder::new().property(field, text).required(field)
        };
        let any = AnyOfBuilder::new().item(saying("name", 1)).item(saying("currency", 0));
        AllOfBuilder::new().item(Ref::from_schema_name(WalletChange::name())).item(any).into()
    }
}

impl ToSchema for AnyWalletChange {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((WalletChange::name().into(), WalletChange::schema()));
    }
}

impl WalletChange {
    /// Checks what is asked. `rates` are what a currency must be one of.
    fn read(self, rates: &Rates) -> Result<wallets::WalletChange, ApiError> {
        let mut checks = Checks::default();
        let currency = match self.currency {
            CurrencyOrder::Unsaid => Some(None),
            CurrencyOrder::Said(code) => checks.check("currency", currency(&code, rates)).map(Some),
        };
        if self.name.is_none() && matches!(currency, Some(None)) {
            checks.add("name", "is missing");
        }
        let name = checks.check_opt("name", self.name, Name::new);
        match (name, currency) {
            (Some(name), Some(currency)) if checks.is_fine() => Ok(wallets::WalletChange { name, currency }),
            _ => Err(checks.into_error()),
        }
    }
}

/// Reads a currency in any case; the empty text and `sat` are none.
fn currency(code: &str, rates: &Rates) -> Result<Option<Currency>, InvalidUnit> {
    if code.trim().is_empty() {
        return Ok(None);
    }
    match rates.unit(Some(&code.trim().to_ascii_uppercase()))? {
        Unit::Sat => Ok(None),
        Unit::Currency(currency) => Ok(Some(currency)),
    }
}

/// A further wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OwnWalletOrder, example = json!({"name": "Savings"}))]
pub struct WalletOrder {
    /// Its name; need not be unique.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    name: Option<String>,
}

/// Wallet details
///
/// `balance` is in msat.
#[utoipa::path(
    tag = "Wallet",
    responses((status = 200, description = "The wallet", body = WalletView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/wallet")]
pub(super) async fn get_wallet(OwnWallet(wallet): OwnWallet) -> HttpResponse {
    HttpResponse::Ok().json(WalletView::from(wallet))
}

/// Change the wallet
///
/// Its name, or the currency that its payments are also told in: `extra` of each then says what it
/// was worth, where the rate is there (`wallet_fiat_currency`, `wallet_fiat_amount`,
/// `wallet_fiat_rate`, `wallet_btc_rate`).
#[utoipa::path(
    tag = "Wallet",
    request_body = inline(AnyWalletChange),
    responses((status = 200, description = "The wallet", body = WalletView)),
    security(("AdminKey" = []))
)]
#[patch("/api/v1/wallet")]
pub(super) async fn update_wallet(key: AdminKey, app: State, body: Body) -> Result<HttpResponse, ApiError> {
    let change = body.json::<WalletChange>()?.read(&app.services.rates)?;
    Ok(HttpResponse::Ok().json(WalletView::from(wallets::change(&app.services, key, change).await?)))
}

/// Rename the wallet, by the path
#[utoipa::path(
    tag = "Wallet",
    params(("new_name" = String, Path, description = "The new name")),
    responses((status = 200, description = "The wallet", body = WalletView)),
    security(("AdminKey" = []))
)]
#[put("/api/v1/wallet/{new_name}")]
pub(super) async fn rename_wallet(
    key: AdminKey,
    app: State,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let name = Name::new(name.into_inner()).map_err(|error| ApiError::field("new_name", error))?;
    let change = wallets::WalletChange { name: Some(name), currency: None };
    Ok(HttpResponse::Ok().json(WalletView::from(wallets::change(&app.services, key, change).await?)))
}

/// Create another wallet
///
/// Of the same user, with keys of its own. What its manager has limited the calling wallet to holds of
/// the new one too, and a frozen wallet creates none. A user has up to 1000 wallets; one more is refused
/// (409, `too_many_wallets`).
#[utoipa::path(
    tag = "Wallet",
    params(Idempotency),
    request_body = WalletOrder,
    responses((status = 200, description = "The new wallet", body = ManagedWallet)),
    security(("AdminKey" = []))
)]
#[post("/api/v1/wallet")]
pub(super) async fn create_own_wallet(
    key: AdminKey,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: WalletOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let mut checks = Checks::default();
    let name = checks.require("name", order.name, Name::new);
    let Some(name) = name else { return Err(checks.into_error()) };
    let show = |wallet| json(&ManagedWallet::new(wallet, true));
    let created = wallets::create(&app.services, key, claim, name, show).await?;
    Ok(created.respond_json_as(StatusCode::OK))
}

/// Delete the wallet
///
/// Its keys stop at once; payments stay in the history of the others. One that holds money is not
/// deleted (409, `wallet_holds_money`).
#[utoipa::path(
    tag = "Wallet",
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("AdminKey" = []))
)]
#[delete("/api/v1/wallet")]
pub(super) async fn delete_own_wallet(key: AdminKey, app: State) -> Result<HttpResponse, ApiError> {
    deletion::delete_own_wallet(&app.services, key).await?;
    Ok(HttpResponse::Ok().json(()))
}

/// Renew the wallet's keys
///
/// With the wallet's own admin key, or with the session of its user or of that one's manager. The old keys
/// stop at once.
#[utoipa::path(
    tag = "Wallet",
    params(("wallet_id" = String, Path, description = "The wallet's id")),
    responses((status = 200, description = "The wallet with its new keys", body = ManagedWallet)),
    security(("AdminKey" = []), ("Session" = []))
)]
#[put("/api/v1/wallet/reset/{wallet_id}")]
pub(super) async fn reset_wallet(
    caller: KeyOrSession<AdminKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path.parse().or(Err(ErrorCode::WalletNotFound))?;
    let wallet = wallets::renew_keys(&app.services, caller, id).await?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}
