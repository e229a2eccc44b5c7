//! Holds as they are: one, and lists.

use std::borrow::Cow;

use actix_web::{HttpResponse, get, web};
use utoipa::openapi::Object;

use super::orders::hold_id;
use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::framework::query::{AnyOf, FromValue, Limit, Offset, query, window};
use crate::domain::hold::HoldState;
use crate::domain::hold_view::HoldView;
use crate::services::holds::{self, HoldQuery, LIST_MAX};

query! {
    /// Which holds to list.
    pub(in crate::api) struct HoldListParams {
        /// Only those of this wallet; otherwise those that the calling manager has placed
        #[param(value_type = Option<String>)]
        wallet: Option<String>,
        /// Only those of this group
        #[param(value_type = Option<String>)]
        group: AnyOf<String>,
        /// Only those in this state
        #[param(schema_with = states)]
        state: AnyOf<HoldState>,
        /// Rows at most; over 100 or 0 is 100, as where nothing is said
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Limit,
        /// Rows to leave out first
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Offset,
    }
}

fn states() -> Object {
    leniency::words(HoldState::ALL.map(HoldState::as_str)).build()
}

impl FromValue for HoldState {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        Self::from_stored(text).ok_or("must be one of open, captured, voided, expired".into())
    }
}

/// List holds
///
/// Newest first.
#[utoipa::path(
    tag = "Holds",
    params(HoldListParams),
    responses((status = 200, description = "The holds", body = Vec<HoldView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/holds")]
pub(in crate::api) async fn list_holds(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let HoldListParams { wallet, group, state, limit, offset } = params.read()?;
    let wallet = wallet.map(|id| id.parse().or(Err(ApiError::from(ErrorCode::WalletNotFound)))).transpose()?;
    let window = window(limit, offset);
    let limit = window.limit.unwrap_or(LIST_MAX).min(LIST_MAX);
    let query = HoldQuery { wallet, groups: group.0, states: state.0, offset: window.offset, limit };
    let body = holds::list(&app.services, key, query, |page| json(&page)).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// Get a hold
#[utoipa::path(
    tag = "Holds",
    params(("hold_id" = String, Path, description = "The hold's id")),
    responses((status = 200, description = "The hold", body = HoldView)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/holds/{hold_id}")]
pub(in crate::api) async fn get_hold(
    key: WalletKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(holds::find(&app.services, key, hold_id(&path)).await?))
}
