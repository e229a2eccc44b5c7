//! Logging in with a password, and out again.

use std::convert::Infallible;

use actix_web::http::header;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::{App, State};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;
use crate::api::framework::session::Session;
use crate::api::user_manager::views::ManagedWallet;
use crate::clock;
use crate::crypto::password::Password;
use crate::domain::ids::UserId;
use crate::domain::login_throttle::{AT_ACCOUNT, FROM_ADDRESS, Throttle};
use crate::domain::session::SessionToken;
use crate::domain::text::Username;
use crate::services::login_throttle::{Account, Try};
use crate::services::{self, UserWithWallets};
use crate::store::access::login_throttle::Subject;
use crate::store::access::sessions;
use crate::store::{Db, StoreError, users};

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
    /// When the session ends, as ISO 8601.
    expires_at: String,
    /// The user's own wallets with their keys; an operator has none.
    wallets: Vec<ManagedWallet>,
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
    let guess = guess(&app, address, &username);
    guess.check(&app).await?;
    let turn = app.passwords.login_turn(address.network()).await?;
    let username = Username::new(username).ok();
    // Counted whether or not there is anybody of that name.
    let look = move |connection: &mut Db| match &username {
        Some(username) => sessions::login_of(connection, username),
        None => Ok(None),
    };
    let (found, guess) = guess.count(&app, look).await??;
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
    let judged = app.passwords.verify(turn, password, hash.clone()).await;
    // The turn is held until the session is open.
    let (verified, _turn) = guess.unless_ours(&app, judged).await?;
    // Without a user or a hash nothing verifies; the order keeps the time the same.
    let (Some(user), Some(hash), true) = (user, hash, verified) else {
        return Err(ErrorCode::InvalidCredentials.into());
    };
    let token = SessionToken::generate();
    let digest = token.digest();
    let session_s = app.policy.session_s;
    let right = guess.clone();
    let open = move |connection: &mut Db| {
        let now = clock::now();
        right.succeed(connection)?;
        sessions::begin(connection, digest, user, &hash, now, now.plus_seconds(session_s))
    };
    let opened = app.store.write(open).await;
    let opened = opened.map_err(|error| {
        let is_gone = matches!(error, StoreError::NotFound);
        if is_gone { services::Error::InvalidCredentials } else { error.into() }
    });
    guess.unless_ours(&app, opened).await?;
    let view = LoginView { access_token: token.reveal().to_owned(), token_type: "bearer" };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(view))
}

/// At what a try is counted: the address, the name, and both together. Digests, so that the table
/// tells nobody's name or address.
fn guess(app: &App, address: ClientAddress, username: &str) -> Try {
    let name = username.to_ascii_lowercase();
    let network = address.network();
    let subject = |throttle: Throttle, parts: &[&[u8]]| Subject { id: app.sealer.digest(parts).to_vec(), throttle };
    Try {
        from: Some(subject(FROM_ADDRESS, &[b"login-from", &network])),
        account: Account::new(&app.sealer, b"login", name.as_bytes()),
        own: Some(subject(AT_ACCOUNT, &[b"login-at-from", name.as_bytes(), &network])),
    }
}

/// Who am I
///
/// The user of the session, with its own wallets and their keys.
#[utoipa::path(
    tag = "Auth",
    responses((status = 200, description = "The user of the session", body = WhoAmI)),
    security(("Session" = []))
)]
#[get("/api/v1/auth")]
pub(crate) async fn who_am_i(session: Session, app: State) -> Result<HttpResponse, ApiError> {
    let shared = app.clone();
    let view = app.store.read(move |connection| {
        let id = session.user();
        let user = users::find_login(connection, id)?;
        let UserWithWallets { user, wallets } = UserWithWallets::one(connection, &shared.sealer, user)?;
        Ok(WhoAmI {
            id,
            name: user.name,
            username: user.username,
            email: user.email,
            admin: session.is_operator(),
            expires_at: session.expires_at().to_iso(),
            wallets: ManagedWallet::list(wallets, true).collect(),
        })
    });
    let view = view.await.map_err(|error| ApiError::from_store(error, ErrorCode::BadAuth))?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(view))
}

/// Log out
///
/// The token stops at once, on every replica.
#[utoipa::path(
    tag = "Auth",
    responses((status = 200, description = "Logged out", body = LogoutView)),
    security(("Session" = []))
)]
#[post("/api/v1/auth/logout")]
pub(crate) async fn log_out(session: Session, app: State) -> Result<HttpResponse, ApiError> {
    app.write_as(session, move |connection| session.end(connection)).await?;
    Ok(HttpResponse::Ok().json(LogoutView { status: "success" }))
}
