//! All payments of a manager's tenant, as LNbits' dashboards page through them.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get};

use super::list::PaymentPage;
use super::query::{FilterParams, PageParams, payment_query};
use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Params;
use crate::api::framework::session::TenantReader;
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::services::tenants;

/// List the tenant's payments with their number
///
/// To a manager those of all wallets of its users, and of its own, deleted ones included: with the
/// pages and filters of a wallet's list. Payments between two of them are listed twice, as each of them
/// sees it. `search` takes a payment hash, or the id or a part of the name of wallets and users; only
/// where nobody is called so, it looks in the memo. To the admin key of anybody else, the payments of
/// its wallet.
#[utoipa::path(
    tag = "Payments",
    params(PageParams, FilterParams),
    responses((status = 200, description = "A page of payments", body = PaymentPage)),
    security(("AdminKey" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/api/v1/payments/all/paginated")]
pub(crate) async fn list_all_payments(
    caller: TenantReader,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let now = clock::now();
    let query = payment_query(&params, now)?;
    let sealer = app.services.sealer.clone();
    let show = move |page, total| json(&PaymentPage::new(PaymentView::list(&sealer, page, now)?, total));
    let json = tenants::list_and_count(&app.services, caller, query, show).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}
