//! What the payments of a wallet come to, in the shapes of LNbits.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::api::framework::app::State;
use crate::api::framework::auth::{OwnWallet, WalletKey};
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::framework::query::query;
use crate::api::payments::query::FilterParams;
use crate::clock;
use crate::domain::ids::{UserId, WalletId};
use crate::services::payments::PaymentFilter;
use crate::services::payments::stats::{self, Day, Group, GroupBy};

query! {
    /// By what to count.
    pub struct CountParams {
        /// By what; `tag` where nothing is said.
        #[param(schema_with = count_fields)]
        count_by: Option<String>,
    }
}

fn count_fields() -> Object {
    leniency::words(["status", "tag", "extension", "wallet_id"]).build()
}

/// How many payments have something in common.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"field": "shop", "total": 12}))]
pub struct CountView {
    /// What; empty for those without.
    field: String,
    /// How many.
    total: i64,
}

/// What the settled payments of a wallet come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "wallet_id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "wallet_name": "api_user_wallet",
    "user_id": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
    "payments_count": 12,
    "balance": 1_000_000
}))]
pub struct WalletStatsView {
    /// The wallet.
    #[schema(value_type = String)]
    wallet_id: WalletId,
    /// Its name.
    wallet_name: String,
    /// Its user.
    #[schema(value_type = String)]
    user_id: UserId,
    /// How many payments there are.
    payments_count: i64,
    /// What came in less what went out, in msat.
    #[schema(value_type = i64)]
    balance: i128,
}

/// What settled on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "date": "2026-11-21T00:00:00Z",
    "balance": 900,
    "balance_in": 1000,
    "balance_out": -100,
    "payments_count": 2,
    "count_in": 1,
    "count_out": 1,
    "fee": 0
}))]
pub struct DayView {
    /// When the day began, as ISO 8601.
    date: String,
    /// What all days up to this one come to, in sat.
    #[schema(value_type = i64)]
    balance: i128,
    /// What came in, in sat.
    #[schema(value_type = i64)]
    balance_in: i128,
    /// What went out, with what it has cost, in sat; 0 or below.
    #[schema(value_type = i64)]
    balance_out: i128,
    /// How many payments there were.
    payments_count: i64,
    /// How many came in.
    count_in: i64,
    /// How many went out.
    count_out: i64,
    /// What that has cost, in sat.
    #[schema(value_type = i64)]
    fee: i128,
}

/// What the settled payments with one tag come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"tag": "shop", "is_fiat": false, "payments_count": 12, "total": 1_000_000}))]
pub struct BreakdownView {
    /// The tag; null for payments without.
    tag: Option<String>,
    /// Always false.
    is_fiat: bool,
    /// How many payments there are.
    payments_count: i64,
    /// What came in less what went out, in msat.
    #[schema(value_type = i64)]
    total: i128,
}

/// A sum of msat in sat.
const fn sat(msat: i128) -> i128 {
    msat.div_euclid(1000)
}

impl From<Day> for DayView {
    fn from(day: Day) -> Self {
        Self {
            date: day.began_at.to_iso(),
            balance: sat(day.balance_msat),
            balance_in: sat(day.income_msat),
            balance_out: sat(day.spending_msat.saturating_neg()),
            payments_count: day.incoming.saturating_add(day.outgoing),
            count_in: day.incoming,
            count_out: day.outgoing,
            fee: sat(day.fees_msat),
        }
    }
}

impl From<Group> for BreakdownView {
    fn from(group: Group) -> Self {
        let (payments_count, total) = (group.count(), group.total_msat());
        Self { tag: group.label, is_fiat: false, payments_count, total }
    }
}

/// Count payments
///
/// By tag, status or wallet, of those that the filters of lists let through; the thousand largest groups.
#[utoipa::path(
    tag = "Payments",
    params(CountParams, FilterParams),
    responses((status = 200, description = "The numbers", body = Vec<CountView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/stats/count")]
pub(crate) async fn count_payments(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let now = clock::now();
    let filter = params.read::<FilterParams>()?.filter(now)?;
    // Payments are of no extension, and of the one wallet.
    let (by, of_all) = match params.read::<CountParams>()?.count_by.as_deref() {
        None | Some("tag") => (GroupBy::Tag, String::new()),
        Some("status") => (GroupBy::Status(now.get()), String::new()),
        Some("extension") => (GroupBy::Wallet, String::new()),
        Some("wallet_id") => (GroupBy::Wallet, key.wallet().to_string()),
        Some(_) => return Err(ApiError::field("count_by", "must be status, tag, extension or wallet_id")),
    };
    let show = move |groups: Vec<Group>| {
        let field = |label: Option<String>| label.unwrap_or_else(|| of_all.clone());
        let view = |group: Group| CountView { total: group.count(), field: field(group.label) };
        json(&groups.into_iter().map(view).collect::<Vec<_>>())
    };
    let json = stats::groups(&app.services, key, filter, by, false, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// What the wallet's payments come to
///
/// Of its settled payments, those that the filters of lists let through. LNbits lists all wallets of
/// whoever has logged in; a key has one.
#[utoipa::path(
    tag = "Payments",
    params(FilterParams),
    responses((status = 200, description = "The wallet, where it has any", body = Vec<WalletStatsView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/stats/wallets")]
pub(crate) async fn wallet_stats(own: OwnWallet, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let filter = params.read::<FilterParams>()?.filter(clock::now())?;
    let key = own.key();
    let OwnWallet(wallet) = own;
    let show = move |groups: Vec<Group>| {
        let view = |group: Group| WalletStatsView {
            wallet_id: wallet.grant.wallet,
            wallet_name: wallet.name.clone(),
            user_id: wallet.grant.user,
            payments_count: group.count(),
            balance: group.total_msat(),
        };
        json(&groups.into_iter().map(view).collect::<Vec<_>>())
    };
    let json = stats::groups(&app.services, key, filter, GroupBy::Wallet, true, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Payments by day
///
/// What settled on each day (UTC), from the first to the last one on which anything did, of the payments
/// that the filters of lists let through. Amounts are in sat here, as in LNbits.
#[utoipa::path(
    tag = "Payments",
    params(FilterParams),
    responses((status = 200, description = "The days, oldest first", body = Vec<DayView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/stats/daily")]
pub(crate) async fn daily_stats(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let filter = params.read::<FilterParams>()?.filter(clock::now())?;
    let show = |days: Vec<Day>| json(&days.into_iter().map(DayView::from).collect::<Vec<_>>());
    let json = stats::daily(&app.services, key, filter, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Payments by tag
///
/// What the wallet's settled payments come to, tag by tag; the thousand tags with most payments.
#[utoipa::path(
    tag = "Payments",
    responses((status = 200, description = "The tags", body = Vec<BreakdownView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/stats/breakdown")]
pub(crate) async fn payment_breakdown(key: WalletKey, app: State) -> Result<HttpResponse, ApiError> {
    let show = |groups: Vec<Group>| json(&groups.into_iter().map(BreakdownView::from).collect::<Vec<_>>());
    let json = stats::groups(&app.services, key, PaymentFilter::default(), GroupBy::Tag, true, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}
