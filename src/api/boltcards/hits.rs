//! What was done with the cards of a wallet.

use actix_web::{HttpResponse, get};

use super::views::{HitView, RefundView};
use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::ApiError;
use crate::api::framework::params::{LIMIT_MAX, Params, Window};
use crate::api::framework::query::{Deferred, Limit, Offset, query, window};
use crate::services::cards;

query! {
    /// Which rows to list.
    pub(in crate::api) struct HitListParams {
        /// Those of all wallets of the key's user.
        #[param(value_type = Option<bool>)]
        all_wallets: Deferred<Option<bool>>,
        /// Rows at most; 1000 where nothing is said, and never more.
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Limit,
        /// Rows to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Offset,
    }
}

impl HitListParams {
    /// Of all wallets, how many rows to leave out, and how many to list, which are never more than
    /// [`LIMIT_MAX`].
    fn terms(self) -> Result<(bool, i64, i64), ApiError> {
        let Window { offset, limit } = window(self.limit, self.offset);
        Ok((self.all_wallets?.unwrap_or_default(), offset, limit.unwrap_or(LIMIT_MAX)))
    }
}

/// List the taps of cards
///
/// Newest first, at most 1000 at once. Those that nothing was paid with are kept for 7 days.
#[utoipa::path(
    tag = "Bolt Cards",
    params(HitListParams),
    responses((status = 200, description = "The taps", body = Vec<HitView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/boltcards/api/v1/hits")]
pub(in crate::api) async fn list_hits(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let (all_wallets, offset, limit) = params.read::<HitListParams>()?.terms()?;
    let found = cards::hits(&app.services, key, all_wallets, offset, limit).await?;
    let shown: Vec<_> = found.into_iter().map(HitView::from).collect();
    Ok(HttpResponse::Ok().json(shown))
}

/// List what was paid back to cards
///
/// Newest first, at most 1000 at once.
#[utoipa::path(
    tag = "Bolt Cards",
    params(HitListParams),
    responses((status = 200, description = "The refunds", body = Vec<RefundView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/boltcards/api/v1/refunds")]
pub(in crate::api) async fn list_refunds(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let (all_wallets, offset, limit) = params.read::<HitListParams>()?.terms()?;
    let found = cards::refunds(&app.services, key, all_wallets, offset, limit).await?;
    let shown: Vec<_> = found.into_iter().map(RefundView::from).collect();
    Ok(HttpResponse::Ok().json(shown))
}
