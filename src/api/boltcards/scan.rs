//! A card is shown, and pays (LUD-03).

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::answers::{Done, PayAnswer, ScanAnswer, WithdrawRequest, answer};
use super::links::Links;
use super::shown;
use crate::api::framework::address::ClientAddress;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::{App, State};
use crate::api::framework::error::ApiError;
use crate::api::framework::host::RequestHost;
use crate::api::framework::params::Params;
use crate::api::framework::query::{Deferred, query};
use crate::domain::card::tokens::WithdrawToken;
use crate::domain::ids::HitId;
use crate::domain::skim::SkimmedRequest;
use crate::services::cards::{self, CardError, Offer, Unpaid};

/// The least that can be paid with a card: one sat.
const MIN_MSAT: i64 = 1000;

query! {
    /// What a tap adds to what stands on the card.
    pub(in crate::api) struct TapParams {
        /// 16 bytes in hex
        #[param(value_type = String, example = "4E2E289D945A66BB13377A728884E867")]
        p: Option<String>,
        /// 8 bytes in hex
        #[param(value_type = String, example = "E19CCB1FED8892CE")]
        c: Option<String>,
    }
}

/// A card is shown
///
/// What stands on it leads here, with what a tap adds: `p` (the card's unique id and its counter,
/// encrypted) and `c` (the proof of them). Every tap is accepted once; it can be paid with for 60
/// seconds, once.
#[utoipa::path(
    tag = "Bolt Cards",
    params(
        ("external" = String, Path, description = "The card's `external_id`"),
        TapParams
    ),
    responses((status = 200, description = "What it pays with, or why it does not (`status` is `ERROR`)", body = ScanAnswer))
)]
#[get("/boltcards/api/v1/scan/{external}")]
pub(in crate::api) async fn scan_card(
    _acts: NotHead,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
    params: Params,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    answer(scan(&app, &host, &path, &params, &request).await.map(ScanAnswer::Offer), ScanAnswer::Refused)
}

async fn scan(
    app: &App,
    host: &RequestHost,
    external_id: &str,
    params: &Params,
    request: &HttpRequest,
) -> Result<WithdrawRequest, ApiError> {
    // Before the tap is used up.
    let links = Links::of(app, host)?;
    let TapParams { p, c } = params.read()?;
    let (p, c) = (p.unwrap_or_default(), c.unwrap_or_default());
    let _turn = app.anonymous_turn(ClientAddress::of(request)).await?;
    let shown = shown(request, external_id, &p, &c);
    let Offer { token, hit, max, .. } = cards::scan(&app.services, shown, Unpaid::UsedUp).await?;
    let pay_link = links.refund(hit)?;
    Ok(WithdrawRequest {
        tag: "withdrawRequest",
        callback: links.pay(hit)?,
        k1: token.reveal().to_string(),
        min_withdrawable: MIN_MSAT,
        max_withdrawable: max.msat(),
        default_description: format!("Boltcard (refund address {pay_link})"),
        pay_link,
    })
}

query! {
    /// With what a card pays, and what.
    pub(in crate::api) struct PayParams {
        /// What the scan has answered as `k1`
        #[param(value_type = String)]
        k1: Option<String>,
        /// The BOLT11 invoice
        #[param(value_type = String)]
        pr: Deferred<Option<String>>,
    }
}

/// A card pays
///
/// An invoice of this server, within the limits of the card and of its wallet. The tap ends with
/// that; where the invoice is not paid, it does not.
#[utoipa::path(
    tag = "Bolt Cards",
    params(
        ("hit" = String, Path, description = "The tap, as `callback` of the scan names it"),
        PayParams
    ),
    responses((status = 200, description = "It is paid, or why it is not (`status` is `ERROR`)", body = PayAnswer))
)]
#[get("/boltcards/api/v1/lnurl/cb/{hit}")]
pub(in crate::api) async fn pay_by_card(
    _acts: NotHead,
    app: State,
    client: ClientAddress,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    answer(pay(&app, client, &path, &params).await.map(PayAnswer::Done), PayAnswer::Refused)
}

async fn pay(app: &App, client: ClientAddress, hit: &str, params: &Params) -> Result<Done, ApiError> {
    let hit = hit.parse::<HitId>().or(Err(CardError::HitNotFound))?;
    let PayParams { k1, pr } = params.read()?;
    let token = k1.ok_or(CardError::NoToken)?.parse::<WithdrawToken>().or(Err(CardError::OtherToken))?;
    let request = SkimmedRequest::skim(&pr?.ok_or(CardError::NoRequest)?).or(Err(CardError::InvalidRequest))?;
    let payer = {
        let _turn = app.anonymous_turn(client).await?;
        cards::payer(&app.services, hit, &token).await?
    };
    cards::pay(&app.services, payer, request).await?;
    Ok(Done::OK)
}
