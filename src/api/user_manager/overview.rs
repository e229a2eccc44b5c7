//! What a tenant comes to.

use std::borrow::Cow;

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::framework::query::{FromValue, Whole, query};
use crate::api::framework::session::TenantReader;
use crate::services::tenants::{self, Overview, Period, Point};

/// Hours of a series where nothing is said, and at most.
const HOURS: (i64, i64) = (24, 168);
/// And days.
const DAYS: (i64, i64) = (7, 92);

query! {
    /// Which series.
    pub struct OverviewParams {
        /// The length of its periods, in UTC; `hour` where nothing is said.
        #[param(schema_with = groups)]
        group: Option<Period>,
        /// How many of them, the present one included: 168 hours or 92 days at most, however many more are
        /// asked for; 24 or 7 where nothing is said.
        #[param(value_type = Option<i64>, minimum = 1, maximum = 168)]
        periods: Option<Whole<1, 168>>,
    }
}

fn groups() -> Object {
    leniency::words(["hour", "day"]).build()
}

impl FromValue for Period {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        match text {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            _ => Err("must be hour or day".into()),
        }
    }
}

/// One period of a series.
#[derive(Debug, Serialize, ToSchema)]
pub struct PointView {
    /// When it began, in Unix seconds.
    time: i64,
    /// How many payments there were.
    payments: i64,
    /// What they come to, in msat.
    #[schema(value_type = i64)]
    volume_msat: i128,
    /// What the tenant's wallets held at its end, in msat.
    #[schema(value_type = i64)]
    balance_msat: i128,
}

/// What a tenant comes to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "balance_msat": 1_000_000,
    "held_msat": 0,
    "users": 2,
    "wallets": 3,
    "payments_24h": 12,
    "volume_24h_msat": 340_000,
    "payments_24h_before": 9,
    "volume_24h_before_msat": 210_000,
    "series": [{"time": 1_795_680_000, "payments": 12, "volume_msat": 340_000, "balance_msat": 1_000_000}]
}))]
pub struct OverviewView {
    /// What its wallets can spend together, in msat.
    #[schema(value_type = i64)]
    balance_msat: i128,
    /// What of their money is on hold besides, in msat.
    #[schema(value_type = i64)]
    held_msat: i128,
    /// How many users there are.
    users: i64,
    /// How many wallets.
    wallets: i64,
    /// How many payments there were within the last 24 hours: each once, whether one of its sides is the
    /// tenant's or both.
    payments_24h: i64,
    /// What they come to, in msat.
    #[schema(value_type = i64)]
    volume_24h_msat: i128,
    /// How many there were within the 24 hours before.
    payments_24h_before: i64,
    /// What they come to, in msat.
    #[schema(value_type = i64)]
    volume_24h_before_msat: i128,
    /// The periods, oldest first; the last one is the present.
    series: Vec<PointView>,
}

impl From<Point> for PointView {
    fn from(point: Point) -> Self {
        Self {
            time: point.began_at.seconds(),
            payments: point.volume.payments,
            volume_msat: point.volume.volume_msat,
            balance_msat: point.balance_msat,
        }
    }
}

impl From<Overview> for OverviewView {
    fn from(overview: Overview) -> Self {
        Self {
            balance_msat: overview.balance_msat,
            held_msat: overview.held_msat,
            users: overview.users,
            wallets: overview.wallets,
            payments_24h: overview.day.payments,
            volume_24h_msat: overview.day.volume_msat,
            payments_24h_before: overview.day_before.payments,
            volume_24h_before_msat: overview.day_before.volume_msat,
            series: overview.series.into_iter().map(PointView::from).collect(),
        }
    }
}

/// What the tenant comes to
///
/// What the wallets of a manager's users hold, and its own, and what they paid and were paid: within the
/// last 24 hours, within the 24 hours before, and hour by hour or day by day. What others paid them
/// counts, and so does what operators credited.
#[utoipa::path(
    tag = "User Manager",
    params(OverviewParams),
    responses((status = 200, description = "The overview", body = OverviewView)),
    security(("AdminKey" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/usermanager/api/v1/overview")]
pub(in crate::api) async fn tenant_overview(
    caller: TenantReader,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let OverviewParams { group, periods } = params.read()?;
    let period = group.unwrap_or(Period::Hour);
    let (default, most) = match period {
        Period::Hour => HOURS,
        Period::Day => DAYS,
    };
    let periods = periods.map_or(default, |Whole(periods)| periods.min(most));
    let overview = tenants::overview(&app.services, caller, period, periods).await?;
    Ok(HttpResponse::Ok().json(OverviewView::from(overview)))
}
