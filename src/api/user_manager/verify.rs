//! Asking whether a password is a user's: how a game checks its player's.

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::user_id;
use super::views::ManagedUser;
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::crypto::password::Password;
use crate::domain::text::ClientName;
use crate::services::users;

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
    let user = users::verify(&app.services, key, id, password, client.as_ref()).await?;
    Ok(HttpResponse::Ok().json(ManagedUser::new(user, true)))
}
