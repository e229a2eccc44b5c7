//! Lists of a wallet's payments: pages, filters, history.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::framework::query::query;
use crate::api::payments::query::{FilterParams, PageParams, payment_query};
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::services::payments;
use crate::services::payments::Grouping;

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
    params(PageParams, FilterParams),
    responses((status = 200, description = "A page of payments", body = Vec<PaymentView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments")]
pub(crate) async fn list_payments(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let now = clock::now();
    let query = payment_query(&params, now)?;
    let sealer = app.services.sealer.clone();
    let show = move |page| Ok(PaymentView::items(&sealer, page, now)?.into_array());
    let json = payments::list(&app.services, key, query, show).await?;
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

impl PaymentPage {
    /// A page of as many payments in all.
    pub(super) const fn new(data: Vec<PaymentView>, total: i64) -> Self {
        Self { data, total }
    }
}

/// List payments with their number
///
/// As the list of payments, together with how many there are in all.
#[utoipa::path(
    tag = "Payments",
    params(PageParams, FilterParams),
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
    let query = payment_query(&params, now)?;
    let sealer = app.services.sealer.clone();
    let show = move |page, total| json(&PaymentPage::new(PaymentView::list(&sealer, page, now)?, total));
    let json = payments::list_and_count(&app.services, key, query, show).await?;
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

query! {
    /// How to sum up.
    pub struct HistoryParams {
        /// By which period; `day` where nothing is said.
        #[param(schema_with = groups)]
        group: Option<String>,
    }
}

fn groups() -> Object {
    leniency::words(["hour", "day", "month"]).build()
}

impl From<payments::HistoryPoint> for HistoryPoint {
    fn from(point: payments::HistoryPoint) -> Self {
        Self {
            date: point.began_at.to_iso(),
            income: point.income_msat,
            spending: point.spending_msat,
            balance: point.balance_msat,
        }
    }
}

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
    let grouping = match params.read::<HistoryParams>()?.group.as_deref() {
        Some("hour") => Grouping::Hour,
        None | Some("day") => Grouping::Day,
        Some("month") => Grouping::Month,
        Some(_) => return Err(ApiError::field("group", "must be hour, day or month")),
    };
    let show = |points: Vec<_>| json(&points.into_iter().map(HistoryPoint::from).collect::<Vec<_>>());
    let json = payments::history(&app.services, key, grouping, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}
