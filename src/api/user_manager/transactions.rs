//! The payments of a tenant's wallet.

use actix_web::{HttpResponse, get, web};

use super::wallet_id;
use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::json_array;
use crate::api::framework::params::{Params, Window};
use crate::api::framework::query::WindowParams;
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::domain::ids::PaymentRow;
use crate::services::payments;
use crate::services::payments::{Payment, Slice};

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
        let window = if older_than.is_some() { window.after_first_page() } else { window };
        let slice = Slice { older_than, offset: window.offset, limit: window.rows() };
        async move {
            let sealer = app.services.sealer.clone();
            let show = move |page: Vec<Payment>| {
                let last = page.last().map(|payment| payment.row).filter(|_| !window.ends_with(page.len()));
                Ok((PaymentView::items(&sealer, page, clock::now())?, last))
            };
            Ok(payments::transactions(&app.services, wallet, slice, show).await?)
        }
    })
    .await
}
