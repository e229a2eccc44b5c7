//! Hold invoices: settling and cancelling them, as in LNbits.

use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::AdminKey;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::domain::ids::PaymentHash;
use crate::domain::node::Preimage;
use crate::services::payments::{self, Payment};

/// The preimage of a hold invoice.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"preimage": "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef"}))]
pub struct SettleOrder {
    /// 64 hex characters; their SHA-256 is the invoice's payment hash.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, pattern = "^[0-9A-Fa-f]{64}$")]
    preimage: Option<String>,
}

/// The hold invoice to cancel.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"payment_hash": "8ff1a2b7c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e"}))]
pub struct CancelOrder {
    /// Its payment hash.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, pattern = "^[0-9A-Fa-f]{64}$")]
    payment_hash: Option<String>,
}

/// What came of a hold invoice, in LNbits' form.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceResponse {
    /// Always true: a failure has a status of its own.
    ok: bool,
    /// The payment hash.
    #[schema(value_type = String)]
    checking_id: PaymentHash,
    /// The invoice.
    payment_request: Option<String>,
    /// Always null.
    error_message: Option<String>,
    /// The preimage, once the invoice is settled.
    preimage: Option<String>,
    /// msat; always 0.
    fee_msat: i64,
}

impl InvoiceResponse {
    fn new(payment: Payment, preimage: Option<String>) -> Self {
        Self {
            ok: true,
            checking_id: payment.payment_hash,
            payment_request: payment.bolt11,
            error_message: None,
            preimage,
            fee_msat: 0,
        }
    }
}

/// Settle a hold invoice
///
/// Pays the calling wallet with what is held for its hold invoice: the one that the preimage belongs to.
#[utoipa::path(
    tag = "Payments",
    request_body = SettleOrder,
    responses((status = 200, description = "It is settled", body = InvoiceResponse)),
    security(("AdminKey" = []))
)]
#[post("/api/v1/payments/settle")]
pub(crate) async fn settle_invoice(key: AdminKey, app: State, body: Body) -> Result<HttpResponse, ApiError> {
    let order: SettleOrder = body.json()?;
    let mut checks = Checks::default();
    let preimage = checks.require("preimage", order.preimage, |text| Preimage::from_client(&text));
    let preimage = preimage.ok_or_else(|| checks.into_error())?;
    let payment = payments::settle_held(&app.services, key, &preimage).await?;
    Ok(HttpResponse::Ok().json(InvoiceResponse::new(payment, Some(preimage.reveal()))))
}

/// Cancel a hold invoice
///
/// Gives back what is held for a hold invoice of the calling wallet; it can no longer be paid.
#[utoipa::path(
    tag = "Payments",
    request_body = CancelOrder,
    responses((status = 200, description = "It is cancelled", body = InvoiceResponse)),
    security(("AdminKey" = []))
)]
#[post("/api/v1/payments/cancel")]
pub(crate) async fn cancel_invoice(key: AdminKey, app: State, body: Body) -> Result<HttpResponse, ApiError> {
    let order: CancelOrder = body.json()?;
    let mut checks = Checks::default();
    let hash = checks.require("payment_hash", order.payment_hash, |text| PaymentHash::from_client(&text));
    let hash = hash.ok_or_else(|| checks.into_error())?;
    let payment = payments::cancel_held(&app.services, key, hash).await?;
    Ok(HttpResponse::Ok().json(InvoiceResponse::new(payment, None)))
}
