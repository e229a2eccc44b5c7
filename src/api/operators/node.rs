//! The Lightning node, as an operator sees it, and payments to other nodes that wait for their end.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::{Checks, LIMIT_MAX, Params, Window};
use crate::api::framework::query::WindowParams;
use crate::api::framework::session::Operator;
use crate::domain::ids::{HoldId, PaymentHash, WalletId};
use crate::domain::money::Msat;
use crate::domain::node::Preimage;
use crate::domain::text::InvalidText;
use crate::ledger::outcome::SendEnded;
use crate::services::lightning::NodeStanding;
use crate::services::lightning::operating::{self, ByHand, Pending};

/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// How the Lightning node is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "configured": true,
    "name": "LND at 10.0.0.5:8080",
    "reachable": true,
    "problem": null,
    "id": "02f1a8c87607f415c8f22c00593002775941dea48869ce23096af27b0cfdcc0b69",
    "alias": "game",
    "version": "0.21.2-beta",
    "synced": true,
    "local_msat": 5_000_000_000_i64,
    "remote_msat": 4_000_000_000_i64,
    "liabilities_msat": 3_000_000_000_i64,
    "under_way": 2,
    "oldest_under_way_s": 12
}))]
pub struct NodeView {
    /// Whether there is one.
    configured: bool,
    /// What it is, and where.
    name: Option<String>,
    /// Whether it has answered last.
    reachable: bool,
    /// Why not.
    problem: Option<String>,
    /// Its public key.
    id: Option<String>,
    /// What it calls itself.
    alias: Option<String>,
    /// Its software.
    version: Option<String>,
    /// Whether it has seen the newest blocks.
    synced: Option<bool>,
    /// What it holds in channels, in msat.
    local_msat: Option<Msat>,
    /// What others can send to it at most, in msat.
    remote_msat: Option<Msat>,
    /// What all wallets hold together, in msat.
    liabilities_msat: Msat,
    /// How many payments to other nodes are under way.
    under_way: i64,
    /// For how many seconds the oldest of them has been.
    oldest_under_way_s: Option<i64>,
}

/// A payment to another node that has not ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a5e2c7b1f7c4d9e2a3b4c5d6e0000",
    "payment_hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "wallet_id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "bolt11": "lnbc10u1p5…",
    "state": "in_flight",
    "amount_msat": 1_000_000,
    "reserved_msat": 1_010_000,
    "fee_max_msat": 10_000,
    "node": "02f1a8c87607f415c8f22c00593002775941dea48869ce23096af27b0cfdcc0b69",
    "tries": 1,
    "sent_at": "2026-11-21T12:00:00Z",
    "created_at": "2026-11-21T12:00:00Z",
    "expires_at": "2026-11-21T13:00:00Z",
    "note": "under way"
}))]
pub struct PendingView {
    /// What it is ended by hand by.
    #[schema(value_type = String)]
    id: HoldId,
    /// The invoice's payment hash.
    #[schema(value_type = String)]
    payment_hash: PaymentHash,
    /// The payer's wallet.
    #[schema(value_type = String)]
    wallet_id: WalletId,
    /// The invoice.
    bolt11: String,
    /// `reserved` (the node was not asked yet), `sending` (it is being asked) or `in_flight`.
    state: &'static str,
    /// What the payee gets, in msat.
    amount_msat: i64,
    /// What is reserved for it in all, in msat.
    reserved_msat: i64,
    /// The most that routing may cost, in msat.
    fee_max_msat: Msat,
    /// The node that was asked.
    node: Option<String>,
    /// How often it was asked.
    tries: i64,
    /// When it was asked last, as ISO 8601.
    sent_at: Option<String>,
    /// When the payment began, as ISO 8601.
    created_at: String,
    /// From when on the invoice cannot be paid, as ISO 8601.
    expires_at: String,
    /// The last that was heard of it.
    note: Option<String>,
}

/// How a payment is ended by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"arrived": false, "reason": "the node says FAILED, and has no HTLC of it"}))]
pub struct EndOrder {
    /// Whether it has arrived; otherwise it has failed for good.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    arrived: Option<bool>,
    /// Where it has arrived: the proof, in hex.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    preimage: Option<String>,
    /// Where it has arrived: what routing has cost, in msat; 0 where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 0, maximum = 2_100_000_000_000_000_000_i64)]
    fee_msat: Option<i64>,
    /// Why, for whoever asks later: kept with the payment and in the log.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndView {
    /// Whether this has ended it; false where it had ended before.
    #[schema(example = true)]
    changed: bool,
}

