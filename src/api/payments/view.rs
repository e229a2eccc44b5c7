//! What the API shows of a payment to one of its wallets.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::json_stream::Items;
use crate::crypto::secret::Sealer;
use crate::domain::extra::Extra;
use crate::domain::ids::{PaymentHash, WalletId};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::ledger::state::InvoiceState;
use crate::services::StoreError;
use crate::services::payments::{Payment, Status};

/// A payment, or an invoice that waits for one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment, example = json!({
    "checking_id": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "payment_hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "payment_request": "lnbc10u1p5…",
    "bolt11": "lnbc10u1p5…",
    "wallet_id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "amount": 1_000_000,
    "amount_sat": 1000,
    "fee": 0,
    "memo": "Payment/Tip from service/game XXXXX",
    "pending": false,
    "status": "success",
    "state": "paid",
    "time": 1_763_700_000,
    "expiry": 1_763_703_600,
    "created_at": "2025-11-21T04:40:00Z",
    "updated_at": "2025-11-21T04:40:09Z",
    "expires_at": "2025-11-21T05:40:00Z",
    "preimage": "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef",
    "webhook": null,
    "webhook_status": null,
    "extra": {},
    "tag": null,
    "external_id": null,
    "labels": [],
    "extension": null,
    "fiat_provider": null
}))]
pub struct PaymentView {
    /// Equal to `payment_hash`.
    #[schema(value_type = String)]
    checking_id: PaymentHash,
    /// SHA-256 of the preimage: what the payment is known by.
    #[schema(value_type = String)]
    payment_hash: PaymentHash,
    /// The BOLT11 invoice; empty for a transfer, which has none.
    payment_request: String,
    /// Equal to `payment_request`.
    bolt11: String,
    /// Whose side of the payment this is.
    #[schema(value_type = String)]
    wallet_id: WalletId,
    /// msat; above zero when coming in, below when going out.
    amount: Msat,
    /// The same in sat.
    amount_sat: i64,
    /// msat, zero or below: what routing has cost, and what is reserved for it while the payment is under way;
    /// payments within satkeep cost nothing.
    fee: Msat,
    /// What the payment is for.
    memo: String,
    /// True while the invoice waits to be paid.
    pending: bool,
    /// `pending`, `success` or `failed`.
    status: &'static str,
    /// `open`, `paid`, `expired` or `cancelled`.
    state: &'static str,
    /// When it was created, in Unix seconds.
    time: i64,
    /// From when on it cannot be paid, in Unix seconds.
    expiry: i64,
    /// `time` as ISO 8601.
    created_at: String,
    /// When it was paid, or else created, as ISO 8601.
    updated_at: String,
    /// `expiry` as ISO 8601.
    expires_at: String,
    /// Proof of payment; null until it is settled.
    preimage: Option<String>,
    /// Where this wallet asked to be told.
    webhook: Option<String>,
    /// The status that the webhook was answered with last; null while there is none.
    webhook_status: Option<String>,
    /// The wallet's own data, as it came.
    #[schema(value_type = Object)]
    extra: Extra,
    /// The member `tag` of `extra`.
    tag: Option<String>,
    /// What the wallet's client calls it.
    external_id: Option<String>,
    /// Always empty: there are no labels.
    #[schema(value_type = Vec<String>)]
    labels: [(); 0],
    /// Always null: there are no extensions.
    #[schema(value_type = Option<String>)]
    extension: Option<()>,
    /// Always null: there are no fiat payments.
    #[schema(value_type = Option<String>)]
    fiat_provider: Option<()>,
}

/// What a client sees of an invoice's state at a time: status and state.
pub fn standing(state: InvoiceState, expires_at: UnixMs, now: UnixMs) -> (Status, &'static str) {
    match state {
        InvoiceState::Paid => (Status::Success, "paid"),
        InvoiceState::Cancelled => (Status::Failed, "cancelled"),
        InvoiceState::Open if now >= expires_at => (Status::Failed, "expired"),
        InvoiceState::Open => (Status::Pending, "open"),
        // Until it is given back, the money is missing from the payer's balance.
        InvoiceState::Held => (Status::Pending, "held"),
    }
}

/// The word for a status.
pub const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Success => "success",
        Status::Failed => "failed",
    }
}

impl PaymentView {
    /// Shows a payment as it stands at a time.
    pub fn new(sealer: &Sealer, payment: Payment, now: UnixMs) -> Result<Self, StoreError> {
        let (status, state) = standing(payment.state, payment.expires_at, now);
        let preimage = payment.revealed_preimage(sealer)?;
        let extra = payment.extra.unwrap_or_default();
        let bolt11 = payment.bolt11.unwrap_or_default();
        Ok(Self {
            checking_id: payment.payment_hash,
            payment_hash: payment.payment_hash,
            payment_request: bolt11.clone(),
            bolt11,
            wallet_id: payment.wallet,
            amount: payment.amount,
            amount_sat: payment.amount.to_sat(),
            fee: payment.fee,
            memo: payment.memo,
            pending: status == Status::Pending,
            status: status_word(status),
            state,
            time: payment.created_at.seconds(),
            expiry: payment.expires_at.seconds(),
            created_at: payment.created_at.to_iso(),
            updated_at: payment.paid_at.unwrap_or(payment.created_at).to_iso(),
            expires_at: payment.expires_at.to_iso(),
            preimage,
            webhook: payment.webhook,
            webhook_status: payment.webhook_status.map(|status| status.to_string()),
            tag: extra.tag(),
            extra,
            external_id: payment.external_id.map(|id| id.as_str().to_owned()),
            labels: [],
            extension: None,
            fiat_provider: None,
        })
    }

    /// Proof of payment, once it is settled.
    pub fn preimage(&self) -> Option<&str> {
        self.preimage.as_deref()
    }

    /// Writes a list.
    pub fn items(sealer: &Sealer, payments: Vec<Payment>, now: UnixMs) -> Result<Items, StoreError> {
        Items::of_each(payments.into_iter().map(|payment| Self::new(sealer, payment, now)))
    }

    /// Shows a list.
    pub fn list(sealer: &Sealer, payments: Vec<Payment>, now: UnixMs) -> Result<Vec<Self>, StoreError> {
        payments.into_iter().map(|payment| Self::new(sealer, payment, now)).collect()
    }
}
