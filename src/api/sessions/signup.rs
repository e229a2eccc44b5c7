//! Opening a manager account without anybody's help, where the operator lets people.

use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::State;
use crate::api::framework::body::{Body, Given, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::params::Checks;
use crate::api::user_manager::views::ManagedWallet;
use crate::domain::text::Name;
use crate::services::sessions;

/// The account to open.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "My game"}))]
pub struct SignupOrder {
    /// The name of the manager and its wallet.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    name: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    shared_wallet_id: Given,
}

/// Open a manager account
///
/// Answers its wallet with both keys, which are shown nowhere else. Refused unless sign-up is
/// enabled (`--allow-signup`), and slowed down by address (429, `Retry-After`); there is no caller whom an `Idempotency-Key` could belong to.
#[utoipa::path(
    tag = "Auth",
    request_body = SignupOrder,
    responses((status = 200, description = "The wallet of the new manager", body = ManagedWallet))
)]
#[post("/api/v1/account")]
pub(crate) async fn sign_up(app: State, address: ClientAddress, body: Body) -> Result<HttpResponse, ApiError> {
    // Whatever the body says.
    sessions::check_sign_up(&app.services)?;
    let order: SignupOrder = body.json()?;
    let mut checks = Checks::default();
    order.shared_wallet_id.refuse(&mut checks, "shared_wallet_id", "no wallet is shared; leave it out");
    let name = checks.require("name", order.name, Name::new);
    let (Some(name), true) = (name, checks.is_fine()) else { return Err(checks.into_error()) };
    let wallet = sessions::sign_up(&app.services, address.0, name).await?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}
