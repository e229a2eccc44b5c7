//! Extensions, which satkeep does not have: kept because old scripts enable them.

use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::app::State;
use crate::api::auth::AdminKey;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::params::Params;
use crate::domain::ids::UserId;
use crate::store::users;

/// What an old script enables, and for whom.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads these")]
pub struct ExtensionParams {
    /// The extension's name.
    #[param(example = "usermanager")]
    extension: Option<String>,
    /// The user, one of the manager's.
    userid: Option<String>,
    /// Whether it is to be enabled.
    active: Option<bool>,
}

/// The answer that old scripts expect.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExtensionView {
    /// Always `updated`.
    #[schema(example = "updated")]
    extension: &'static str,
}

/// Enable an extension
///
/// Changes nothing: what the User Manager extension does is always there.
#[utoipa::path(
    tag = "User Manager",
    params(ExtensionParams),
    responses((status = 200, description = "Nothing has changed", body = ExtensionView)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/extensions")]
pub(in crate::api) async fn update_extension(
    key: AdminKey,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    if let Some(user) = params.get("userid")? {
        let user: UserId = user.parse().or(Err(ErrorCode::UserNotFound))?;
        let tenant = key.user();
        // An old script may name the manager itself.
        if user != tenant {
            let found = app.store.read(move |connection| users::find(connection, tenant, user)).await;
            found.map_err(|error| ApiError::from_store(error, ErrorCode::UserNotFound))?;
        }
    }
    Ok(HttpResponse::Ok().json(ExtensionView { extension: "updated" }))
}
