//! What a bitcoin costs in other currencies: for whoever asks, as in LNbits.

pub(crate) mod conversion;
pub(crate) mod history;

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::clock;
use crate::domain::decimal::JsonDecimal;
use crate::rates::currency::Currency;
use crate::services::rates::Rates;

/// What a bitcoin costs in a currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rate, example = json!({
    "rate": 1_538.461_538_461_54,
    "price": 65000,
    "currency": "USD",
    "updated_at": "2025-11-21T04:40:00Z",
    "age_s": 12,
    "sources": ["bitstamp", "coinbase", "kraken"]
}))]
pub struct RateView {
    /// Sat for one unit of the currency.
    #[schema(value_type = f64)]
    rate: JsonDecimal,
    /// Units of the currency for one bitcoin.
    #[schema(value_type = f64)]
    price: JsonDecimal,
    /// The code of the currency.
    currency: String,
    /// When the oldest of the answers that it rests on was true, as ISO 8601.
    updated_at: String,
    /// The same as an age, in seconds.
    age_s: i64,
    /// The sources that agree.
    sources: Vec<String>,
}

/// Currencies
///
/// The currencies that amounts can be said in; none where there are no rates.
#[utoipa::path(
    tag = "Payments",
    responses((status = 200, description = "Their codes", body = [String], example = json!(["EUR", "USD"])))
)]
#[get("/api/v1/currencies")]
pub(super) async fn list_currencies(app: State) -> HttpResponse {
    let codes: Vec<_> = app.services.rates.currencies().iter().map(Currency::to_string).collect();
    HttpResponse::Ok().json(codes)
}

/// The rate of a currency
///
/// What a bitcoin costs at present. Where that is not known, or those who say so disagree, this is
/// refused (503), and never an old rate or 0.
#[utoipa::path(
    tag = "Payments",
    params(("currency" = String, Path, description = "The code of the currency, in any case", example = "USD",
        pattern = "^[A-Za-z]{3}$")),
    responses((status = 200, description = "The rate", body = RateView))
)]
#[get("/api/v1/rate/{currency}")]
pub(super) async fn get_rate(app: State, code: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let rates = &app.services.rates;
    let currency = currency(rates, &code)?;
    let rate = rates.rate(currency).await?;
    Ok(HttpResponse::Ok().json(RateView {
        rate: JsonDecimal(rate.price.sat_per_unit()),
        price: JsonDecimal(rate.price.per_bitcoin()),
        currency: currency.to_string(),
        updated_at: rate.at.to_iso(),
        age_s: rate.age_s(clock::now()),
        sources: rate.sources.iter().map(ToString::to_string).collect(),
    }))
}

/// Reads a code in any case. That there are no rates at all is told before that it is none.
fn currency(rates: &Rates, code: &str) -> Result<Currency, ErrorCode> {
    if !rates.is_on() {
        return Err(ErrorCode::RatesDisabled);
    }
    Currency::any_case(code).or(Err(ErrorCode::UnsupportedUnit))
}
