//! Tills: an invoice is paid by the card that was held to them.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::Done;
use super::links::ScanLink;
use super::shown;
use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::host::RequestHost;
use crate::domain::skim::SkimmedRequest;
use crate::services::cards;

/// What the card has shown.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "lnurl_w": "lnurlw://pay.example/boltcards/api/v1/scan/7c1f5e2d8b9a4c3e6f0a1b2c3d4e5f60?p=4E2E289D945A66BB13377A728884E867&c=E19CCB1FED8892CE"
}))]
pub struct NfcOrder {
    /// What a tap of a card of this server shows: `lnurlw://…`, `https://…` or `LNURL1…`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, max_length = 8192)]
    lnurl_w: Option<String>,
}

/// It is paid.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "detail": {"status": "OK"}}))]
pub struct NfcPayment {
    /// True.
    success: bool,
    detail: Done,
}

/// Pay with a card
///
/// For tills: the invoice is paid by the card that was held to it, as if its link had been asked
/// and then paid; where it is refused, the tap is not used up. The card must be one of this server, and
/// so must the invoice.
#[utoipa::path(
    tag = "Bolt Cards",
    params(("payment_request" = String, Path, description = "The BOLT11 invoice")),
    request_body = NfcOrder,
    responses((status = 200, description = "It is paid", body = NfcPayment)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/api/v1/payments/{payment_request}/pay-with-nfc")]
pub(in crate::api) async fn pay_with_nfc(
    _till: WalletKey,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: NfcOrder = body.json()?;
    let lnurl_w = order.lnurl_w.ok_or_else(|| ApiError::field("lnurl_w", "is missing: what the card has shown"))?;
    let link = ScanLink::read(&app, &host, &lnurl_w)?;
    // Before the tap is used up.
    let invoice = SkimmedRequest::skim(&path)?;
    cards::scan_and_pay(&app.services, shown(&request, &link.external_id, &link.p, &link.c), invoice).await?;
    Ok(HttpResponse::Ok().json(NfcPayment { success: true, detail: Done::OK }))
}
