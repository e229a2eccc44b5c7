//! Lists of a wallet's payments: pages, filters, history.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};

use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::payments::query::PaymentQuery;
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::domain::time::UnixMs;
use crate::store::payments::history;
use crate::store::payments::history::Period;
use crate::store::{Db, payments};

/// List payments
///
/// Newest first. Filters: `status`, `memo`, `amount` (msat), `fee`, `time` and
/// `created_at` (Unix seconds or ISO 8601), `payment_hash`, `checking_id`, `tag`,
/// `wallet_id`, each as `field=value` or `field[op]=value` with `op` one of `eq`, `ne`,
/// `gt`, `ge`, `lt`, `le`, `in` (values separated by commas) and `like`. One that is given
/// twice with the same `op` means either value (with `ne`: neither); of all others each holds.
/// Parameters that are not known are ignored.
#[utoipa::path(
    tag = "Payments",
    params(super::query::ListParams),
    responses((status = 200, description = "A page of payments", body = Vec<PaymentView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments")]
pub(crate) async fn list_payments(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let now = clock::now();
    let query = PaymentQuery::read(&params, now)?;
    let wallet = key.wallet();
    let shared = app.clone();
    let list = move |connection: &mut Db| {
        let page = payments::list(connection, wallet, &query.filter, query.sort, query.offset, query.limit)?;
        Ok(PaymentView::items(&shared, page, now)?.into_array())
    };
    let json = app.store.read_list(key.consumer(), list).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// A page of payments, and how many there are in all.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentPage {
    /// The page.
    data: Vec<PaymentView>,
    /// How many payments the filters let through.
    #[schema(example = 1)]
    total: i64,
}

/// List payments with their number
///
/// As the list of payments, together with how many there are in all.
#[utoipa::path(
    tag = "Payments",
    params(super::query::ListParams),
    responses((status = 200, description = "A page of payments", body = PaymentPage)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/paginated")]
pub(crate) async fn list_payments_paginated(
    key: WalletKey,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let now = clock::now();
    let query = PaymentQuery::read(&params, now)?;
    let wallet = key.wallet();
    let shared = app.clone();
    let list = move |connection: &mut Db| {
        let page = payments::list(connection, wallet, &query.filter, query.sort, query.offset, query.limit)?;
        let total = payments::count(connection, wallet, &query.filter)?;
        json(&PaymentPage { data: PaymentView::list(&shared, page, now)?, total })
    };
    let json = app.store.read_list(key.consumer(), list).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// What a wallet earned and spent in one period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"date": "2026-11-21T00:00:00Z", "income": 1_000_000, "spending": 0, "balance": 1_000_000}))]
pub struct HistoryPoint {
    /// When the period began, as ISO 8601.
    date: String,
    /// What came in, in msat.
    #[schema(value_type = i64)]
    income: i128,
    /// What went out, in msat.
    #[schema(value_type = i64)]
    spending: i128,
    /// What the wallet held at the end of the period, in msat.
    #[schema(value_type = i64)]
    balance: i128,
}

/// How to sum up.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads this; the query itself is read by `payment_history`")]
pub struct HistoryParams {
    /// By which period; `day` where nothing is said.
    #[param(schema_with = groups)]
    group: Option<String>,
}

fn groups() -> Object {
    leniency::words(["hour", "day", "month"]).build()
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Income and spending over time
///
/// One row for each hour, day or month (UTC) in which anything settled, oldest first.
#[utoipa::path(
    tag = "Payments",
    params(HistoryParams),
    responses((status = 200, description = "The history", body = Vec<HistoryPoint>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/history")]
pub(crate) async fn payment_history(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let (period_ms, monthly) = match params.get("group")? {
        Some("hour") => (HOUR_MS, false),
        None | Some("day") => (DAY_MS, false),
        Some("month") => (DAY_MS, true),
        Some(_) => return Err(ApiError::field("group", "must be hour, day or month")),
    };
    let wallet = key.wallet();
    let list = move |connection: &mut Db| {
        let periods = history::periods(connection, wallet, period_ms)?;
        json(&points(&periods, period_ms, monthly))
    };
    let json = app.store.read_list(key.consumer(), list).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Rows out of periods, days added up to months where that is asked for.
fn points(periods: &[Period], period_ms: i64, monthly: bool) -> Vec<HistoryPoint> {
    let mut points: Vec<HistoryPoint> = Vec::new();
    let mut balance: i128 = 0;
    for period in periods {
        let started_at = UnixMs::new(period.number.saturating_mul(period_ms));
        let date = if monthly { start_of_month(started_at) } else { started_at.to_iso() };
        balance = balance.saturating_add(period.income_msat).saturating_sub(period.spending_msat);
        match points.last_mut().filter(|last| last.date == date) {
            Some(last) => {
                last.income = last.income.saturating_add(period.income_msat);
                last.spending = last.spending.saturating_add(period.spending_msat);
                last.balance = balance;
            }
            None => {
                points.push(HistoryPoint { date, income: period.income_msat, spending: period.spending_msat, balance });
            }
        }
    }
    points
}

fn start_of_month(time: UnixMs) -> String {
    OffsetDateTime::from_unix_timestamp(time.seconds())
        .ok()
        .and_then(|day| day.replace_day(1).ok())
        .and_then(|month| month.format(&Rfc3339).ok())
        .unwrap_or_default()
}
