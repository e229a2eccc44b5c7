//! Moving money within a tenant, without an invoice.

use std::collections::HashSet;
use std::convert::Infallible;

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{AdminKey, Manager};
use crate::api::framework::body::{Body, Given, LIST_BYTES_MAX, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::{Created, Idempotency, IdempotencyParam};
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Checks;
use crate::api::payments::create::{check_amount, check_unit};
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::domain::ids::{InvoiceId, TransferId, WalletId};
use crate::domain::node::Preimage;
use crate::domain::text::Memo;
use crate::domain::time::UnixMs;
use crate::ledger::command::{Leg, NewInvoice, Transfer};
use crate::ledger::outcome::{Once, Transferred};
use crate::ledger::queue::QUANTUM;
use crate::ledger::state::InvoiceState;
use crate::services::idempotency::{payments_again, payments_of};
use crate::store::payments::Payment;
use crate::store::wallets;

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
    /// How much, in sat.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, minimum = 1)]
    amount: Option<i64>,
    /// What for; at most 639 bytes.
    #[serde(default, deserialize_with = "lenient")]
    memo: Option<String>,
    /// The unit of `amount`; only `sat`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([sS][aA][tT])?$")]
    unit: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    webhook: Given,
    #[serde(default)]
    #[schema(ignore)]
    external_id: Given,
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
/// 1000, which is all or nothing and follows its order. Answers the payer's side of each.
#[utoipa::path(
    tag = "User Manager",
    params(IdempotencyParam),
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
    let count = body.count()?;
    if count == 0 || count > LEGS_MAX {
        let detail = format!("An array must hold 1 to {LEGS_MAX} transfers");
        return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
    }
    // Before the work that many movements make: where there is no room, it would be for nothing.
    let place = app.settler.reserve(key.consumer(), count)?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let shared = app.clone();
    let (legs, is_array) = beside_others(count, move || read(&shared, &body)).await??;
    if let Some(before) = payments_of(&app, key, claim).await? {
        return transfers_again(&app, &legs, &before, is_array).await;
    }
    let mut wallets: HashSet<_> = legs.iter().flat_map(|leg| [leg.from.wallet(), leg.invoice.payee.wallet()]).collect();
    wallets.remove(&key.wallet());
    let wallets: Vec<_> = wallets.into_iter().collect();
    let reachable = app.store.read(move |connection| wallets::check_in_tenant(connection, key.user(), &wallets)).await;
    reachable.map_err(|error| ApiError::from_store(error, ErrorCode::WalletNotFound))?;

    let command = Transfer { authority: key.authority(), claim, legs: legs.clone() };
    let settled = place.submit(command).await?;
    match settled.map_err(|rejection| ApiError::from_rejection(rejection, is_array))? {
        Once::Done(Transferred { at }) => {
            let sides = legs.into_iter().map(|leg| outgoing(leg, at)).collect();
            respond(&app, Created::new(sides), is_array).await
        }
        Once::Replayed { payments } => transfers_again(&app, &legs, &payments, is_array).await,
    }
}

/// Works where nobody waits for it: many movements take a while to read, to seal and to show, and
/// the thread that serves the request serves others as well.
async fn beside_others<T: Send + 'static>(
    count: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    if count <= QUANTUM {
        return Ok(work());
    }
    Ok(web::block(work).await.or(Err(ErrorCode::Unavailable))?)
}

/// Reads the movements, and whether they came as an array.
fn read(app: &App, body: &Body<LIST_BYTES_MAX>) -> Result<(Vec<Leg>, bool), ApiError> {
    let (orders, is_array) = body.json_one_or_many::<TransferOrder>(LEGS_MAX)?;
    let now = clock::now();
    let mut checks = Checks::default();
    let legs: Vec<_> =
        orders.into_iter().enumerate().map(|(i, o)| leg(app, &mut checks, o, is_array.then_some(i), now)).collect();
    let legs = legs.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| checks.into_error())?;
    Ok((legs, is_array))
}

