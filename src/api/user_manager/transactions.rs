//! The payments of a tenant's wallet.

use actix_web::{HttpResponse, get, web};

use super::wallet_id;
use crate::api::framework::app::State;
use crate::api::framework::auth::{Caller, WalletKey};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::json_stream::json_array;
use crate::api::framework::params::{Params, WindowParams};
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::domain::ids::PaymentRow;
use crate::store::payments::filter::{Condition, PaymentFilter, Sort, Test};
use crate::store::{payments, wallets};

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
    let window = params.window()?;
    let tenant = key.managed_tenant().ok_or(ErrorCode::WalletNotFound)?;
    let found = app.store.read(move |connection| wallets::find_in_tenant(connection, tenant, id)).await;
    found.map_err(|error| ApiError::from_store(error, ErrorCode::WalletNotFound))?;
    json_array(move |before: Option<PaymentRow>| {
        let app = app.clone();
        let window = if before.is_some() { window.after_first_page() } else { window };
        async move {
            let shared = app.clone();
            let page = app.store.read_list(key.consumer(), move |connection| {
                key.recheck(connection)?;
                let older = before.map(|row| Condition { test: Test::Before(row), negated: false });
                let filter = PaymentFilter(older.into_iter().collect());
                let page = payments::list(connection, id, &filter, Sort::NEWEST, window.offset, window.rows())?;
                let before = page.last().map(|payment| payment.row).filter(|_| !window.ends_with(page.len()));
                Ok((PaymentView::items(&shared, page, clock::now())?, before))
            });
            page.await.map_err(|error| ApiError::from_store(error, ErrorCode::WalletNotFound))
        }
    })
    .await
}
