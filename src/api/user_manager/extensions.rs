//! Extensions, which satkeep does not have: kept because old scripts enable them.

use actix_web::{HttpResponse, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Params;
use crate::api::framework::query::{Deferred, query};
use crate::api::framework::session::KeyOrSession;
use crate::domain::ids::UserId;
use crate::services::users;

query! {
    /// What an old script enables, and for whom.
    pub struct ExtensionParams {
        /// The extension's name.
        #[param(example = "usermanager")]
        #[expect(dead_code, reason = "old scripts send it; it must only be well-formed")]
        extension: Option<String>,
        /// The user: the calling one, or one that it has created.
        #[param(value_type = Option<String>)]
        userid: Deferred<Option<String>>,
        /// Whether it is to be enabled.
        #[expect(dead_code, reason = "old scripts send it; it must only be well-formed")]
        active: Option<bool>,
    }
}

/// The same in the body, as the oldest scripts have it; what the query says stands above it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"extension": "usermanager", "active": true}))]
pub struct ExtensionOrder {
    /// The extension's name.
    #[serde(default, rename = "extension", deserialize_with = "lenient")]
    _extension: Option<String>,
    /// The user: the calling one, or one that it has created.
    #[serde(default, deserialize_with = "lenient")]
    userid: Option<String>,
    /// Whether it is to be enabled.
    #[serde(default, rename = "active", deserialize_with = "lenient")]
    _active: Option<bool>,
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
    request_body = ExtensionOrder,
    responses((status = 200, description = "Nothing has changed", body = ExtensionView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/usermanager/api/v1/extensions")]
pub(in crate::api) async fn update_extension(
    key: WalletKey,
    app: State,
    params: Params,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: ExtensionOrder = body.json()?;
    let params: ExtensionParams = params.read()?;
    let named = params.userid?.or(order.userid);
    if let Some(user) = named {
        let user: UserId = user.parse().or(Err(ErrorCode::UserNotFound))?;
        users::check_known(&app.services, key, user).await?;
    }
    Ok(HttpResponse::Ok().json(ExtensionView { extension: "updated" }))
}

/// That something went well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Nothing has changed: there are no extensions"}))]
pub struct SuccessView {
    /// Always true.
    success: bool,
    /// What to know about it.
    message: &'static str,
}

const UNCHANGED: SuccessView = SuccessView { success: true, message: "Nothing has changed: there are no extensions" };

/// Enable an extension
///
/// Changes nothing: kept for clients of LNbits that enable what they use.
#[utoipa::path(
    tag = "User Manager",
    params(("name" = String, Path, description = "The extension's name", example = "lnurlp")),
    responses((status = 200, description = "Nothing has changed", body = SuccessView)),
    security(("InvoiceKey" = []), ("AdminKey" = []), ("Session" = []))
)]
#[put("/api/v1/extension/{name}/enable")]
pub(in crate::api) async fn enable_extension(_caller: KeyOrSession<WalletKey>) -> HttpResponse {
    HttpResponse::Ok().json(UNCHANGED)
}

/// Disable an extension
///
/// Changes nothing, as enabling one.
#[utoipa::path(
    tag = "User Manager",
    params(("name" = String, Path, description = "The extension's name", example = "lnurlp")),
    responses((status = 200, description = "Nothing has changed", body = SuccessView)),
    security(("InvoiceKey" = []), ("AdminKey" = []), ("Session" = []))
)]
#[put("/api/v1/extension/{name}/disable")]
pub(in crate::api) async fn disable_extension(_caller: KeyOrSession<WalletKey>) -> HttpResponse {
    HttpResponse::Ok().json(UNCHANGED)
}
