//! Opening a manager account without anybody's help, where the operator lets people.

use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::State;
use crate::api::framework::body::{Body, Given, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;
use crate::api::user_manager::views::ManagedWallet;
use crate::clock;
use crate::domain::login_throttle::SIGN_UP;
use crate::domain::text::Name;
use crate::services::operators::accounts::NewManager;
use crate::store::access::login_throttle;
use crate::store::access::login_throttle::Subject;

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
    if !app.policy.allow_signup {
        return Err(ErrorCode::SignupDisabled.into());
    }
    let order: SignupOrder = body.json()?;
    let mut checks = Checks::default();
    order.shared_wallet_id.refuse(&mut checks, "shared_wallet_id", "no wallet is shared; leave it out");
    let name = checks.require("name", order.name, Name::new);
    let (Some(name), true) = (name, checks.is_fine()) else { return Err(checks.into_error()) };
    let new = NewManager::named(&app.services.sealer, name);
    let id = app.sealer.digest(&[b"sign-up-from", &address.network()]).to_vec();
    let wallet = app.store.write(move |connection| {
        let subject = Subject { id, throttle: SIGN_UP };
        if let Err(wait) = login_throttle::attempt(connection, &[subject], clock::now())? {
            return Ok(Err(wait));
        }
        Ok(Ok(new.create(connection)?.wallet))
    });
    let wallet = wallet.await?.map_err(|wait| ApiError::too_many(ErrorCode::RateLimited, wait))?;
    Ok(HttpResponse::Ok().json(ManagedWallet::new(wallet, true)))
}
