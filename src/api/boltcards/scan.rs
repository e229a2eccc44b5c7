//! A card is shown, and pays (LUD-03).

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::answers::{Done, PayAnswer, ScanAnswer, WithdrawRequest, answer};
use super::links::Links;
use super::shown;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::App;
use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Params;
use crate::domain::card::tokens::WithdrawToken;
use crate::domain::ids::HitId;
use crate::domain::skim::SkimmedRequest;
use crate::services::cards::{self, CardError, Offer};

/// The least that can be paid with a card: one sat.
const MIN_MSAT: i64 = 1000;

/// A card is shown
///
/// What stands on it leads here, with what a tap adds: `p` (the card's unique id and its counter,
/// encrypted) and `c` (the proof of them). Every tap is accepted once; it can be paid with for 60
/// seconds, once.
#[utoipa::path(
    tag = "Bolt Cards",
    params(
        ("external" = String, Path, description = "The card's `external_id`"),
        ("p" = String, Query, description = "16 bytes in hex", example = "4E2E289D945A66BB13377A728884E867"),
        ("c" = String, Query, description = "8 bytes in hex", example = "E19CCB1FED8892CE")
    ),
    responses((status = 200, description = "What it pays with, or why it does not (`status` is `ERROR`)", body = ScanAnswer))
)]
#[get("/boltcards/api/v1/scan/{external}")]
pub(in crate::api) async fn scan_card(
    _acts: NotHead,
    app: State,
    path: web::Path<String>,
    params: Params,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let links = Links::of(&app, &request)?;
    let (p, c) = (params.get("p")?.unwrap_or_default(), params.get("c")?.unwrap_or_default());
    match cards::scan(&app.services, shown(&request, &path, p, c)).await {
        Ok(offer) => answer(Ok(withdraw_request(&links, &offer)?)),
        Err(error) => answer(Err::<WithdrawRequest, _>(error)),
    }
}

fn withdraw_request(links: &Links, offer: &Offer) -> Result<WithdrawRequest, ApiError> {
    let pay_link = links.refund(offer.hit)?;
    Ok(WithdrawRequest {
        tag: "withdrawRequest",
        callback: links.pay(offer.hit),
        k1: offer.token.reveal().to_string(),
        min_withdrawable: MIN_MSAT,
        max_withdrawable: offer.max.msat(),
        default_description: format!("Boltcard (refund address {pay_link})"),
        pay_link,
    })
}

/// A card pays
///
/// An invoice of this server, within the limits of the card and of its wallet. The tap ends with
/// that; where the invoice is not paid, it does not.
#[utoipa::path(
    tag = "Bolt Cards",
    params(
        ("hit" = String, Path, description = "The tap, as `callback` of the scan names it"),
        ("k1" = String, Query, description = "What the scan has answered as `k1`"),
        ("pr" = String, Query, description = "The BOLT11 invoice")
    ),
    responses((status = 200, description = "It is paid, or why it is not (`status` is `ERROR`)", body = PayAnswer))
)]
#[get("/boltcards/api/v1/lnurl/cb/{hit}")]
pub(in crate::api) async fn pay_by_card(
    _acts: NotHead,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let (token, request) = (params.get("k1")?, params.get("pr")?);
    answer(pay(&app, &path, token, request).await)
}

async fn pay(app: &App, hit: &str, token: Option<&str>, request: Option<&str>) -> Result<Done, CardError> {
    let hit = hit.parse::<HitId>().or(Err(CardError::HitNotFound))?;
    let token = token.ok_or(CardError::NoToken)?.parse::<WithdrawToken>().or(Err(CardError::OtherToken))?;
    let request = SkimmedRequest::skim(request.ok_or(CardError::NoRequest)?).or(Err(CardError::InvalidRequest))?;
    cards::pay(&app.services, hit, &token, request).await?;
    Ok(Done::OK)
}
