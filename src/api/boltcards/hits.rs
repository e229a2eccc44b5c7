//! What was done with the cards of a wallet.

use actix_web::{HttpResponse, get};
use utoipa::IntoParams;

use super::all_wallets;
use super::views::{HitView, RefundView};
use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::ApiError;
use crate::api::framework::params::{LIMIT_MAX, Params};
use crate::services::cards;

/// The parameters of the lists, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads these; the query itself is read by `Params`")]
struct PartParams {
    /// Those of all wallets of the key's user.
    all_wallets: Option<bool>,
    /// Rows at most; 1000 where nothing is said, and never more.
    #[param(minimum = 0)]
    limit: Option<i64>,
    /// Rows to leave out first.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

/// Which rows of a list: it is never longer than [`LIMIT_MAX`].
fn part(params: &Params) -> Result<(i64, i64), ApiError> {
    let window = params.window()?;
    Ok((window.offset, window.limit.unwrap_or(LIMIT_MAX)))
}

/// List the taps of cards
///
/// Newest first, at most 1000 at once. Those that nothing was paid with are kept for 7 days.
#[utoipa::path(
    tag = "Bolt Cards",
    params(PartParams),
    responses((status = 200, description = "The taps", body = Vec<HitView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/boltcards/api/v1/hits")]
pub(in crate::api) async fn list_hits(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let (offset, limit) = part(&params)?;
    let found = cards::hits(&app.services, key, all_wallets(&params)?, offset, limit).await?;
    let shown: Vec<_> = found.into_iter().map(HitView::from).collect();
    Ok(HttpResponse::Ok().json(shown))
}

/// List what was paid back to cards
///
/// Newest first, at most 1000 at once.
#[utoipa::path(
    tag = "Bolt Cards",
    params(PartParams),
    responses((status = 200, description = "The refunds", body = Vec<RefundView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/boltcards/api/v1/refunds")]
pub(in crate::api) async fn list_refunds(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let (offset, limit) = part(&params)?;
    let found = cards::refunds(&app.services, key, all_wallets(&params)?, offset, limit).await?;
    let shown: Vec<_> = found.into_iter().map(RefundView::from).collect();
    Ok(HttpResponse::Ok().json(shown))
}
