//! Webhooks over the API: a manager's endpoints for its whole tenant, and a wallet's secret and
//! log for the webhooks of its own invoices and payments, whose format the manager chooses.

pub(crate) mod endpoints;
pub(crate) mod format;
pub(crate) mod log;
pub(crate) mod own;
pub(crate) mod views;

use actix_web::web;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::ids::{DeliveryId, EndpointId};

/// The endpoint that a path names.
fn endpoint_id(path: &web::Path<String>) -> Result<EndpointId, ApiError> {
    path.parse().or(Err(ErrorCode::WebhookNotFound.into()))
}

/// The delivery that a path names.
fn delivery_id(path: &web::Path<String>) -> Result<DeliveryId, ApiError> {
    path.parse().or(Err(ErrorCode::DeliveryNotFound.into()))
}
