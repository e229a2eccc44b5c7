//! What wallet apps are shown: amounts in sat, and hashes as bytes.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::payments::decode::{RouteHintView, route_hints};
use crate::crypto::secret::Sealer;
use crate::domain::ids::PaymentHash;
use crate::domain::invoice::DecodedInvoice;
use crate::domain::money::Msat;
use crate::ledger::state::InvoiceState;
use crate::services::StoreError;
use crate::services::payments::Payment;

/// The server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubInfo, example = json!({
    "alias": "satkeep",
    "identity_pubkey": "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad"
}))]
pub(super) struct InfoView {
    /// What the server is.
    pub(super) alias: &'static str,
    /// The public key of the node that signs invoices, in hex.
    pub(super) identity_pubkey: String,
}

/// Tokens: the same for both, because it holds for as long as its key does.
#[derive(Serialize, ToSchema)]
#[schema(as = LndHubTokens, example = json!({
    "refresh_token": "YWRtaW46YzBmZmVlMDBjMGZmZWUwMGMwZmZlZTAwYzBmZmVlMDA=",
    "access_token": "YWRtaW46YzBmZmVlMDBjMGZmZWUwMGMwZmZlZTAwYzBmZmVlMDA="
}))]
pub(super) struct TokenView<'a> {
    /// To be shown to `auth` for new tokens.
    pub(super) refresh_token: &'a str,
    /// To be shown as `Authorization: Bearer …`.
    pub(super) access_token: &'a str,
}

/// Bytes, as Node.js writes them as JSON.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubBuffer)]
pub(super) struct Buffer {
    /// Always `Buffer`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The bytes.
    data: Vec<u8>,
}

impl From<PaymentHash> for Buffer {
    fn from(hash: PaymentHash) -> Self {
        Self { kind: "Buffer", data: hash.as_bytes().to_vec() }
    }
}

/// A new invoice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubInvoice, example = json!({
    "pay_req": "lnbc10u1p5…",
    "payment_request": "lnbc10u1p5…",
    "add_index": "500",
    "r_hash": {"type": "Buffer", "data": [235, 78, 156]},
    "hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4"
}))]
pub(super) struct InvoiceView {
    /// Equal to `payment_request`.
    pay_req: String,
    /// The BOLT11 invoice.
    payment_request: String,
    /// Always `500`.
    add_index: &'static str,
    /// The payment hash.
    r_hash: Buffer,
    /// The payment hash, in hex.
    #[schema(value_type = String)]
    hash: PaymentHash,
}

/// What apps look for and nobody counts.
const ADD_INDEX: &str = "500";

impl InvoiceView {
    /// Shows a new invoice.
    pub(super) fn new(invoice: Payment) -> Self {
        let bolt11 = invoice.bolt11.unwrap_or_default();
        Self {
            pay_req: bolt11.clone(),
            payment_request: bolt11,
            add_index: ADD_INDEX,
            r_hash: invoice.payment_hash.into(),
            hash: invoice.payment_hash,
        }
    }
}

/// A payment that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubPayment)]
pub(super) struct PaidView {
    /// Always empty.
    payment_error: &'static str,
    /// Always empty.
    #[schema(value_type = Object)]
    route: serde_json::Map<String, serde_json::Value>,
    /// What the invoice says.
    decoded: DecodedView,
    /// The payment.
    #[serde(flatten)]
    sent: SentView,
}

impl PaidView {
    /// Shows a payment, and the invoice that it has paid.
    pub(super) fn new(sealer: &Sealer, payment: Payment, invoice: &DecodedInvoice) -> Result<Self, StoreError> {
        let listed = SentView::new(sealer, payment)?;
        let sent = SentView { value: listed.value.saturating_neg(), ..listed };
        Ok(Self { payment_error: "", route: serde_json::Map::new(), decoded: DecodedView::new(invoice), sent })
    }
}

/// A payment that went out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubSent, example = json!({
    "payment_preimage": "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef",
    "payment_hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "fee_msat": 0,
    "type": "paid_invoice",
    "fee": 0,
    "value": -1000,
    "timestamp": 1_763_700_000,
    "memo": "Payment/Tip from service/game XXXXX"
}))]
pub(super) struct SentView {
    /// Proof of payment.
    payment_preimage: String,
    /// What it is known by.
    #[schema(value_type = String)]
    payment_hash: PaymentHash,
    /// msat: what routing has cost.
    fee_msat: Msat,
    /// Always `paid_invoice`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same in sat.
    fee: i64,
    /// sat; below zero where payments are listed.
    value: i64,
    /// When it was made, in Unix seconds.
    timestamp: i64,
    /// What for.
    memo: String,
}

