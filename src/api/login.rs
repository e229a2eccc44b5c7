//! Logging in with a password, and out again.

use actix_web::http::header;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::ClientAddress;
use super::app::{App, State};
use super::body::{Body, lenient};
use super::error::{ApiError, ErrorCode};
use super::params::Checks;
use super::session::Session;
use super::user_manager::views::ManagedWallet;
use crate::clock;
use crate::domain::guesses::{AT_ACCOUNT, AT_NAME, FROM_ADDRESS, Wait};
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::session::SessionToken;
use crate::domain::text::Username;
use crate::store::guesses::{self, Subject};
use crate::store::{Db, StoreError, sessions, users, wallets};

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
pub(super) async fn log_in(app: State, address: ClientAddress, body: Body) -> Result<HttpResponse, ApiError> {
    let order: LoginOrder = body.json_or_form()?;
    let mut checks = Checks::default();
    let username = checks.require("username", order.username, Ok);
    let password = checks.require("password", order.password, Password::new);
    let (Some(username), Some(password)) = (username, password) else { return Err(checks.into_error()) };
    let subjects = Subjects::new(&app, address, &username);
    // Most of a flood of guesses must wait, and learns so here, without a lock or a turn.
    let at_once = subjects.clone();
    app.store.read(move |connection| guesses::check(connection, &at_once.all(), clock::now())).await??;
    let _turn = app.logins.enter().await?;
    let begun = begin(&app, &subjects, Username::new(username).ok()).await??;
    let (user, hash) = begun.map_or((None, None), |(user, hash)| (Some(user), hash));
    let verified = app.verify_in_turn(password, hash.clone()).await?;
    // Without a user or a hash nothing verifies; the order keeps the time the same.
    let (Some(user), Some(hash), true) = (user, hash, verified) else {
        return Err(ErrorCode::InvalidCredentials.into());
    };
    let token = SessionToken::generate();
    let digest = token.digest();
    let session_s = app.session_s;
    let open = move |connection: &mut Db| {
        let now = clock::now();
        guesses::take_back(connection, &subjects.address.id)?;
        guesses::take_back(connection, &subjects.name.id)?;
        guesses::forget(connection, &subjects.account.id)?;
        sessions::begin(connection, digest, user, &hash, now, now.plus_seconds(session_s))
    };
    app.store.write(open).await.map_err(|error| ApiError::from_store(error, ErrorCode::InvalidCredentials))?;
    let view = LoginView { access_token: token.reveal().to_owned(), token_type: "bearer" };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(view))
}

/// What guesses are counted at: digests, so that the table tells nobody's name or address.
#[derive(Clone)]
struct Subjects {
    address: Subject,
    name: Subject,
    account: Subject,
}

impl Subjects {
    fn new(app: &App, address: ClientAddress, username: &str) -> Self {
        let name = username.to_ascii_lowercase();
        let network = address.network();
        let subject = |throttle, parts: &[&[u8]]| Subject { id: app.sealer.digest(parts).to_vec(), throttle };
        Self {
            address: subject(FROM_ADDRESS, &[b"login-from", &network]),
            name: subject(AT_NAME, &[b"login", name.as_bytes()]),
            account: subject(AT_ACCOUNT, &[b"login-at-from", name.as_bytes(), &network]),
        }
    }

    fn all(&self) -> [Subject; 3] {
        [self.address.clone(), self.name.clone(), self.account.clone()]
    }
}

/// Who has the user name, with the hash of the password.
type Login = Option<(UserId, Option<String>)>;

/// Counts the try, whether or not there is anybody of that name, and looks who it is.
async fn begin(app: &App, subjects: &Subjects, username: Option<Username>) -> Result<Result<Login, Wait>, StoreError> {
    let subjects = subjects.all();
    let count = move |connection: &mut Db| match (guesses::attempt(connection, &subjects, clock::now())?, &username) {
        (Err(wait), _) => Ok(Err(wait)),
        (Ok(()), Some(username)) => Ok(Ok(sessions::login_of(connection, username)?)),
        (Ok(()), None) => Ok(Ok(None)),
    };
    // First tries at once on several replicas all mean to make the rows; the others find them.
    let mut counted = app.store.write(count.clone()).await;
    for _ in 0..3 {
        if !matches!(counted, Err(StoreError::Conflict)) {
            break;
        }
        counted = app.store.write(count.clone()).await;
    }
    counted
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
pub(super) async fn who_am_i(session: Session, app: State) -> Result<HttpResponse, ApiError> {
    let shared = app.clone();
    let view = app.store.read(move |connection| {
        let id = session.user();
        let user = users::find_login(connection, id)?;
        let own = wallets::of_users(connection, &[id])?;
        Ok(WhoAmI {
            id,
            name: user.name,
            username: user.username,
            email: user.email,
            admin: session.is_operator(),
            expires_at: session.expires_at().to_iso(),
            wallets: ManagedWallet::list(connection, &shared.sealer, true, own)?,
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
pub(super) async fn log_out(session: Session, app: State) -> Result<HttpResponse, ApiError> {
    app.write_as(session, move |connection| session.end(connection)).await?;
    Ok(HttpResponse::Ok().json(LogoutView { status: "success" }))
}
