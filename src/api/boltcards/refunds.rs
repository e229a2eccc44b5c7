//! What was paid with a card is paid back (LUD-06).

use actix_web::{HttpResponse, get, web};

use super::answers::{PayRequest, RefundInvoice, RefundInvoiceAnswer, RefundLinkAnswer, answer};
use super::links::Links;
use crate::api::framework::address::ClientAddress;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::{App, State};
use crate::api::framework::error::ApiError;
use crate::api::framework::host::RequestHost;
use crate::api::framework::params::Params;
use crate::api::framework::query::{Whole, query};
use crate::domain::ids::HitId;
use crate::services::cards::{self, CardError, RefundLink};

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
    client: ClientAddress,
    host: RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    answer(tell(&app, client, &host, &path).await.map(RefundLinkAnswer::Request), RefundLinkAnswer::Refused)
}

async fn find(app: &App, client: ClientAddress, hit: &str) -> Result<RefundLink, ApiError> {
    let hit = hit.parse::<HitId>().or(Err(CardError::HitNotFound))?;
    let _turn = app.anonymous_turn(client).await?;
    Ok(cards::refund_link(&app.services, hit).await?)
}

async fn tell(app: &App, client: ClientAddress, host: &RequestHost, hit: &str) -> Result<PayRequest, ApiError> {
    let links = Links::of(app, host)?;
    let link = find(app, client, hit).await?;
    Ok(PayRequest {
        tag: "payRequest",
        callback: links.refund_invoice(link.hit)?,
        min_sendable: link.range.min().msat(),
        max_sendable: link.range.max().msat(),
        metadata: link.metadata.as_str().to_owned(),
    })
}

query! {
    /// What is to be paid back.
    pub(in crate::api) struct RefundParams {
        /// How much, in msat; whole sat only
        #[param(value_type = String, example = "210000", pattern = "^[0-9]{1,18}$")]
        amount: Option<Whole<{ i64::MIN }, { i64::MAX }>>,
    }
}

/// An invoice to pay back
#[utoipa::path(
    tag = "Bolt Cards",
    params(
        ("hit" = String, Path, description = "The tap"),
        RefundParams
    ),
    responses((status = 200, description = "The invoice, or why there is none (`status` is `ERROR`)", body = RefundInvoiceAnswer))
)]
#[get("/boltcards/api/v1/lnurlp/cb/{hit}")]
pub(in crate::api) async fn refund_invoice(
    _acts: NotHead,
    app: State,
    client: ClientAddress,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let invoice = invoice(&app, client, &path, &params).await;
    answer(invoice.map(RefundInvoiceAnswer::Invoice), RefundInvoiceAnswer::Refused)
}

async fn invoice(app: &App, client: ClientAddress, hit: &str, params: &Params) -> Result<RefundInvoice, ApiError> {
    let RefundParams { amount } = params.read()?;
    let Whole(amount_msat) = amount.ok_or_else(|| ApiError::field("amount", "is missing: how much, in msat"))?;
    let link = find(app, client, hit).await?;
    let _turn = app.invoice_turn(client).await?;
    Ok(RefundInvoice { pr: cards::refund_invoice(&app.services, link, amount_msat).await?, routes: [] })
}
