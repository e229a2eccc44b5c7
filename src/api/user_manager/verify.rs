//! Asking whether a password is a user's: how a game checks its player's.

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::user_id;
use super::users::{user_not_found, view_of};
use super::views::ManagedUser;
use crate::api::app::State;
use crate::api::auth::{AdminKey, Manager};
use crate::api::body::{Body, lenient};
use crate::api::error::{ApiError, ErrorCode};
use crate::api::params::Checks;
use crate::clock;
use crate::domain::guesses::AT_ACCOUNT;
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::store::guesses::{self, Subject};
use crate::store::{Db, StoreError, users};

/// A password to verify.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "correct horse battery staple"}))]
pub struct VerifyOrder {
    /// The password.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    password: Option<String>,
}

/// Verify a user's password
///
/// Answers the user, or 401 when the password is another one, or the user has none. A few
/// wrong ones in a row are free; then each must wait twice as long as the one before (429,
/// `Retry-After`). A right one forgets them.
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
    let Some(password) = checks.require("password", order.password, Password::new) else {
        return Err(checks.into_error());
    };
    let tenant = key.user();
    let begin = move |connection: &mut Db| begin(connection, tenant, id);
    // Two first tries at once both mean to make the row; the second one finds it.
    let begun = match app.write_as(key, begin).await {
        Err(StoreError::Conflict) => app.write_as(key, begin).await,
        begun => begun,
    };
    let hash = begun.map_err(user_not_found)??;
    if !app.verify_password(password, hash).await? {
        return Err(ErrorCode::WrongPassword.into());
    }
    let shared = app.clone();
    let view = app.write_as(key, move |connection| {
        guesses::forget(connection, id.as_bytes())?;
        view_of(connection, &shared, **key, id)
    });
    Ok(HttpResponse::Ok().json(view.await.map_err(user_not_found)?))
}

/// Counts the try, and gets the hash of the password, where there is one.
fn begin(
    connection: &mut Db,
    tenant: UserId,
    id: UserId,
) -> Result<Result<Option<String>, crate::domain::guesses::Wait>, StoreError> {
    users::find(connection, tenant, id)?;
    let subject = Subject { id: id.as_bytes().to_vec(), throttle: AT_ACCOUNT };
    match guesses::attempt(connection, &[subject], clock::now())? {
        Ok(()) => Ok(Ok(users::password_hash_of(connection, id)?)),
        Err(wait) => Ok(Err(wait)),
    }
}
