//! The payments of a tenant's wallet, and of all of them.

use actix_web::{HttpResponse, get, web};

use super::wallet_id;
use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::{Page, json_array};
use crate::api::framework::params::{Params, Window};
use crate::api::framework::query::{Limit, Offset, WindowParams, query, window};
use crate::api::framework::session::TenantReader;
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::ids::PaymentRow;
use crate::domain::search::SearchText;
use crate::services::payments::{Payment, Slice};
use crate::services::{StoreError, payments, tenants};

query! {
    /// Which part of a list of payments, and what to look for in it.
    pub(in crate::api) struct TransactionParams {
        /// Rows at most; over 1000 is 1000, and 0 is all, as where nothing is said.
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Limit,
        /// Rows to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Offset,
        /// A payment hash; or the id of a wallet or user, or a text in the wallet's name, or in the user's
        /// name, user name, email address or `external_id`, whatever the case; or else a text in the memo.
        #[param(value_type = Option<String>, max_length = 128)]
        search: Option<SearchText>,
    }
}

/// List the tenant's payments
///
/// Those of all wallets of the manager's users, and of its own, newest first, unless `limit` says
/// otherwise. Payments between two of them are listed twice, as each of them sees it. Those of deleted
/// users and wallets stay.
#[utoipa::path(
    tag = "User Manager",
    params(TransactionParams),
    responses((status = 200, description = "The payments", body = Vec<PaymentView>)),
    security(("AdminKey" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/usermanager/api/v1/transactions")]
pub(in crate::api) async fn list_tenant_transactions(
    caller: TenantReader,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let TransactionParams { limit, offset, search } = params.read()?;
    let window = window(limit, offset);
    json_array(move |older_than: Option<PaymentRow>| {
        let (app, search) = (app.clone(), search.clone());
        let (slice, show) = next_page(app.services.sealer.clone(), window, older_than);
        async move { Ok(tenants::transactions(&app.services, caller, search, slice, show).await?) }
    })
    .await
}

/// List a wallet's payments
///
/// Newest first; all of them unless `limit` says otherwise.
#[utoipa::path(
    tag = "User Manager",
    params(("wallet_id" = String, Path, description = "The wallet's id"), WindowParams),
    responses((status = 200, description = "The payments", body = Vec<PaymentView>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/transactions/{wallet_id}")]
pub(in crate::api) async fn list_transactions(
    key: WalletKey,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let id = wallet_id(&path)?;
    let window = Window::from(params.read::<WindowParams>()?);
    let wallet = payments::managed_wallet(&app.services, key, id).await?;
    json_array(move |older_than: Option<PaymentRow>| {
        let app = app.clone();
        let (slice, show) = next_page(app.services.sealer.clone(), window, older_than);
        async move { Ok(payments::transactions(&app.services, wallet, slice, show).await?) }
    })
    .await
}

/// The part of a list of payments that comes after this one, and how to show it.
fn next_page(
    sealer: Sealer,
    window: Window,
    older_than: Option<PaymentRow>,
) -> (Slice, impl FnOnce(Vec<Payment>) -> Result<Page<PaymentRow>, StoreError> + Send + 'static) {
    let window = if older_than.is_some() { window.after_first_page() } else { window };
    let slice = Slice { older_than, offset: window.offset, limit: window.rows() };
    let show = move |page: Vec<Payment>| {
        let last = page.last().map(|payment| payment.row).filter(|_| !window.ends_with(page.len()));
        Ok((PaymentView::items(&sealer, page, clock::now())?, last))
    };
    (slice, show)
}
