//! Moving money within a tenant, without an invoice.

use std::convert::Infallible;

use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, Given, LIST_BYTES_MAX, Numeral, lenient};
use crate::api::framework::error::ApiError;
use crate::api::framework::fields;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Checks;
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::external_id::ExternalId;
use crate::domain::ids::WalletId;
use crate::domain::text::Memo;
use crate::services::payments::Payment;
use crate::services::rates::Rates;
use crate::services::transfers::{self, TransferTerms};
use crate::services::{self, StoreError};

/// Movements of one request at most.
const LEGS_MAX: usize = 1000;

/// One movement.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "from_wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "to_wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c",
    "amount": 50,
    "memo": "prize"
}))]
pub struct TransferOrder {
    /// The wallet that pays: one of the manager's users', or the calling one.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    from_wallet: Option<String>,
    /// The wallet that is paid: one of the manager's users', or the calling one.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    to_wallet: Option<String>,
    /// How much, in `unit`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = fields::amount, required)]
    amount: Option<Numeral>,
    /// What for; at most 639 bytes.
    #[serde(default, deserialize_with = "lenient")]
    memo: Option<String>,
    /// The unit of `amount`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = fields::unit, required = false)]
    unit: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    webhook: Given,
    /// What the client calls it in its own books: unique within the wallet that pays.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "order-4711", max_length = 256)]
    external_id: Option<String>,
}

/// One movement, or several; for the document, while `Body` reads the body itself.
#[derive(Debug)]
pub struct TransferOrders;

impl PartialSchema for TransferOrders {
    fn schema() -> RefOr<Schema> {
        let one = || Ref::from_schema_name(TransferOrder::name());
        let many = ArrayBuilder::new().items(one()).min_items(Some(1)).max_items(Some(LEGS_MAX));
        let many = many.description(Some("Up to 1000, all or none."));
        OneOfBuilder::new().item(one()).item(many).description(Some("One movement, or several.")).into()
    }
}

impl ToSchema for TransferOrders {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((TransferOrder::name().into(), TransferOrder::schema()));
    }
}

/// What came of one movement, or of several, in order; for the document.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum TransferViews {
    /// The payer's side of the movement.
    One(Box<PaymentView>),
    /// The payers' sides of the movements.
    Many(Vec<PaymentView>),
}

/// Transfer between wallets
///
/// Moves money within the tenant without an invoice: one movement, or an array of up to
/// 1000, which is all or nothing and follows its order. Answers the payer's side of each. An
/// `amount` in a currency (`unit`) is turned into sat at the rate of now, as for an invoice.
#[utoipa::path(
    tag = "User Manager",
    params(Idempotency),
    request_body(content = TransferOrders, examples(
        ("One" = (value = json!({
            "from_wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
            "to_wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c",
            "amount": 50,
            "memo": "prize"
        }))),
        ("Several" = (value = json!([{
            "from_wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
            "to_wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c",
            "amount": 50
        }])))
    )),
    responses((status = 201, description = "The payer's side of each movement", body = TransferViews)),
    security(("AdminKey" = []))
)]
#[post("/usermanager/api/v1/transfers")]
pub(in crate::api) async fn create_transfer(
    key: Manager<AdminKey>,
    app: State,
    idempotency: Idempotency,
    body: Body<LIST_BYTES_MAX>,
) -> Result<HttpResponse, ApiError> {
    let count = body.count(LEGS_MAX, "transfers")?;
    let room = transfers::reserve(&app.services, key, count)?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let (rates, sat_max) = (app.services.rates.clone(), app.services.policy.invoice_sat_max);
    let (transfers, is_array) = transfers::offload(count, move || {
        body.one_or_many(LEGS_MAX, |checks, order| terms(checks, order, &rates, sat_max))
    })
    .await??;
    let sealer = app.services.sealer.clone();
    let show = move |sides| show(&sealer, sides, is_array);
    let made = transfers::transfer(&app.services, room, claim, transfers, show).await;
    Ok(made.map_err(|error| refusal(error, is_array))?.respond_json())
}

/// A refusal, which names the movement where there were several.
pub(in crate::api) fn refusal(error: services::Error, is_array: bool) -> ApiError {
    if let services::Error::Rejected(rejection) = error {
        return ApiError::from_rejection(rejection, is_array);
    }
    if let (services::Error::InvalidItem { index, .. }, true) = (&error, is_array) {
        let index = *index;
        return ApiError::from(error).in_item(index);
    }
    if let (services::Error::MissingItem { index, .. }, true) = (&error, is_array) {
        let index = *index;
        return ApiError::from(error).at_leg(index);
    }
    error.into()
}

/// Reads one movement.
fn terms(checks: &mut Checks, order: TransferOrder, rates: &Rates, sat_max: i64) -> Option<TransferTerms> {
    let from = checks.require("from_wallet", order.from_wallet, |text| Ok::<_, Infallible>(text.parse::<WalletId>()));
    let to = checks.require("to_wallet", order.to_wallet, |text| Ok::<_, Infallible>(text.parse::<WalletId>()));
    let unit = checks.check("unit", rates.unit(order.unit.as_deref()));
    let amount = unit.and_then(|unit| checks.amount(order.amount.as_ref(), unit, sat_max));
    let memo = checks.check("memo", Memo::new(order.memo.unwrap_or_default()));
    order.webhook.refuse(checks, "webhook", "an endpoint of the manager is told of transfers");
    let external_id = checks.check_opt("external_id", order.external_id, ExternalId::new);
    // A text that is no id names a wallet that is not there, which is for later to say.
    let nobody = WalletId::new([0; 16]);
    let (from, to) = (from?.unwrap_or(nobody), to?.unwrap_or(nobody));
    Some(TransferTerms { from, to, amount: amount?, memo: memo?, external_id: external_id? })
}

/// The payers' sides as JSON.
fn show(sealer: &Sealer, mut sides: Vec<Payment>, is_array: bool) -> Result<Vec<u8>, StoreError> {
    let now = clock::now();
    let views = match sides.pop() {
        Some(only) if !is_array => TransferViews::One(Box::new(PaymentView::new(sealer, only, now)?)),
        last => {
            sides.extend(last);
            TransferViews::Many(PaymentView::list(sealer, sides, now)?)
        }
    };
    json(&views)
}
