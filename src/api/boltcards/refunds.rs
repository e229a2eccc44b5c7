//! What was paid with a card is paid back (LUD-06).

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::answers::{PayRequest, RefundInvoice, RefundInvoiceAnswer, RefundLinkAnswer, answer};
use super::links::Links;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Params;
use crate::domain::ids::HitId;
use crate::services::cards::{self, CardError};

/// What can be paid back
///
/// The link that `payLink` of a scan is (LUD-19): up to what was paid with the tap.
#[utoipa::path(
    tag = "Bolt Cards",
    params(("hit" = String, Path, description = "The tap")),
    responses((status = 200, description = "What can be paid back, or why nothing (`status` is `ERROR`)", body = RefundLinkAnswer))
)]
#[get("/boltcards/api/v1/lnurlp/{hit}")]
pub(in crate::api) async fn refund_link(
    app: State,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let links = Links::of(&app, &request)?;
    let Ok(hit) = path.parse::<HitId>() else { return answer(Err::<PayRequest, _>(CardError::HitNotFound)) };
    let link = cards::refund_link(&app.services, hit).await;
    answer(link.map(|link| PayRequest {
        tag: "payRequest",
        callback: links.refund_invoice(hit),
        min_sendable: link.range.min().msat(),
        max_sendable: link.range.max().msat(),
        metadata: link.metadata.as_str().to_owned(),
    }))
}

/// An invoice to pay back
#[utoipa::path(
    tag = "Bolt Cards",
    params(
        ("hit" = String, Path, description = "The tap"),
        ("amount" = i64, Query, description = "How much, in msat", minimum = 1, example = 210_000)
    ),
    responses((status = 200, description = "The invoice, or why there is none (`status` is `ERROR`)", body = RefundInvoiceAnswer))
)]
#[get("/boltcards/api/v1/lnurlp/cb/{hit}")]
pub(in crate::api) async fn refund_invoice(
    _acts: NotHead,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let amount = params.integer("amount", i64::MIN, i64::MAX)?;
    let amount_msat = amount.ok_or_else(|| ApiError::field("amount", "is missing: how much, in msat"))?;
    let Ok(hit) = path.parse::<HitId>() else { return answer(Err::<RefundInvoice, _>(CardError::HitNotFound)) };
    let invoice = cards::refund_invoice(&app.services, hit, amount_msat).await;
    answer(invoice.map(|pr| RefundInvoice { pr, routes: [] }))
}