/// How the Lightning node is
///
/// As this process knows it, with what is under way and what all wallets hold.
#[utoipa::path(
    tag = "Operators",
    responses((status = 200, description = "The node", body = NodeView)),
    security(("Operator" = []))
)]
#[get("/users/api/v1/node")]
pub(in crate::api) async fn node_status(_operator: Operator, app: State) -> Result<HttpResponse, ApiError> {
    let load = operating::load(&app.services).await?;
    let connected = app.services.lightning.connected();
    let (identity, balance, problem) = connected.map_or((None, None, None), |connected| {
        let NodeStanding { identity, balance, problem, .. } = connected.standing.now();
        (identity, balance, problem)
    });
    let view = NodeView {
        configured: connected.is_some(),
        name: connected.map(|connected| connected.node.name()),
        reachable: identity.is_some(),
        problem,
        id: identity.as_ref().map(|it| it.id.clone()),
        alias: identity.as_ref().map(|it| it.alias.clone()),
        version: identity.as_ref().map(|it| it.version.clone()),
        synced: identity.as_ref().map(|it| it.is_synced),
        local_msat: balance.map(|it| it.local),
        remote_msat: balance.and_then(|it| it.remote),
        liabilities_msat: load.liabilities,
        under_way: load.under_way,
        oldest_under_way_s: load.oldest_s,
    };
    Ok(HttpResponse::Ok().json(view))
}

/// Payments to other nodes that wait
///
/// Those that have not ended, the oldest first, with what is known of each.
#[utoipa::path(
    tag = "Operators",
    params(WindowParams),
    responses((status = 200, description = "The payments", body = Vec<PendingView>)),
    security(("Operator" = []))
)]
#[get("/users/api/v1/node/payments")]
pub(in crate::api) async fn list_pending(
    operator: Operator,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let Window { offset, limit } = params.read::<WindowParams>()?.into();
    let found = operating::under_way(&app.services, operator, offset, limit.unwrap_or(LIMIT_MAX)).await?;
    Ok(HttpResponse::Ok().json(found.into_iter().map(PendingView::from).collect::<Vec<_>>()))
}

/// End a payment to another node by hand
///
/// Where satkeep cannot find out how a payment has ended, because its node has lost its database or is gone for
/// good: make sure of it first, because what is given back can be spent at once. A payment that has arrived needs
/// its preimage. What is done is logged with its reason, and kept with the payment; a payment that arrives all the same is
/// booked late.
#[utoipa::path(
    tag = "Operators",
    params(("payment_id" = String, Path, description = "The payment's id in the list")),
    request_body = EndOrder,
    responses((status = 200, description = "It has ended", body = EndView)),
    security(("Operator" = []))
)]
#[post("/users/api/v1/node/payments/{payment_id}/end")]
pub(in crate::api) async fn end_by_hand(
    operator: Operator,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: EndOrder = body.json()?;
    let mut checks = Checks::default();
    let reason = checks.require("reason", order.reason, reason_of);
    let preimage = checks.check_opt("preimage", order.preimage, |text| Preimage::from_client(&text));
    let fee = checks.check_opt("fee_msat", order.fee_msat, fee_of);
    let arrived = checks.require("arrived", order.arrived, Ok::<_, InvalidText>);
    if arrived == Some(true) && matches!(preimage, Some(None)) {
        checks.add("preimage", "is missing: the proof that it has arrived");
    }
    let (Some(reason), Some(preimage), Some(fee), Some(is_settled), true) =
        (reason, preimage, fee, arrived, checks.is_fine())
    else {
        return Err(checks.into_error());
    };
    let how = match preimage.filter(|_| is_settled) {
        Some(preimage) => ByHand::Settled { preimage, fee: fee.unwrap_or_default() },
        None => ByHand::Failed,
    };
    let id: HoldId = path.parse().or(Err(ErrorCode::PaymentNotFound))?;
    let ended = operating::end_by_hand(&app.services, operator, id, how, &reason).await?;
    Ok(HttpResponse::Ok().json(EndView { changed: ended != SendEnded::Before }))
}

fn reason_of(text: String) -> Result<String, InvalidText> {
    if text.trim().is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.chars().nth(REASON_CHARS_MAX).is_some() {
        return Err(InvalidText::TooManyCharacters { max: REASON_CHARS_MAX });
    }
    if text.contains(char::is_control) {
        return Err(InvalidText::Form("without control characters"));
    }
    Ok(text)
}

fn fee_of(msat: i64) -> Result<Msat, InvalidText> {
    let fee = Msat::new(msat);
    if fee.is_negative() || fee.is_beyond_supply() { Err(InvalidText::Form("0 or more")) } else { Ok(fee) }
}

impl From<Pending> for PendingView {
    fn from(send: Pending) -> Self {
        Self {
            id: send.hold,
            payment_hash: send.payment_hash,
            wallet_id: send.wallet,
            bolt11: send.bolt11,
            state: send.state.as_str(),
            amount_msat: send.amount.msat(),
            reserved_msat: send.reserved.msat(),
            fee_max_msat: send.fee_max,
            node: send.node.map(|node| node.as_str().to_owned()),
            tries: send.tries,
            sent_at: send.sent_at.map(crate::domain::time::UnixMs::to_iso),
            created_at: send.created_at.to_iso(),
            expires_at: send.expires_at.to_iso(),
            note: send.note,
        }
    }
}
