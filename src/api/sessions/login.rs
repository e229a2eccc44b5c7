//! Logging in with a password, and out again.

use std::convert::Infallible;

use actix_web::http::header;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::State;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::api::framework::session::{FullAccess, Session};
use crate::api::user_manager::views::ManagedWallet;
use crate::crypto::password::Password;
use crate::domain::ids::UserId;
use crate::services::{UserWithWallets, sessions};

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "game", "password": "correct horse battery staple"}))]
pub struct LoginOrder {
    /// The user name of a manager or an operator.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    username: Option<String>,
    /// The password.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    password: Option<String>,
}

/// What a login hands out.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "3f1c…64 hex characters…",
    "token_type": "bearer"
}))]
pub struct LoginView {
    /// To be shown as `Authorization: Bearer …` until it expires or is logged out.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
}

/// Who has logged in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "151779637d7c42729e189beb053c1145",
    "name": "Game",
    "username": "game",
    "email": null,
    "admin": false,
    "expires_at": "2026-11-22T12:00:00Z",
    "wallets": []
}))]
pub struct WhoAmI {
    /// The user's id.
    #[schema(value_type = String)]
    id: UserId,
    /// The user's name.
    name: String,
    /// What the user logs in as.
    username: Option<String>,
    /// The user's email address.
    email: Option<String>,
    /// Whether it is an operator.
    admin: bool,
    /// When the session, or the token, ends, as ISO 8601.
    expires_at: String,
    /// The user's own wallets with their keys; an operator has none.
    wallets: Vec<ManagedWallet>,
}

impl WhoAmI {
    /// Shows the user of a session or token.
    pub(super) fn new(caller: &FullAccess, UserWithWallets { user, wallets }: UserWithWallets) -> Self {
        Self {
            id: user.id,
            name: user.name,
            username: user.username,
            email: user.email,
            admin: caller.is_operator(),
            expires_at: caller.expires_at().to_iso(),
            wallets: ManagedWallet::list(wallets, true).collect(),
        }
    }
}

/// What came of logging out.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogoutView {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
}

/// Log in
///
/// For managers and operators that have a user name. The body is JSON or a form. Wrong
/// passwords are slowed down, by user name and by address: 429 with `Retry-After`.
#[utoipa::path(
    tag = "Auth",
    request_body(content(
        (LoginOrder = "application/json"),
        (LoginOrder = "application/x-www-form-urlencoded")
    )),
    responses((status = 200, description = "A token", body = LoginView))
)]
#[post("/api/v1/auth")]
pub(crate) async fn log_in(app: State, address: ClientAddress, body: Body) -> Result<HttpResponse, ApiError> {
    let order: LoginOrder = body.json_or_form()?;
    let mut checks = Checks::default();
    let username = checks.require("username", order.username, Ok::<_, Infallible>);
    let password = checks.require("password", order.password, Password::new);
    let (Some(username), Some(password)) = (username, password) else { return Err(checks.into_error()) };
    let token = sessions::log_in(&app.services, address.0, username, password).await?;
    let view = LoginView { access_token: token.reveal().to_owned(), token_type: "bearer" };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(view))
}

/// Who am I
///
/// The user of the session or token, with its own wallets and their keys.
#[utoipa::path(
    tag = "Auth",
    responses((status = 200, description = "The user of the session", body = WhoAmI)),
    security(("Session" = []), ("Token" = ["all"]))
)]
#[get("/api/v1/auth")]
pub(crate) async fn who_am_i(caller: FullAccess, app: State) -> Result<HttpResponse, ApiError> {
    let user = sessions::who_am_i(&app.services, caller).await?;
    let view = WhoAmI::new(&caller, user);
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(view))
}

/// Log out
///
/// The token stops at once, on every replica. One that was made by name is revoked instead, with
/// `DELETE /api/v1/auth/tokens/{token_id}`.
#[utoipa::path(
    tag = "Auth",
    responses((status = 200, description = "Logged out", body = LogoutView)),
    security(("Session" = []))
)]
#[post("/api/v1/auth/logout")]
pub(crate) async fn log_out(session: Session, app: State) -> Result<HttpResponse, ApiError> {
    sessions::log_out(&app.services, session).await?;
    Ok(HttpResponse::Ok().json(LogoutView { status: "success" }))
}