/// The movements that were made before.
async fn transfers_again(
    app: &State,
    legs: &[Leg],
    ids: &[[u8; 16]],
    is_array: bool,
) -> Result<HttpResponse, ApiError> {
    let sides = legs.iter().zip(ids).map(|(leg, id)| (leg.from.wallet(), *id)).collect();
    let sides = payments_again(app, sides).await?;
    respond(app, Created::again(sides), is_array).await
}

async fn respond(app: &State, sides: Created<Vec<Payment>>, is_array: bool) -> Result<HttpResponse, ApiError> {
    let (shared, count) = (app.clone(), sides.answer.len());
    let shown = move || sides.try_map(|sides| show(&shared, sides, is_array));
    // What has happened has happened, even where it cannot be shown.
    let shown = beside_others(count, shown).await.and_then(|shown| shown).or(Err(ErrorCode::OutcomeUnknown))?;
    Ok(shown.respond_json())
}

/// The payers' sides as JSON.
fn show(app: &App, mut sides: Vec<Payment>, is_array: bool) -> Result<Vec<u8>, ApiError> {
    let now = clock::now();
    match sides.pop() {
        Some(only) if !is_array => {
            let view = PaymentView::new(app, only, now)?;
            Ok(json(&view)?)
        }
        last => {
            sides.extend(last);
            Ok(PaymentView::items(app, sides, now)?.into_array())
        }
    }
}

/// Reads one movement, the `index`th of an array.
fn leg(app: &App, checks: &mut Checks, order: TransferOrder, index: Option<usize>, now: UnixMs) -> Option<Leg> {
    let mut own = Checks::default();
    let from = own.require("from_wallet", order.from_wallet, |text| Ok::<_, Infallible>(text.parse::<WalletId>()));
    let to = own.require("to_wallet", order.to_wallet, |text| Ok::<_, Infallible>(text.parse::<WalletId>()));
    let amount = check_amount(&mut own, order.amount, app.policy.invoice_sat_max);
    let memo = own.check("memo", Memo::new(order.memo.unwrap_or_default()));
    check_unit(&mut own, order.unit.as_deref());
    order.webhook.refuse(&mut own, "webhook", "an endpoint of the manager is told of transfers");
    order.external_id.refuse(&mut own, "external_id", "say it in `memo`");
    let is_fine = own.is_fine();
    checks.append(own, index);
    if !is_fine {
        return None;
    }
    // A text that is no id names a wallet that is not there, which is for later to say.
    let nobody = WalletId::new([0; 16]);
    let (from, to) = (from?.unwrap_or(nobody), to?.unwrap_or(nobody));
    let (id, preimage) = (InvoiceId::next(), Preimage::generate());
    Some(Leg {
        transfer: TransferId::next(),
        from: from.account(),
        invoice: NewInvoice {
            id,
            payment_hash: preimage.payment_hash(),
            preimage: preimage.seal(&app.sealer, id),
            payee: to.account(),
            bolt11: None,
            amount: amount?,
            memo: memo?.into_inner(),
            webhook: None,
            extra: None,
            created_at: now,
            expires_at: now,
        },
    })
}

/// A movement that was made, as its payer sees it.
fn outgoing(leg: Leg, at: UnixMs) -> Payment {
    Payment {
        row: leg.transfer.as_bytes().to_vec(),
        wallet: leg.from.wallet(),
        payment_hash: leg.invoice.payment_hash,
        invoice: leg.invoice.id,
        preimage: leg.invoice.preimage,
        bolt11: None,
        amount: leg.invoice.amount.outgoing(),
        memo: leg.invoice.memo,
        state: InvoiceState::Paid,
        webhook: None,
        webhook_status: None,
        extra: None,
        created_at: at,
        expires_at: leg.invoice.expires_at,
        paid_at: Some(at),
    }
}
