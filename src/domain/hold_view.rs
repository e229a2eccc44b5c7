//! A hold as clients see it: in answers and in webhooks.

use serde::Serialize;
use utoipa::ToSchema;

use super::extra::Extra;
use super::hold::{HoldGroup, HoldState, HoldSums};
use super::ids::{HoldId, PaymentHash, WalletId};
use super::money::{Amount, Msat};
use super::time::UnixMs;

/// Money of a wallet that is promised, and has not moved yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Hold, example = json!({
    "id": "0199b0a4c3d87f0e8a51c2e4d6f80000",
    "wallet_id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "payment_hash": "8ff1a2b7c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e",
    "group": "duel-4711",
    "amount": 50_000,
    "amount_sat": 50,
    "captured": 45_000,
    "released": 5_000,
    "remaining": 0,
    "state": "captured",
    "memo": "stake",
    "extra": {},
    "created_at": "2026-05-01T12:00:00+00:00",
    "expires_at": "2026-05-01T13:00:00+00:00",
    "closed_at": "2026-05-01T12:10:00+00:00",
    "captures": [{
        "payment_hash": "0011223344556677889900112233445566778899001122334455667788990011",
        "to_wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c",
        "amount": 45_000,
        "amount_sat": 45,
        "time": 1_777_637_400
    }]
}))]
pub struct HoldView {
    /// Its id: 32 hex characters.
    #[schema(value_type = String)]
    pub id: HoldId,
    /// The wallet whose money is held.
    #[schema(value_type = String)]
    pub wallet_id: WalletId,
    /// What it is found by among the wallet's payments while it is open.
    #[schema(value_type = String)]
    pub payment_hash: PaymentHash,
    /// The group that it can be settled with.
    pub group: Option<String>,
    /// What was held at first, in msat.
    pub amount: Msat,
    /// The same in sat, rounded down.
    pub amount_sat: i64,
    /// What was paid out of it, in msat.
    pub captured: Msat,
    /// What was given back, in msat.
    pub released: Msat,
    /// What it still holds, in msat.
    pub remaining: Msat,
    /// `open`, `captured`, `voided` or `expired`.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// What it is for.
    pub memo: String,
    /// The client's own data.
    #[schema(value_type = Object)]
    pub extra: Extra,
    /// When it was placed.
    pub created_at: String,
    /// From when it can no longer be captured.
    pub expires_at: String,
    /// When it was closed.
    pub closed_at: Option<String>,
    /// Who was paid out of it, in order.
    pub captures: Vec<CaptureView>,
}

/// A payment out of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Capture)]
pub struct CaptureView {
    /// What the payment is known by, in the lists of both wallets.
    #[schema(value_type = String)]
    pub payment_hash: PaymentHash,
    /// The wallet that was paid.
    #[schema(value_type = String)]
    pub to_wallet: WalletId,
    /// How much, in msat.
    pub amount: Msat,
    /// The same in sat, rounded down.
    pub amount_sat: i64,
    /// When, in Unix seconds.
    pub time: i64,
}

/// What a hold was placed with.
#[derive(Clone, Debug)]
pub struct HoldTerms {
    /// Its id.
    pub id: HoldId,
    /// The wallet whose money is held.
    pub wallet: WalletId,
    /// What it is found by among the wallet's payments.
    pub payment_hash: PaymentHash,
    /// The group that it belongs to.
    pub group: Option<HoldGroup>,
    /// What it is for.
    pub memo: String,
    /// The client's own data.
    pub extra: Option<Extra>,
    /// When it was placed.
    pub created_at: UnixMs,
    /// The time from which it can no longer be captured.
    pub expires_at: UnixMs,
}

impl CaptureView {
    /// Shows a payment out of a hold.
    pub const fn new(payment_hash: PaymentHash, to_wallet: WalletId, amount: Amount, at: UnixMs) -> Self {
        Self { payment_hash, to_wallet, amount: amount.incoming(), amount_sat: amount.to_sat(), time: at.seconds() }
    }
}

impl HoldView {
    /// Shows a hold with these sums, which was closed at a time, if it was.
    pub fn new(terms: HoldTerms, sums: HoldSums, closed_at: Option<UnixMs>, captures: Vec<CaptureView>) -> Self {
        Self {
            id: terms.id,
            wallet_id: terms.wallet,
            payment_hash: terms.payment_hash,
            group: terms.group.map(|group| group.as_str().to_owned()),
            amount: sums.amount.incoming(),
            amount_sat: sums.amount.to_sat(),
            captured: sums.captured,
            released: sums.released,
            remaining: sums.remaining(),
            state: sums.state.as_str(),
            memo: terms.memo,
            extra: terms.extra.unwrap_or_default(),
            created_at: terms.created_at.to_iso(),
            expires_at: terms.expires_at.to_iso(),
            closed_at: closed_at.map(UnixMs::to_iso),
            captures,
        }
    }

    /// The same at a time: an open hold is expired from its end on, even before it is closed.
    #[must_use]
    pub fn at(self, expires_at: UnixMs, now: UnixMs) -> Self {
        let is_over = self.state == HoldState::Open.as_str() && now >= expires_at;
        Self { state: if is_over { HoldState::Expired.as_str() } else { self.state }, ..self }
    }
}
