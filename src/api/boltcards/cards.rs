//! The cards of a wallet.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, delete, get, post, put, web};

use super::all_wallets;
use super::order::{CardOrder, NewCard};
use super::views::CardView;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, WalletKey};
use crate::api::framework::body::Body;
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam};
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Params;
use crate::domain::number::switch;
use crate::services::cards::{self, CardRecord};

/// List cards
///
/// Oldest first. Keys and codes are shown to the admin key, for the cards of its own wallet.
#[utoipa::path(
    tag = "Bolt Cards",
    params(("all_wallets" = Option<bool>, Query, description = "Those of all wallets of the key's user")),
    responses((status = 200, description = "The cards", body = Vec<CardView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/boltcards/api/v1/cards")]
pub(in crate::api) async fn list_cards(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let show = |found: Vec<CardRecord>| json(&found.into_iter().map(CardView::from).collect::<Vec<_>>());
    let json = cards::list(&app.services, key, all_wallets(&params)?, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Create a card
///
/// It pays from the key's wallet. Its keys are random ones, unless they are named, or follow from
/// `issuer_key`; `otp` is the code with which an app fetches them, within an hour, once. At most 100
/// for each wallet. A unique id that another card of the user has is refused (409).
#[utoipa::path(
    tag = "Bolt Cards",
    params(IdempotencyParam),
    request_body = inline(NewCard),
    responses((status = 201, description = "The card", body = CardView)),
    security(("AdminKey" = []))
)]
#[post("/boltcards/api/v1/cards")]
pub(in crate::api) async fn create_card(
    key: AdminKey,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: CardOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let show = |record| json(&CardView::from(record));
    Ok(cards::create(&app.services, key, claim, order.terms()?, show).await?.respond_json())
}

/// Change a card
///
/// What is not named stays as it is. `counter` only goes up while the keys stay the same, so that
/// no tap from before pays again.
#[utoipa::path(
    tag = "Bolt Cards",
    params(("card" = String, Path, description = "The card's id")),
    request_body = CardOrder,
    responses((status = 200, description = "The card", body = CardView)),
    security(("AdminKey" = []))
)]
#[put("/boltcards/api/v1/cards/{card}")]
pub(in crate::api) async fn update_card(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let change = body.json::<CardOrder>()?.change()?;
    let changed = cards::update(&app.services, key, path.into_inner(), change).await?;
    Ok(HttpResponse::Ok().json(CardView::from(changed)))
}

/// Switch a card on or off
#[utoipa::path(
    tag = "Bolt Cards",
    params(
        ("card" = String, Path, description = "The card's id"),
        ("enable" = String, Path, description = "A switch: true or false", pattern = "^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$")
    ),
    responses((status = 200, description = "The card", body = CardView)),
    security(("AdminKey" = []))
)]
#[get("/boltcards/api/v1/cards/enable/{card}/{enable}")]
pub(in crate::api) async fn enable_card(
    key: AdminKey,
    _acts: NotHead,
    app: State,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (card, enable) = path.into_inner();
    let enable = switch(&enable).ok_or_else(|| ApiError::field("enable", "must be true or false"))?;
    let changed = cards::set_enabled(&app.services, key, card, enable).await?;
    Ok(HttpResponse::Ok().json(CardView::from(changed)))
}

/// Delete a card
///
/// With its hits.
#[utoipa::path(
    tag = "Bolt Cards",
    params(("card" = String, Path, description = "The card's id")),
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("AdminKey" = []))
)]
#[delete("/boltcards/api/v1/cards/{card}")]
pub(in crate::api) async fn delete_card(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    cards::delete(&app.services, key, path.into_inner()).await?;
    Ok(HttpResponse::Ok().json(None::<String>))
}

/// A new code for a card
///
/// With which an app fetches the keys, within an hour, once; the one before holds no more.
#[utoipa::path(
    tag = "Bolt Cards",
    params(("card" = String, Path, description = "The card's id")),
    responses((status = 200, description = "The card with its new code", body = CardView)),
    security(("AdminKey" = []))
)]
#[post("/boltcards/api/v1/cards/{card}/otp")]
pub(in crate::api) async fn renew_card_otp(
    key: AdminKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let renewed = cards::renew_otp(&app.services, key, path.into_inner()).await?;
    Ok(HttpResponse::Ok().json(CardView::from(renewed)))
}