impl SentView {
    /// Shows a payment that went out.
    pub(super) fn new(sealer: &Sealer, payment: Payment) -> Result<Self, StoreError> {
        Ok(Self {
            // A payment that waits for its preimage has none to show.
            payment_preimage: payment.revealed_preimage(sealer)?.unwrap_or_default(),
            payment_hash: payment.payment_hash,
            fee_msat: payment.fee.checked_neg().unwrap_or_default(),
            kind: "paid_invoice",
            fee: payment.fee.to_sat().saturating_neg(),
            value: payment.amount.to_sat(),
            timestamp: payment.created_at.seconds(),
            memo: description_of(payment),
        })
    }
}

/// An invoice of the wallet, paid or not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubUserInvoice, example = json!({
    "r_hash": {"type": "Buffer", "data": [235, 78, 156]},
    "payment_request": "lnbc10u1p5…",
    "add_index": "500",
    "description": "Payment/Tip from service/game XXXXX",
    "payment_hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "ispaid": true,
    "amt": 1000,
    "expire_time": 3600,
    "timestamp": 1_763_700_000,
    "type": "user_invoice"
}))]
pub(super) struct ReceivedView {
    /// The payment hash.
    r_hash: Buffer,
    /// The BOLT11 invoice; empty for a transfer, which has none.
    payment_request: String,
    /// Always `500`.
    add_index: &'static str,
    /// What for.
    description: String,
    /// The payment hash, in hex.
    #[schema(value_type = String)]
    payment_hash: PaymentHash,
    /// Whether it was paid.
    ispaid: bool,
    /// sat.
    amt: i64,
    /// For how many seconds from `timestamp` it can be paid.
    expire_time: i64,
    /// When it was issued, in Unix seconds.
    timestamp: i64,
    /// Always `user_invoice`.
    #[serde(rename = "type")]
    kind: &'static str,
}

impl ReceivedView {
    /// Shows an invoice.
    pub(super) fn new(invoice: Payment) -> Self {
        Self {
            r_hash: invoice.payment_hash.into(),
            payment_request: invoice.bolt11.clone().unwrap_or_default(),
            add_index: ADD_INDEX,
            payment_hash: invoice.payment_hash,
            ispaid: invoice.state == InvoiceState::Paid,
            amt: invoice.amount.to_sat(),
            expire_time: invoice.expires_at.seconds().saturating_sub(invoice.created_at.seconds()),
            timestamp: invoice.created_at.seconds(),
            kind: "user_invoice",
            description: description_of(invoice),
        }
    }
}

/// What a payment is for: the comment that came with it, or else the memo.
fn description_of(payment: Payment) -> String {
    let comment = payment.extra.and_then(|extra| extra.text("comment")).filter(|comment| !comment.is_empty());
    comment.unwrap_or(payment.memo)
}

/// What a wallet holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubBalance, example = json!({"BTC": {"AvailableBalance": 1000}}))]
pub(super) struct BalanceView {
    /// In bitcoin, which is all there is.
    #[serde(rename = "BTC")]
    btc: Available,
}

/// How much can be spent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubAvailable)]
pub(super) struct Available {
    /// sat.
    #[serde(rename = "AvailableBalance")]
    available: i64,
}

impl From<Msat> for BalanceView {
    fn from(balance: Msat) -> Self {
        Self { btc: Available { available: balance.to_sat() } }
    }
}

/// What an invoice says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubDecoded, example = json!({
    "destination": "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad",
    "payment_hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "num_satoshis": 1000,
    "timestamp": "1763700000",
    "expiry": "3600",
    "description": "Payment/Tip from service/game XXXXX",
    "description_hash": "",
    "fallback_addr": "",
    "cltv_expiry": 18,
    "route_hints": []
}))]
pub(super) struct DecodedView {
    /// The public key of the node that signed it.
    destination: String,
    /// SHA-256 of the preimage, in hex.
    payment_hash: String,
    /// How much, in sat; 0 where the payer chooses.
    num_satoshis: u64,
    /// When it was issued, in Unix seconds.
    timestamp: String,
    /// For how many seconds from then it can be paid.
    expiry: String,
    /// What for; empty where it says only a hash.
    description: String,
    /// SHA-256 of what for; empty where it says it in words.
    description_hash: String,
    /// Always empty.
    fallback_addr: &'static str,
    /// Blocks that the last hop must leave the payee.
    cltv_expiry: u64,
    /// Routes to the payee.
    route_hints: Vec<Vec<RouteHintView>>,
}

impl DecodedView {
    /// Shows an invoice.
    pub(super) fn new(invoice: &DecodedInvoice) -> Self {
        Self {
            destination: invoice.payee(),
            payment_hash: invoice.payment_hash(),
            num_satoshis: invoice.amount_msat().unwrap_or_default() / 1000,
            timestamp: invoice.date().to_string(),
            expiry: invoice.expiry_s().to_string(),
            description: invoice.description().unwrap_or_default(),
            description_hash: invoice.description_hash().unwrap_or_default(),
            fallback_addr: "",
            cltv_expiry: invoice.min_final_cltv_expiry(),
            route_hints: route_hints(invoice),
        }
    }
}
