//! What an amount is in other units: nothing is moved.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, post};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::body::{Body, Numeral, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::fields;
use crate::domain::decimal::JsonDecimal;
use crate::domain::money::{Msat, SAT_MAX, check_unit};
use crate::domain::number::fixed_point;
use crate::rates::amount::{FiatAmount, NotInSat};
use crate::rates::currency::Currency;
use crate::rates::price::bitcoin;
use crate::services::rates::Rates;

/// Currencies of one request at most.
const CURRENCIES_MAX: usize = 20;
/// The currency where none is named.
const USUAL: &str = "usd";
/// Decimals of sat.
const MSAT_PLACES: u8 = 3;

/// An amount, and in what it is to be told.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"from_": "sat", "amount": 1000, "to": "usd,eur"}))]
pub struct ConversionOrder {
    /// The unit of `amount`: `sat`, or the code of a currency, in any case; `sat` where nothing is
    /// said. `from` is the same.
    #[serde(default, alias = "from", deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([A-Za-z]{3})?$")]
    from_: Option<String>,
    /// How much: 0 or above.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = fields::amount_or_nothing, required)]
    amount: Option<Numeral>,
    /// From sat: codes of at most 20 currencies in any case, with commas between; `usd` where
    /// nothing is said. From a currency it is not looked at.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "usd,eur", pattern = "^[A-Za-z, ]*$")]
    to: Option<String>,
}

/// An amount in several units.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversion, value_type = BTreeMap<String, f64>, example = json!({"BTC": 0.00001, "sats": 1000, "USD": 0.65}))]
pub struct ConversionView(BTreeMap<String, JsonDecimal>);

/// Convert an amount
///
/// From sat to currencies, or from a currency to sat, rounded down: `BTC` and `sats` are always in
/// the answer, with one member for each currency.
#[utoipa::path(
    tag = "Payments",
    request_body = ConversionOrder,
    responses((status = 200, description = "The amount in each unit", body = ConversionView))
)]
#[post("/api/v1/conversion")]
pub(in crate::api) async fn convert(app: State, body: Body) -> Result<HttpResponse, ApiError> {
    let rates = &app.services.rates;
    if !rates.is_on() {
        return Err(ErrorCode::RatesDisabled.into());
    }
    let order: ConversionOrder = body.json()?;
    let amount = order.amount.ok_or_else(|| ApiError::field("amount", "is missing: a number, 0 or above"))?;
    let from = order.from_.filter(|unit| check_unit(unit.trim()).is_err());
    let view = match from {
        None => from_sat(rates, &amount, order.to.as_deref().unwrap_or(USUAL)).await?,
        Some(code) => from_currency(rates, &amount, &code).await?,
    };
    Ok(HttpResponse::Ok().json(view))
}

async fn from_sat(rates: &Rates, amount: &Numeral, to: &str) -> Result<ConversionView, ApiError> {
    let read = fixed_point(amount.as_str(), MSAT_PLACES).ok().and_then(|msat| i64::try_from(msat.units).ok());
    let msat = read.map(Msat::new).filter(|msat| !msat.is_negative() && !msat.is_beyond_supply());
    let msat = msat.ok_or_else(|| ApiError::field("amount", format_args!("must be a number from 0 to {SAT_MAX}")))?;
    let codes: BTreeSet<&str> = to.split(',').map(str::trim).filter(|code| !code.is_empty()).collect();
    if codes.len() > CURRENCIES_MAX {
        return Err(ApiError::field("to", format_args!("must be at most {CURRENCIES_MAX} currencies")));
    }
    // Sat and bitcoin are told anyway.
    let codes =
        codes.into_iter().filter(|code| !["sat", "sats", "btc"].iter().any(|own| code.eq_ignore_ascii_case(own)));
    let worth = async |code| {
        let currency = super::currency(rates, code)?;
        let rate = rates.rate(currency).await?;
        Ok::<_, ApiError>((currency.to_string(), JsonDecimal(rate.price.full_worth_of(msat))))
    };
    let worth: Vec<(String, JsonDecimal)> = try_join_all(codes.map(worth)).await?;
    Ok(ConversionView(in_bitcoin(msat).into_iter().chain(worth).collect()))
}

async fn from_currency(rates: &Rates, amount: &Numeral, code: &str) -> Result<ConversionView, ApiError> {
    let currency = super::currency(rates, code)?;
    let is_nothing = fixed_point(amount.as_str(), MSAT_PLACES).is_ok_and(|amount| amount.units == 0 && amount.is_exact);
    let (shown, msat) = if is_nothing {
        // A currency that is not offered is refused for that.
        rates.rate(currency).await?;
        (0.into(), Msat::ZERO)
    } else {
        let amount = FiatAmount::read(amount.as_str()).map_err(|why| ApiError::field("amount", why))?;
        (amount.decimal(), in_sat(rates, currency, amount).await?)
    };
    let own = (currency.to_string(), JsonDecimal(shown));
    Ok(ConversionView(in_bitcoin(msat).into_iter().chain([own]).collect()))
}

/// What an amount is in sat, rounded down: nothing is moved, so that may be nothing.
async fn in_sat(rates: &Rates, currency: Currency, amount: FiatAmount) -> Result<Msat, ApiError> {
    let rate = rates.rate(currency).await?;
    match amount.in_sat(rate.price, SAT_MAX) {
        Ok(amount) => Ok(amount.incoming()),
        Err(NotInSat::BelowOneSat) => Ok(Msat::ZERO),
        Err(why @ NotInSat::TooLarge { .. }) => Err(ApiError::field("amount", why)),
    }
}

fn in_bitcoin(msat: Msat) -> [(String, JsonDecimal); 2] {
    [("BTC".to_owned(), JsonDecimal(bitcoin(msat))), ("sats".to_owned(), JsonDecimal(msat.to_sat().into()))]
}
