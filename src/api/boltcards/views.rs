//! What the API shows of cards and their taps.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::domain::ids::{HitId, PaymentHash, WalletId};
use crate::domain::money::Msat;
use crate::services::cards::{CardRecord, Hit, Refund};

/// A card. Its keys and its code are shown to the admin key of its wallet, and null to others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoltCard, example = json!({
    "id": "5b2f0c8d9e1a4f3b8c7d6e5f4a3b2c1d",
    "wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "card_name": "Alice's card",
    "uid": "04996C6A926980",
    "external_id": "7c1f5e2d8b9a4c3e6f0a1b2c3d4e5f60",
    "counter": 3,
    "tx_limit": 1000,
    "daily_limit": 5000,
    "enable": true,
    "k0": "1f2e3d4c5b6a79880123456789abcdef",
    "k1": "0c3b25d92b38ae443229dd59ad34b85d",
    "k2": "b45775776cb224c75bcde7ca3704e933",
    "prev_k0": "00000000000000000000000000000000",
    "prev_k1": "00000000000000000000000000000000",
    "prev_k2": "00000000000000000000000000000000",
    "otp": "9d1c2b3a4f5e6d7c8b9a0f1e2d3c4b5a",
    "time": "2026-01-31T12:00:00.250Z"
}))]
pub struct CardView {
    /// Its id.
    id: String,
    /// The wallet that it pays from.
    #[schema(value_type = String)]
    wallet: WalletId,
    /// Its name.
    card_name: String,
    /// Its unique id, in hex.
    uid: String,
    /// What stands in the URL on the card: anybody may know it.
    external_id: String,
    /// Of the last tap that was accepted.
    counter: u32,
    /// The most that it spends at once, in sat.
    tx_limit: i64,
    /// The most that it spends in one day (UTC), in sat.
    daily_limit: i64,
    /// Whether it pays.
    enable: bool,
    k0: Option<String>,
    k1: Option<String>,
    k2: Option<String>,
    prev_k0: Option<String>,
    prev_k1: Option<String>,
    prev_k2: Option<String>,
    /// With which an app fetches the keys, once; null also after that, and after an hour.
    otp: Option<String>,
    /// When it was created.
    time: String,
}

impl From<CardRecord> for CardView {
    fn from(CardRecord { card, secrets }: CardRecord) -> Self {
        let holds = card.otp_expires_at.is_some_and(|end| clock::now() < end);
        let key = |of: fn(&crate::domain::card::secrets::CardSecrets) -> &crate::domain::card::CardKey| {
            secrets.as_ref().map(|secrets| of(secrets).reveal().to_string())
        };
        Self {
            id: card.public_id,
            wallet: card.wallet,
            card_name: card.name,
            uid: card.uid.to_string().to_uppercase(),
            external_id: card.external_id,
            counter: card.counter.get(),
            tx_limit: card.limits.transaction_sat(),
            daily_limit: card.limits.daily_sat(),
            enable: card.is_enabled,
            k0: key(|secrets| &secrets.keys.k0),
            k1: key(|secrets| &secrets.keys.k1),
            k2: key(|secrets| &secrets.keys.k2),
            prev_k0: key(|secrets| &secrets.previous.k0),
            prev_k1: key(|secrets| &secrets.previous.k1),
            prev_k2: key(|secrets| &secrets.previous.k2),
            otp: secrets.as_ref().filter(|_| holds).map(|secrets| secrets.otp.reveal().to_string()),
            time: card.created_at.to_iso(),
        }
    }
}

/// A tap that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoltCardHit, example = json!({
    "id": "be45cb2605bf36bebde684841a28f0fd",
    "card_id": "5b2f0c8d9e1a4f3b8c7d6e5f4a3b2c1d",
    "ip": "203.0.113.7",
    "spent": true,
    "useragent": "Till/1.0",
    "old_ctr": 3,
    "new_ctr": 5,
    "amount": 210,
    "time": "2026-01-31T12:00:00.250Z"
}))]
pub struct HitView {
    #[schema(value_type = String)]
    id: HitId,
    card_id: String,
    /// From where the card was shown.
    ip: String,
    /// Whether it was paid with.
    spent: bool,
    /// By what the card was shown.
    useragent: String,
    /// Where the card's counter stood before.
    old_ctr: i64,
    /// What the card counted.
    new_ctr: i64,
    /// How much was paid, in sat.
    amount: i64,
    time: String,
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> Self {
        Self {
            id: hit.id,
            card_id: hit.card,
            ip: hit.ip,
            spent: hit.amount.is_some(),
            useragent: hit.useragent,
            old_ctr: hit.old_counter,
            new_ctr: hit.new_counter,
            amount: hit.amount.map_or(0, Msat::to_sat),
            time: hit.created_at.to_iso(),
        }
    }
}

/// A payment that came back for one that was made with a card.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoltCardRefund, example = json!({
    "id": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "hit_id": "be45cb2605bf36bebde684841a28f0fd",
    "refund_amount": 210,
    "time": "2026-01-31T12:05:00.250Z"
}))]
pub struct RefundView {
    /// The hash of the payment.
    #[schema(value_type = String)]
    id: PaymentHash,
    /// For which tap.
    #[schema(value_type = String)]
    hit_id: HitId,
    /// How much, in sat.
    refund_amount: i64,
    /// When it was paid.
    time: String,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.payment_hash,
            hit_id: refund.hit,
            refund_amount: refund.amount.to_sat(),
            time: refund.paid_at.to_iso(),
        }
    }
}
