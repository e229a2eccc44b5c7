//! Asking whether a password is a user's: how a game checks its player's.

use std::net::IpAddr;

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::user_id;
use super::users::{show, user_not_found};
use super::views::ManagedUser;
use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{AdminKey, Caller, Manager};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;
use crate::crypto::password::Password;
use crate::domain::ids::UserId;
use crate::domain::login_throttle::{AT_ACCOUNT, Throttle};
use crate::domain::text::ClientName;
use crate::services;
use crate::services::login_throttle::{Account, Try};
use crate::store::access::login_throttle::Subject;
use crate::store::{Db, users};

/// A password to verify.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "correct horse battery staple", "client": "203.0.113.7"}))]
pub struct VerifyOrder {
    /// The password.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    password: Option<String>,
    /// From where the player comes, best its IP address as the game sees it: wrong passwords are
    /// then counted for this player from there.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 255)]
    client: Option<String>,
}

/// Verify a user's password
///
/// Answers the user, or 401 when the password is another one, or the user has none. Wrong ones
/// are slowed down (429, `Retry-After`). A `client` has five for each user; then each must wait
/// twice as long as the one before, up to a quarter of an hour, until a right one forgets them.
/// From all clients together a user has a hundred, and then must wait 15 seconds at most, so that
/// nobody keeps a player out by guessing: name the client, if it is known.
#[utoipa::path(
    tag = "User Manager",
    params(("user_id" = String, Path, description = "The user's id")),
    request_body = VerifyOrder,
    responses((status = 200, description = "The user, whose password it is", body = ManagedUser)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/users/{user_id}/verify")]
pub(in crate::api) async fn verify_user(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let order: VerifyOrder = body.json()?;
    let mut checks = Checks::default();
    let password = checks.require("password", order.password, Password::new);
    let client = checks.check_opt("client", order.client, ClientName::new);
    let (Some(password), Some(client)) = (password, client) else { return Err(checks.into_error()) };
    let tenant = key.user();
    let find = move |connection: &mut Db| {
        key.recheck(connection)?;
        users::find(connection, tenant, id)
    };
    app.store.read(find).await.map_err(user_not_found)?;
    let guess = guess(&app, id, client.as_ref());
    guess.check(&app).await?;
    let turn = app.passwords.turn(key.consumer()).await?;
    let look = move |connection: &mut Db| {
        find(connection)?;
        users::password_hash_of(connection, id)
    };
    let (hash, guess) = guess.count(&app, look).await.map_err(user_not_found)??;
    let judged = app.passwords.verify(turn, password, hash).await;
    // The turn is held until the count is settled.
    let (verified, turn) = guess.unless_ours(&app, judged).await?;
    if !verified {
        return Err(ErrorCode::WrongPassword.into());
    }
    let right = guess.clone();
    let settled = app.write_as(key, move |connection| right.succeed(connection)).await;
    guess.unless_ours(&app, settled.map_err(services::Error::from)).await?;
    drop(turn);
    show(&app, **key, id).await
}

/// At what a try is counted: the user, and the user and where the player comes from. Digests, so
/// that the table tells nobody's address.
fn guess(app: &App, user: UserId, client: Option<&ClientName>) -> Try {
    let subject = |throttle: Throttle, parts: &[&[u8]]| Subject { id: app.sealer.digest(parts).to_vec(), throttle };
    let own = client.map(|client| {
        // Who has one address of a network has all of them.
        let address = client.as_str().trim().parse().map(|address: IpAddr| ClientAddress(address.to_canonical()));
        let from = address.map_or_else(|_| client.as_str().as_bytes().to_vec(), ClientAddress::network);
        subject(AT_ACCOUNT, &[b"verify-from", user.as_bytes(), &from])
    });
    Try { from: None, account: Account::new(&app.sealer, b"verify", user.as_bytes()), own }
}
