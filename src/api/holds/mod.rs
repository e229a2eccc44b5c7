//! Holds: money of a tenant's wallets that its manager promises before it moves.

mod list;
mod orders;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, LIST_BYTES_MAX};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::{Created, Idempotency};
use crate::api::framework::json_stream::json;
use crate::api::user_manager::transfers::refusal;
use crate::domain::hold_view::HoldView;
use crate::services::holds::{self, SettlementOrder};
use crate::services::{self, transfers};

pub(in crate::api) use list::{get_hold, list_holds};
pub use orders::{CaptureTerms, NewHolds, Settlement};
use orders::{LEGS_MAX, hold_id, read_capture, read_hold, read_settlement};

/// The hold that has changed, or the holds, in order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum HoldViews {
    /// The hold.
    One(Box<HoldView>),
    /// The holds.
    Many(Vec<HoldView>),
}

/// Put money on hold
///
/// Promises money of one of the tenant's wallets, or of up to 1000 (all or none), before it moves.
/// Until it is captured, voided or expires it stays in the wallet and cannot be spent otherwise:
/// `balance` is without it. A wallet's own limits do not count, except for the calling wallet's.
#[utoipa::path(
    tag = "Holds",
    params(Idempotency),
    request_body(content = NewHolds, examples(
        ("One" = (value = json!({
            "wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
            "amount": 50,
            "expires_in": 3600,
            "group": "duel-4711",
            "memo": "stake"
        }))),
        ("Several" = (value = json!([{
            "wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
            "amount": 50,
            "group": "duel-4711"
        }])))
    )),
    responses((status = 201, description = "The hold, or the holds", body = HoldViews)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/holds")]
pub(in crate::api) async fn place_holds(
    key: Manager<AdminKey>,
    app: State,
    idempotency: Idempotency,
    body: Body<LIST_BYTES_MAX>,
) -> Result<HttpResponse, ApiError> {
    let count = body.count(LEGS_MAX, "holds")?;
    let room = transfers::reserve(&app.services, key, count)?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let (rates, sat_max) = (app.services.rates.clone(), app.services.policy.invoice_sat_max);
    let (orders, is_array) = transfers::offload(count, move || {
        body.one_or_many(LEGS_MAX, |checks, order| read_hold(checks, order, &rates, sat_max))
    })
    .await??;
    let placed = holds::place(&app.services, room, claim, orders).await;
    let placed = placed.map_err(|error| refusal(error, is_array))?;
    respond(placed, is_array, StatusCode::CREATED).await
}

/// Shows holds: a list of them, or the only one.
async fn respond(changed: Created<Vec<HoldView>>, is_list: bool, status: StatusCode) -> Result<HttpResponse, ApiError> {
    let rows = changed.answer.iter().map(|hold| hold.captures.len().saturating_add(1)).sum();
    let show = move |mut holds: Vec<HoldView>| match holds.pop() {
        Some(only) if !is_list => json(&HoldViews::One(Box::new(only))),
        last => {
            holds.extend(last);
            json(&HoldViews::Many(holds))
        }
    };
    let shown = transfers::offload(rows, move || changed.try_map(show)).await;
    // What has happened has happened, even where it cannot be shown.
    let shown = shown.ok().and_then(Result::ok).ok_or(ErrorCode::OutcomeUnknown)?;
    Ok(shown.respond_json_as(status))
}

/// A refusal, which names the payee that it is about, if it is about one that has a name.
fn about_payee(error: services::Error, name: impl Fn(usize) -> Option<String>) -> ApiError {
    let payee = if let services::Error::Rejected(rejection) = &error {
        rejection.leg()
    } else if let services::Error::MissingItem { index, .. } = &error {
        Some(*index)
    } else {
        None
    };
    let refusal = ApiError::from(error);
    match payee.and_then(name) {
        Some(field) => refusal.at_field(field),
        None => refusal,
    }
}

/// The field of a settlement that names a payee, from the number of payees of each capture.
fn payee_of(counts: &[usize], payee: usize) -> Option<String> {
    let mut before = 0usize;
    for (capture, count) in counts.iter().enumerate() {
        match payee.checked_sub(before) {
            Some(index) if index < *count => return Some(format!("captures.{capture}.to.{index}")),
            _ => before = before.saturating_add(*count),
        }
    }
    None
}

/// Capture a hold
///
/// Pays what is held to one or several wallets of the tenant. What is not captured is given back, and
/// the hold closed, unless `final` is false.
#[utoipa::path(
    tag = "Holds",
    params(("hold_id" = String, Path, description = "The hold's id"), Idempotency),
    request_body(content = CaptureTerms, examples(
        ("To one" = (value = json!({"to_wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c"}))),
        ("To several" = (value = json!({"to": [
            {"wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c", "amount": 45},
            {"wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b", "amount": 5}
        ]})))
    )),
    responses((status = 201, description = "The hold", body = HoldView)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/holds/{hold_id}/capture")]
pub(in crate::api) async fn capture_hold(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    idempotency: Idempotency,
    body: Body<LIST_BYTES_MAX>,
) -> Result<HttpResponse, ApiError> {
    let claim = idempotency.claim(&app, &key, &body)?;
    let terms: CaptureTerms = body.json()?;
    let is_list = terms.names_several();
    let capture = read_capture(hold_id(&path), terms, app.services.policy.invoice_sat_max)?;
    let room = transfers::reserve(&app.services, key, capture.to.len())?;
    let order = SettlementOrder { captures: vec![capture], ..SettlementOrder::default() };
    let settled = holds::settle(&app.services, room, claim, order).await;
    let settled = settled.map_err(|error| about_payee(error, |payee| is_list.then(|| format!("to.{payee}"))))?;
    respond(settled, false, StatusCode::CREATED).await
}

/// Void a hold
///
/// Gives back what is held.
#[utoipa::path(
    tag = "Holds",
    params(("hold_id" = String, Path, description = "The hold's id"), Idempotency),
    responses((status = 200, description = "The hold", body = HoldView)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/holds/{hold_id}/void")]
pub(in crate::api) async fn void_hold(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let claim = idempotency.claim(&app, &key, &body)?;
    let room = transfers::reserve(&app.services, key, 1)?;
    let order = SettlementOrder { voids: vec![hold_id(&path)], ..SettlementOrder::default() };
    respond(holds::settle(&app.services, room, claim, order).await?, false, StatusCode::OK).await
}

/// Settle several holds
///
/// Captures and voids holds in one commit: all of it or nothing, up to 1000 payees and voided holds.
/// With `group`, every open hold of that group that is not named is voided; a group without any is
/// fine, and nothing changes. Answers the holds that have changed.
#[utoipa::path(
    tag = "Holds",
    params(Idempotency),
    request_body = Settlement,
    responses(
        (status = 201, description = "The holds", body = Vec<HoldView>),
        (status = 200, description = "Nothing had to be settled: the group has no open holds", body = Vec<HoldView>)
    ),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/holds/settle")]
pub(in crate::api) async fn settle_holds(
    key: Manager<AdminKey>,
    app: State,
    idempotency: Idempotency,
    body: Body<LIST_BYTES_MAX>,
) -> Result<HttpResponse, ApiError> {
    let claim = idempotency.claim(&app, &key, &body)?;
    let order = read_settlement(body.json()?, app.services.policy.invoice_sat_max)?;
    let room = transfers::reserve(&app.services, key, order.weight())?;
    let payees: Vec<_> = order.captures.iter().map(|capture| capture.to.len()).collect();
    let settled = holds::settle(&app.services, room, claim, order).await;
    let settled = settled.map_err(|error| about_payee(error, |payee| payee_of(&payees, payee)))?;
    let status = if settled.answer.is_empty() { StatusCode::OK } else { StatusCode::CREATED };
    respond(settled, true, status).await
}
