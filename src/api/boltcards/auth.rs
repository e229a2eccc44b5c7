//! An app that programs or wipes a card fetches its keys: with a code, once. Nobody gets keys for
//! a unique id, which any phone reads.

use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{NewCardKeys, NewCardKeysByPost};
use super::links::Links;
use crate::api::framework::address::ClientAddress;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::{App, State};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::params::Params;
use crate::api::framework::query::{Deferred, query};
use crate::domain::card::CardUid;
use crate::domain::card::tokens::Otp;
use crate::services::cards;

/// The card that the app has before it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BoltCardAtHand, example = json!({"UID": "04996C6A926980"}))]
pub struct CardAtHand {
    /// Its unique id; where it is said, it must be that of the code's card.
    #[serde(rename = "UID", default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{14}$")]
    uid: Option<String>,
    /// What the card shows, which is not looked at: the code says which card it is.
    #[serde(rename = "LNURLW", default, deserialize_with = "lenient")]
    #[schema(max_length = 8192)]
    #[expect(dead_code, reason = "apps send it")]
    lnurlw: Option<String>,
}

async fn take(
    app: &App,
    client: ClientAddress,
    host: &RequestHost,
    code: Option<String>,
    uid: Option<CardUid>,
) -> Result<NewCardKeys, ApiError> {
    let otp = code.ok_or_else(|| ApiError::field("a", "is missing: the card's code (`otp`)"))?;
    let otp = otp.parse::<Otp>().or(Err(ErrorCode::CardCodeUnknown))?;
    // Before the code is used up.
    let links = Links::of(app, host)?;
    let _turn = app.anonymous_turn(client).await?;
    let programming = cards::take_keys(&app.services, otp, uid).await?;
    let base = links.scan(&programming.card.external_id)?;
    Ok(NewCardKeys::new(programming, base))
}

query! {
    /// For which card.
    pub(in crate::api) struct CodeParams {
        /// The card's code
        #[param(value_type = String, example = "9d1c2b3a4f5e6d7c8b9a0f1e2d3c4b5a")]
        a: Option<String>,
    }
}

query! {
    /// For which card, and what for.
    pub(in crate::api) struct CodeAndPurposeParams {
        /// The card's code
        #[param(value_type = String)]
        a: Deferred<Option<String>>,
        /// Whether the card is to be wiped
        wipe: Option<bool>,
    }
}

/// Fetch a card's keys
///
/// For an app that programs the card. The code, `otp` of the card, is used up with that, and holds
/// for an hour.
#[utoipa::path(
    tag = "Bolt Cards",
    params(CodeParams),
    responses((status = 200, description = "The keys", body = NewCardKeys))
)]
#[get("/boltcards/api/v1/auth")]
pub(in crate::api) async fn get_card_keys(
    _acts: NotHead,
    app: State,
    client: ClientAddress,
    host: RequestHost,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let CodeParams { a } = params.read()?;
    Ok(HttpResponse::Ok().json(take(&app, client, &host, a, None).await?))
}

/// Fetch a card's keys, by POST
///
/// As by GET, with the names in upper case; with `wipe`, for an app that wipes the card. The code is
/// needed here as well.
#[utoipa::path(
    tag = "Bolt Cards",
    params(CodeAndPurposeParams),
    request_body = CardAtHand,
    responses((status = 200, description = "The keys", body = NewCardKeysByPost))
)]
#[post("/boltcards/api/v1/auth")]
pub(in crate::api) async fn take_card_keys(
    app: State,
    client: ClientAddress,
    host: RequestHost,
    params: Params,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let at_hand: CardAtHand = body.json()?;
    let uid = at_hand.uid.map(|uid| uid.parse::<CardUid>()).transpose();
    let uid = uid.map_err(|error| ApiError::field("UID", error))?;
    let CodeAndPurposeParams { a, wipe } = params.read()?;
    let keys = take(&app, client, &host, a?, uid).await?;
    Ok(HttpResponse::Ok().json(NewCardKeysByPost::new(keys, wipe.unwrap_or_default())))
}
