//! The log of what was sent to a manager's endpoints, and sending it again.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::openapi::Object;
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, ToSchema};

use super::views::{DeliveryDetails, DeliveryView};
use super::{delivery_id, delivery_not_found, endpoint_id, webhook_not_found};
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam, create_once};
use crate::api::framework::leniency;
use crate::api::framework::params::{Checks, Params, Window};
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{DeliveryId, EndpointId, EventId};
use crate::domain::time::{Moment, UnixMs};
use crate::domain::webhooks::{Destination, EventKind, OwnerKind};
use crate::net::targets::Target;
use crate::store::webhooks::events::NewDelivery;
use crate::store::webhooks::{endpoints, log};
use crate::store::{Db, StoreError};

/// Deliveries that are listed where nothing is said.
const LIMIT_DEFAULT: i64 = 20;
/// The latest time that is taken, in Unix seconds: the end of the year 9999.
const SECONDS_MAX: isize = 253_402_300_799;

/// Which deliveries to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads these; the query itself is read by `Page`")]
pub struct DeliveryListParams {
    /// Only those in this state.
    #[param(schema_with = states)]
    state: Option<String>,
    /// Deliveries at most; over 1000 is 1000, and 0 is 20, as where nothing is said.
    #[param(minimum = 0)]
    limit: Option<i64>,
    /// Deliveries to leave out first.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

/// What a delivery can be.
const STATES: [&str; 3] = ["waiting", "delivered", "parked"];

fn states() -> Object {
    leniency::words(STATES).build()
}

/// Which part of a log is asked for.
pub(super) struct Page {
    /// In any of these states; in whatever state where there is none.
    pub(super) states: Vec<&'static str>,
    pub(super) offset: i64,
    pub(super) limit: i64,
}

impl Page {
    pub(super) fn read(params: &Params) -> Result<Self, ApiError> {
        let state = |text: &str| {
            let found = STATES.into_iter().find(|state| *state == text);
            found.ok_or_else(|| ApiError::field("state", "must be `waiting`, `delivered` or `parked`"))
        };
        let states = params.any_of("state")?.into_iter().map(state).collect::<Result<_, _>>()?;
        let Window { offset, limit } = params.window()?;
        Ok(Self { states, offset, limit: limit.unwrap_or(LIMIT_DEFAULT) })
    }
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
    let tenant = key.managed_tenant().ok_or(ErrorCode::WebhookNotFound)?;
    let Page { states, offset, limit } = Page::read(&params)?;
    let found = app.store.read_list(key.consumer(), move |connection| {
        endpoints::find(connection, tenant, id)?;
        log::list(connection, id.into(), &states, offset, limit)
    });
    let views: Vec<_> = found.await.map_err(webhook_not_found)?.into_iter().map(DeliveryView::from).collect();
    Ok(HttpResponse::Ok().json(views))
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
    let tenant = key.managed_tenant().ok_or(ErrorCode::DeliveryNotFound)?;
    let found = app.store.read(move |connection| {
        let owner = log::owner_of(connection, id)?;
        // Whose the endpoint is decides; a wallet's own webhooks are not the manager's.
        endpoints::find(connection, tenant, owner.endpoint())?;
        log::find_with_failures(connection, owner, id).map(DeliveryDetails::from)
    });
    Ok(HttpResponse::Ok().json(found.await.map_err(delivery_not_found)?))
}

/// Send a test event
///
/// Of the kind `test`, as every event is sent; the log tells what became of it.
#[utoipa::path(
    tag = "Events",
    params(("webhook_id" = String, Path, description = "The endpoint's id"), IdempotencyParam),
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
    let create = move |connection: &mut Db| {
        let url = endpoints::find(connection, key.user(), endpoint)?.url;
        let target = Target::parse(&url).map_err(|error| StoreError::Broken(error.to_string()))?;
        let (id, now) = (DeliveryId::next(), clock::now());
        log::add(connection, trial(key.consumer(), endpoint, id, &target, now), now)?;
        log::find(connection, endpoint.into(), id).map(DeliveryView::from)
    };
    create_once(&app, key, StatusCode::CREATED, claim, create, webhook_not_found).await
}

fn trial(consumer: Consumer, endpoint: EndpointId, id: DeliveryId, target: &Target, now: UnixMs) -> NewDelivery {
    NewDelivery {
        id,
        event: EventId::next(),
        kind: EventKind::Test,
        owner: endpoint.into(),
        owner_kind: OwnerKind::Endpoint,
        account: None,
        row: None,
        payload: Some(r#"{"message":"This is a test."}"#.to_owned()),
        destination: Destination { consumer, host: target.host_and_port() },
        line: None,
        created_at: now,
    }
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
    let view = app.write_as(key, move |connection| {
        let owner = log::owner_of(connection, id)?;
        // Whose the endpoint is decides; a wallet's own webhooks are not the manager's.
        endpoints::find(connection, key.user(), owner.endpoint())?;
        log::redeliver(connection, owner, id, clock::now())?;
        log::find(connection, owner, id).map(DeliveryView::from)
    });
    Ok(HttpResponse::Ok().json(view.await.map_err(delivery_not_found)?))
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
    let order: RangeOrder = body.json()?;
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
    let until = time("until", order.until.unwrap_or(now));
    let since = order.since.and_then(|since| time("since", since));
    if order.since.is_none() {
        checks.add("since", "is missing: a time in Unix seconds or ISO 8601");
    }
    let (Some(since), Some(until)) = (since, until) else { return Err(checks.into_error()) };
    let (mut redelivered, mut after) = (0_usize, None);
    loop {
        let began = Instant::now();
        let some = app.write_as(key, move |connection: &mut Db| {
            endpoints::find(connection, key.user(), id)?;
            log::redeliver_some(connection, id.into(), since, until, after, clock::now())
        });
        let (sent, last) = some.await.map_err(webhook_not_found)?;
        redelivered = redelivered.saturating_add(sent);
        if last.is_none() {
            return Ok(HttpResponse::Ok().json(Redelivered { redelivered }));
        }
        after = last;
        // Payments come first.
        actix_web::rt::time::sleep(began.elapsed()).await;
    }
}
