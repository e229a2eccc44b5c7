//! What rates were.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Params;
use crate::api::framework::query::{Deferred, Whole, query};
use crate::clock;
use crate::domain::decimal::JsonDecimal;

/// Rates are kept for a day.
const HOURS_MAX: i64 = 24;
/// The currency where none is named.
const USUAL: &str = "USD";

/// What a bitcoin cost at one time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PastRate, example = json!({"timestamp": 1_763_700_000, "rates": {"USD": 65000}}))]
pub struct PastRateView {
    /// Unix seconds.
    timestamp: i64,
    /// Units of the currency for one bitcoin, by its code.
    #[schema(value_type = BTreeMap<String, f64>)]
    rates: BTreeMap<String, JsonDecimal>,
}

query! {
    /// Of which currency, and for how long.
    pub(in crate::api) struct RateHistoryParams {
        /// The code of the currency, in any case; USD where none is named
        #[param(example = "USD", pattern = "^([A-Za-z]{3})?$")]
        currency: Option<String>,
        /// For how many hours back; 24 where nothing is said
        #[param(value_type = Option<i64>, minimum = 1, maximum = 24)]
        hours: Deferred<Option<Whole<1, HOURS_MAX>>>,
    }
}

/// What the rate of a currency was
///
/// As far as this server was asked for it, in steps of five minutes, oldest first.
#[utoipa::path(
    tag = "Payments",
    params(RateHistoryParams),
    responses((status = 200, description = "The rates", body = [PastRateView]))
)]
#[get("/api/v1/rate/history")]
pub(in crate::api) async fn rate_history(app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let rates = &app.services.rates;
    let RateHistoryParams { currency, hours } = params.read()?;
    let currency = super::currency(rates, currency.as_deref().unwrap_or(USUAL))?;
    let hours = hours?.map_or(HOURS_MAX, |Whole(hours)| hours);
    let from = clock::now().plus_seconds(hours.saturating_mul(-3600));
    let past = rates.history(currency, from)?.into_iter().map(|(at, price)| PastRateView {
        timestamp: at.seconds(),
        rates: [(currency.to_string(), JsonDecimal(price.per_bitcoin()))].into(),
    });
    Ok(HttpResponse::Ok().json(past.collect::<Vec<_>>()))
}
