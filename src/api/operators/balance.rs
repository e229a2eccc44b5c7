//! Money in and out of satkeep, by an operator's word.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::{Created, Idempotency};
use crate::api::framework::params::Checks;
use crate::api::framework::session::Operator;
use crate::domain::ids::WalletId;
use crate::domain::money::{Amount, InvalidAmount};
use crate::domain::text::InvalidText;
use crate::services::operators::balance::{self, Direction};

/// By how much a balance is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b", "amount": 1000}))]
pub struct BalanceOrder {
    /// The wallet, of any manager or user.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    id: Option<String>,
    /// How much, in sat: above 0 to credit, below 0 to debit.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    amount: Option<i64>,
    /// The unit of `amount`; only `sat`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([sS][aA][tT])?$")]
    unit: Option<String>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceView {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// The same in words.
    #[schema(example = "Balance updated.")]
    message: &'static str,
}

/// Credit or debit a wallet
///
/// Against issuance, through the ledger, whatever is frozen. A debit of more than the wallet
/// holds is refused.
#[utoipa::path(
    tag = "Operators",
    params(Idempotency),
    request_body = BalanceOrder,
    responses((status = 200, description = "The balance has changed", body = BalanceView)),
    security(("Operator" = []))
)]
#[put("/users/api/v1/balance")]
pub(in crate::api) async fn update_balance(
    operator: Operator,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    const DONE: BalanceView = BalanceView { success: true, message: "Balance updated." };
    let order: BalanceOrder = body.json()?;
    let claim = idempotency.claim(&app, &operator, &body)?;
    let mut checks = Checks::default();
    let id = checks.require("id", order.id, Ok::<_, InvalidText>);
    let change = checks.require("amount", order.amount, change_of);
    checks.unit("unit", order.unit.as_deref());
    let (Some(id), Some((direction, amount)), true) = (id, change, checks.is_fine()) else {
        return Err(checks.into_error());
    };
    let id: WalletId = id.parse().or(Err(ErrorCode::WalletNotFound))?;
    let done = balance::change(&app.services, operator, claim, id, direction, amount).await?;
    Ok(Created { answer: DONE, replayed: done.replayed }.respond_as(StatusCode::OK))
}

/// Which way the money goes, and how much.
fn change_of(sat: i64) -> Result<(Direction, Amount), InvalidText> {
    let direction = if sat < 0 { Direction::Out } else { Direction::In };
    // The one number without a positive twin is as much too large as the next.
    let amount = Amount::from_sat(sat.saturating_abs()).map_err(|invalid| match invalid {
        InvalidAmount::NotPositive => InvalidText::Form("a whole number of sat, other than 0"),
        InvalidAmount::TooLarge => InvalidText::Form("a number of sat that there are: at most 21000000 bitcoin"),
    });
    Ok((direction, amount?))
}
