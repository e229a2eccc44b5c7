//! Tokens that managers make for their programs.

use actix_web::http::header;
use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Type};

use crate::api::framework::app::State;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::Checks;
use crate::api::framework::session::{Everything, ManagerLogin};
use crate::domain::ids::TokenId;
use crate::domain::text::Name;
use crate::domain::time::UnixMs;
use crate::domain::token::{Lifetime, Scope, Scopes};
use crate::services::tokens::{self, Token, TokenTerms, TokenWithText};

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "game server", "scopes": ["users", "payments"], "expires_in": 7_776_000}))]
pub struct TokenOrder {
    /// What it is called in the list.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    name: Option<String>,
    /// What it may do, one at least: `read`, `users`, `payments`, `all`.
    #[serde(default)]
    #[schema(required, schema_with = scopes)]
    scopes: Option<Vec<String>>,
    /// For how many seconds it is good, up to two years; 90 days where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1, maximum = 63_072_000)]
    expires_in: Option<i64>,
}

/// The scopes, for the document.
fn scopes() -> Array {
    let meaning = "What it may do, one at least. `read`: read what the manager may, but for keys. `users`: also \
                   create, change and delete users and wallets, and see the keys that receive. `payments`: also move \
                   money, and see the keys that spend. `all`: all that the manager may after a login, making tokens \
                   included.";
    ArrayBuilder::new()
        .schema_type(Type::Array)
        .items(leniency::words(Scope::ALL.map(Scope::as_str)))
        .min_items(Some(1))
        .description(Some(meaning))
        .build()
}

/// A token, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "9a1de64477ad4ea39e5f25c1c4ad1cd7",
    "name": "game server",
    "scopes": ["users", "payments"],
    "created_at": "2026-11-21T12:00:00Z",
    "expires_at": "2027-02-19T12:00:00Z",
    "last_used_at": null
}))]
pub struct TokenView {
    /// Its id, by which it is revoked.
    #[schema(value_type = String)]
    id: TokenId,
    /// What it is called.
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<&'static str>,
    /// When it was made, as ISO 8601.
    created_at: String,
    /// When it ends, as ISO 8601.
    expires_at: String,
    /// When it was used last, to the minute, as ISO 8601; null where it never was.
    last_used_at: Option<String>,
}

/// A token that has just been made.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "9a1de64477ad4ea39e5f25c1c4ad1cd7",
    "name": "game server",
    "scopes": ["users", "payments"],
    "token": "3f1c…64 hex characters…",
    "created_at": "2026-11-21T12:00:00Z",
    "expires_at": "2027-02-19T12:00:00Z"
}))]
pub struct NewTokenView {
    /// Its id, by which it is revoked.
    #[schema(value_type = String)]
    id: TokenId,
    /// What it is called.
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<&'static str>,
    /// The token itself, which is not shown again.
    token: String,
    /// When it was made, as ISO 8601.
    created_at: String,
    /// When it ends, as ISO 8601.
    expires_at: String,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes.names(),
            created_at: token.created_at.to_iso(),
            expires_at: token.expires_at.to_iso(),
            last_used_at: token.last_used_at.map(UnixMs::to_iso),
        }
    }
}

impl From<TokenWithText> for NewTokenView {
    fn from(TokenWithText { token, text }: TokenWithText) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes.names(),
            token: text.reveal().to_owned(),
            created_at: token.created_at.to_iso(),
            expires_at: token.expires_at.to_iso(),
        }
    }
}

/// Make a token
///
/// For a program of the manager's: it is shown as a session's is, and stops at its end, when it is
/// revoked, and when the manager is deleted, but not with a new password. Which scope an operation
/// takes stands with it. At most 100 for each manager.
#[utoipa::path(
    tag = "Auth",
    params(Idempotency),
    request_body = TokenOrder,
    responses((status = 201, description = "The token, which is not shown again", body = NewTokenView)),
    security(("Session" = []), ("Token" = ["all"]))
)]
#[post("/api/v1/auth/tokens")]
pub(crate) async fn create_token(
    caller: ManagerLogin<Everything>,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: TokenOrder = body.json()?;
    let claim = idempotency.claim(&app, &caller, &body)?;
    let mut checks = Checks::default();
    let name = checks.require("name", order.name, Name::new);
    let scopes = checks.require("scopes", order.scopes, |names| Scopes::of_names(&names));
    let lifetime = checks.check_opt("expires_in", order.expires_in, Lifetime::from_seconds);
    let (Some(name), Some(scopes), Some(lifetime)) = (name, scopes, lifetime) else { return Err(checks.into_error()) };
    let terms = TokenTerms { name, scopes, lifetime: lifetime.unwrap_or_default() };
    let show = |made| json(&NewTokenView::from(made));
    let mut response = tokens::create(&app.services, caller, claim, terms, show).await?.respond_json();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// List tokens
///
/// Those that have not ended, oldest first.
#[utoipa::path(
    tag = "Auth",
    responses((status = 200, description = "The tokens, without their text", body = Vec<TokenView>)),
    security(("Session" = []), ("Token" = ["all"]))
)]
#[get("/api/v1/auth/tokens")]
pub(crate) async fn list_tokens(caller: ManagerLogin<Everything>, app: State) -> Result<HttpResponse, ApiError> {
    let found = tokens::list(&app.services, caller).await?;
    Ok(HttpResponse::Ok().json(found.into_iter().map(TokenView::from).collect::<Vec<_>>()))
}

/// Revoke a token
///
/// It stops at once, on every replica.
#[utoipa::path(
    tag = "Auth",
    params(("token_id" = String, Path, description = "The token's id")),
    responses((status = 200, description = "Revoked; the body is `null`", body = Option<String>, example = json!(null))),
    security(("Session" = []), ("Token" = ["all"]))
)]
#[delete("/api/v1/auth/tokens/{token_id}")]
pub(crate) async fn revoke_token(
    caller: ManagerLogin<Everything>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id: TokenId = path.parse().or(Err(ErrorCode::TokenNotFound))?;
    tokens::revoke(&app.services, caller, id).await?;
    Ok(HttpResponse::Ok().json(()))
}
