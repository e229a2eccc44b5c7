//! The wallet of the calling key.

use actix_web::{HttpResponse, get, patch, put, web};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, OwnWallet};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::Msat;
use crate::domain::text::Name;
use crate::rates::currency::Currency;
use crate::services::rates::{InvalidUnit, Rates, Unit};
use crate::services::wallets::{self, Holder, Wallet};

/// A wallet, as its own keys see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet, example = json!({
    "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "name": "api_user_wallet",
    "balance": 1_000_000,
    "user": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "currency": "sat"
}))]
pub struct WalletView {
    /// Its id.
    #[schema(value_type = String)]
    id: WalletId,
    /// Its name.
    name: String,
    /// What it holds, in msat.
    balance: Msat,
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
    fn from(Holder { grant, name, balance, currency }: Holder) -> Self {
        Self { id: grant.wallet, name, balance, user: grant.user, currency: shown(currency) }
    }
}

impl From<Wallet> for WalletView {
    fn from(wallet: Wallet) -> Self {
        let Wallet { id, user, name, balance, currency, .. } = wallet;
        Self { id, name, balance, user, currency: shown(currency) }
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
