//! Adding to the data that a wallet keeps with a payment.

use actix_web::{HttpResponse, patch};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::AdminKey;
use crate::api::framework::body::{Body, lenient, raw};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::domain::extra::Extra;
use crate::domain::text::InvalidText;
use crate::services::payments;

/// What to add, and to which payment.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "payment_hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "extra": {"shipped": true}
}))]
pub struct ExtraOrder {
    /// The payment hash.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, pattern = "^[0-9a-fA-F]{64}$")]
    payment_hash: Option<String>,
    /// Members to add: a JSON object; with what is there, at most 8 KiB.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    extra: Option<String>,
}

/// Add to a payment's data
///
/// Members are added to `extra` of a settled payment that came in; one that is there already is refused
/// (400), and so is a payment that went out, which is an entry of the ledger and never changes.
#[utoipa::path(
    tag = "Payments",
    request_body = ExtraOrder,
    responses((status = 200, description = "The payment", body = PaymentView)),
    security(("AdminKey" = []))
)]
#[patch("/api/v1/payments/extra")]
pub(crate) async fn append_extra(key: AdminKey, app: State, body: Body) -> Result<HttpResponse, ApiError> {
    let order: ExtraOrder = body.json()?;
    let mut checks = Checks::default();
    let hash = checks.require("payment_hash", order.payment_hash, Ok::<_, InvalidText>);
    let more = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let (Some(hash), Some(more)) = (hash, more) else { return Err(checks.into_error()) };
    let hash = hash.parse().or(Err(ErrorCode::PaymentNotFound))?;
    let payment = payments::append_extra(&app.services, key, hash, more.unwrap_or_default()).await?;
    Ok(HttpResponse::Ok().json(PaymentView::new(&app.services.sealer, payment, clock::now())?))
}
