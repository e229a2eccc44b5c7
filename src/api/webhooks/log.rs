//! The log of what was sent to a manager's endpoints, and sending it again.

use std::borrow::Cow;

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa::openapi::schema::Schema;

use super::views::{DeliveryDetails, DeliveryView};
use super::{delivery_id, endpoint_id};
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::{Checks, Params, Window};
use crate::api::framework::query::{AnyOf, FromValue, Limit, Offset, query, window};
use crate::clock;
use crate::domain::time::{Moment, UnixMs};
use crate::services::StoreError;
use crate::services::webhooks::Logged;
use crate::services::webhooks::log::{self, LogPage};

/// Deliveries that are listed where nothing is said.
const LIMIT_DEFAULT: i64 = 20;
/// The latest time that is taken, in Unix seconds: the end of the year 9999.
const SECONDS_MAX: isize = 253_402_300_799;

query! {
    /// Which deliveries to list.
    pub struct DeliveryListParams {
        /// Only those in this state.
        #[param(schema_with = states)]
        state: AnyOf<DeliveryState>,
        /// Deliveries at most; over 1000 is 1000, and 0 is 20, as where nothing is said.
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Limit,
        /// Deliveries to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Offset,
    }
}

impl DeliveryListParams {
    /// Which part of a log.
    pub(super) fn page(self) -> LogPage {
        let Window { offset, limit } = window(self.limit, self.offset);
        let states = self.state.0.into_iter().map(|DeliveryState(state)| state).collect();
        LogPage { states, offset, limit: limit.unwrap_or(LIMIT_DEFAULT) }
    }
}

/// What a delivery can be.
const STATES: [&str; 3] = ["waiting", "delivered", "parked"];

fn states() -> Object {
    leniency::words(STATES).build()
}

/// One of [`STATES`].
#[derive(Debug)]
struct DeliveryState(&'static str);

impl FromValue for DeliveryState {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        let found = STATES.into_iter().find(|state| *state == text).map(Self);
        found.ok_or("must be `waiting`, `delivered` or `parked`".into())
    }
}

/// Deliveries as they are listed.
pub(super) fn show(found: Vec<Logged>) -> Result<Vec<u8>, StoreError> {
    json(&found.into_iter().map(DeliveryView::from).collect::<Vec<_>>())
}

fn since() -> Schema {
    leniency::time_in_body(SECONDS_MAX, "From this time on: Unix seconds, or ISO 8601 (without a zone in UTC).")
}

fn until() -> Schema {
    leniency::time_in_body(SECONDS_MAX, "Until before this time; until now where nothing is said.")
}

/// Events of which time to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"since": 1_769_860_800, "until": 1_769_864_400}))]
pub struct RangeOrder {
    /// From this time on: Unix seconds, or ISO 8601 (without a zone in UTC).
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, schema_with = since)]
    since: Option<Moment>,
    /// Until before this time; until now where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = until)]
    until: Option<Moment>,
}

impl RangeOrder {
    /// The first time, and the one before which the range ends.
    fn read(self) -> Result<(UnixMs, UnixMs), ApiError> {
        let mut checks = Checks::default();
        let mut time = |field: &str, moment: Moment| {
            let at = moment.from();
            let is_sane = isize::try_from(at.seconds()).is_ok_and(|seconds| (0..=SECONDS_MAX).contains(&seconds));
            if !is_sane {
                checks.add(field, "must be a time from 1970 to 9999");
            }
            is_sane.then_some(at)
        };
        let now = Moment::of_second(clock::now().seconds().saturating_add(1));
        let until = time("until", self.until.unwrap_or(now));
        let since = self.since.and_then(|since| time("since", since));
        if self.since.is_none() {
            checks.add("since", "is missing: a time in Unix seconds or ISO 8601");
        }
        let (Some(since), Some(until)) = (since, until) else { return Err(checks.into_error()) };
        Ok((since, until))
    }
}

/// How many deliveries are on their way again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"redelivered": 17}))]
pub struct Redelivered {
    redelivered: usize,
}

/// List an endpoint's deliveries
///
/// The newest event first; kept for 30 days.
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id"), DeliveryListParams),
    responses((status = 200, description = "The deliveries", body = Vec<DeliveryView>)),
    security(("AdminKey" = []))
)]
#[get("/usermanager/api/v1/webhooks/{webhook_id}/deliveries")]
pub(in crate::api) async fn list_deliveries(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let manager = Manager::of(key).ok_or(ErrorCode::WebhookNotFound)?;
    let json = log::list(&app.services, manager, id, params.read::<DeliveryListParams>()?.page(), show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Get a delivery to an endpoint
///
/// With every attempt that failed.
#[utoipa::path(
    tag = "Events",
    params(("delivery_id" = String, Path, description = "The delivery's id")),
    responses((status = 200, description = "The delivery", body = DeliveryDetails)),
    security(("AdminKey" = []))
)]
#[get("/usermanager/api/v1/webhooks/deliveries/{delivery_id}")]
pub(in crate::api) async fn get_delivery(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = delivery_id(&path)?;
    let manager = Manager::of(key).ok_or(ErrorCode::DeliveryNotFound)?;
    let found = log::find(&app.services, manager, id).await?;
    Ok(HttpResponse::Ok().json(DeliveryDetails::from(found)))
}

/// Send a test event
///
/// Of the kind `test`, as every event is sent; the log tells what became of it.
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id"), Idempotency),
    responses((status = 201, description = "The delivery, on its way", body = DeliveryView)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/webhooks/{webhook_id}/test")]
pub(in crate::api) async fn test_webhook(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let endpoint = endpoint_id(&path)?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let show = |sent| json(&DeliveryView::from(sent));
    Ok(log::send_test(&app.services, key, claim, endpoint, show).await?.respond_json())
}

/// Send a delivery again
///
/// Under the same event id; at once where it waits to be tried again.
#[utoipa::path(
    tag = "Events",
    params(("delivery_id" = String, Path, description = "The delivery's id")),
    responses((status = 200, description = "The delivery, on its way", body = DeliveryView)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/webhooks/deliveries/{delivery_id}/redeliver")]
pub(in crate::api) async fn redeliver(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = delivery_id(&path)?;
    let redelivered = log::redeliver(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(DeliveryView::from(redelivered)))
}

/// Send all events of a time again
///
/// Those that came to their end, delivered or parked, each under the same event id.
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id")),
    request_body = RangeOrder,
    responses((status = 200, description = "How many are on their way", body = Redelivered)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/webhooks/{webhook_id}/redeliver")]
pub(in crate::api) async fn redeliver_range(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let (since, until) = body.json::<RangeOrder>()?.read()?;
    let redelivered = log::redeliver_range(&app.services, key, id, since, until).await?;
    Ok(HttpResponse::Ok().json(Redelivered { redelivered }))
}
