//! Changing the password that one logs in with.

use actix_web::http::header;
use actix_web::{HttpResponse, put};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::State;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::api::framework::session::Session;
use crate::api::sessions::login::WhoAmI;
use crate::crypto::password::Password;
use crate::domain::ids::UserId;
use crate::services::sessions::{self, PasswordChange};

/// The old password and a new one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "user_id": "151779637d7c42729e189beb053c1145",
    "username": "game",
    "password_old": "correct horse battery staple",
    "password": "staple battery horse correct",
    "password_repeat": "staple battery horse correct"
}))]
pub struct PasswordOrder {
    /// The password until now.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    password_old: Option<String>,
    /// The password from now on; at least 8 characters.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, min_length = 8)]
    password: Option<String>,
    /// The same again, where it is given.
    #[serde(default, deserialize_with = "lenient")]
    password_repeat: Option<String>,
    /// The user of the session, where it is given.
    #[serde(default, deserialize_with = "lenient")]
    user_id: Option<String>,
    /// The user name of the session's user, where it is given: operators change user names.
    #[serde(default, deserialize_with = "lenient")]
    username: Option<String>,
}

/// Change the password
///
/// All other sessions of the user end. Wrong passwords are slowed down: 429 with `Retry-After`.
#[utoipa::path(
    tag = "Auth",
    request_body = PasswordOrder,
    responses((status = 200, description = "The user of the session", body = WhoAmI)),
    security(("Session" = []))
)]
#[put("/api/v1/auth/password")]
pub(crate) async fn change_password(
    session: Session,
    app: State,
    address: ClientAddress,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: PasswordOrder = body.json()?;
    let mut checks = Checks::default();
    if order.user_id.is_some_and(|id| id.parse::<UserId>().ok() != Some(session.user())) {
        checks.add("user_id", "must be the user of the session");
    }
    if order.password_repeat.is_some() && order.password_repeat != order.password {
        checks.add("password_repeat", "must be the same as password");
    }
    let old = checks.require("password_old", order.password_old, Password::new);
    let new = checks.require("password", order.password, Password::new_for_login);
    let (Some(old), Some(new), true) = (old, new, checks.is_fine()) else { return Err(checks.into_error()) };
    let change = PasswordChange { old, new, username: order.username };
    let user = sessions::change_password(&app.services, session, address.0, change).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(WhoAmI::new(&session.full_access(), user)))
}
