//! What wallets, tills and programming apps are answered: the forms of LNURL, and of the apps.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::services::cards::{CardError, Programming};

/// Why a card does not do what is asked for. Wallets and tills expect it with the status of a
/// success (LUD-06).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoltCardRefusal, example = json!({"status": "ERROR", "reason": "This link is already used."}))]
pub struct Refusal {
    /// `ERROR`.
    #[schema(pattern = "^ERROR$")]
    status: &'static str,
    /// What went wrong, for a person.
    reason: String,
}

/// What a card pays with (LUD-03), and a link to pay it back (LUD-19).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BoltCardWithdrawRequest, example = json!({
    "tag": "withdrawRequest",
    "callback": "https://pay.example/boltcards/api/v1/lnurl/cb/be45cb2605bf36bebde684841a28f0fd",
    "k1": "000102030405060708090a0b0c0d0e0f",
    "minWithdrawable": 1000,
    "maxWithdrawable": 1_000_000,
    "defaultDescription": "Boltcard (refund address lnurlp://pay.example/boltcards/api/v1/lnurlp/be45cb2605bf36bebde684841a28f0fd)",
    "payLink": "lnurlp://pay.example/boltcards/api/v1/lnurlp/be45cb2605bf36bebde684841a28f0fd"
}))]
pub struct WithdrawRequest {
    /// `withdrawRequest`.
    pub(super) tag: &'static str,
    /// Where the invoice goes to.
    pub(super) callback: String,
    /// What must be shown there: whoever knows it may be paid, once, within 60 seconds.
    pub(super) k1: String,
    /// msat.
    pub(super) min_withdrawable: i64,
    /// msat.
    pub(super) max_withdrawable: i64,
    /// What to call the payment.
    pub(super) default_description: String,
    /// Where what is paid can be paid back.
    pub(super) pay_link: String,
}

/// What may be paid back (LUD-06).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BoltCardPayRequest, example = json!({
    "tag": "payRequest",
    "callback": "https://pay.example/boltcards/api/v1/lnurlp/cb/be45cb2605bf36bebde684841a28f0fd",
    "minSendable": 1000,
    "maxSendable": 210_000,
    "metadata": "[[\"text/plain\",\"Refund\"]]"
}))]
pub struct PayRequest {
    /// `payRequest`.
    pub(super) tag: &'static str,
    /// Where to get an invoice.
    pub(super) callback: String,
    /// msat.
    pub(super) min_sendable: i64,
    /// msat.
    pub(super) max_sendable: i64,
    /// JSON as a text, whose SHA-256 is in the invoice.
    pub(super) metadata: String,
}

/// An invoice by which is paid back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoltCardRefundInvoice, example = json!({"pr": "lnbc2100n1p5…", "routes": []}))]
pub struct RefundInvoice {
    /// The BOLT11 invoice.
    pub(super) pr: String,
    /// Empty.
    #[schema(value_type = Vec<String>)]
    pub(super) routes: [&'static str; 0],
}

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoltCardDone, example = json!({"status": "OK"}))]
pub struct Done {
    /// `OK`.
    #[schema(pattern = "^OK$")]
    pub(super) status: &'static str,
}

impl Done {
    pub(super) const OK: Self = Self { status: "OK" };
}

/// Either what is asked for, or why not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ScanAnswer {
    /// What the card pays with.
    Offer(WithdrawRequest),
    /// It does not.
    Refused(Refusal),
}

/// Either that it is done, or why not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PayAnswer {
    /// It is paid.
    Done(Done),
    /// It is not.
    Refused(Refusal),
}

/// Either what may be paid back, or why nothing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RefundLinkAnswer {
    /// This much.
    Request(PayRequest),
    /// Nothing.
    Refused(Refusal),
}

/// Either an invoice, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RefundInvoiceAnswer {
    /// The invoice.
    Invoice(RefundInvoice),
    /// None.
    Refused(Refusal),
}

/// The answer to a wallet or a till: what these could change is told with the status of a success.
pub(super) fn answer<T: Serialize>(
    asked: Result<T, ApiError>,
    refused: impl FnOnce(Refusal) -> T,
) -> Result<HttpResponse, ApiError> {
    let told = asked.or_else(|refusal| {
        if refusal.status_code() == StatusCode::BAD_REQUEST {
            Ok(refused(Refusal { status: "ERROR", reason: refusal.to_string() }))
        } else {
            Err(refusal)
        }
    });
    Ok(HttpResponse::Ok().json(told?))
}

impl From<CardError> for ApiError {
    fn from(error: CardError) -> Self {
        if let CardError::Other(fault) = error {
            fault.into()
        } else {
            Self::with_detail(ErrorCode::CardRefused, error.to_string())
        }
    }
}

/// What an app needs to program a card.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewBoltCard, example = json!({
    "card_name": "Alice's card",
    "id": "1",
    "k0": "1f2e3d4c5b6a79880123456789abcdef",
    "k1": "0c3b25d92b38ae443229dd59ad34b85d",
    "k2": "b45775776cb224c75bcde7ca3704e933",
    "k3": "0c3b25d92b38ae443229dd59ad34b85d",
    "k4": "b45775776cb224c75bcde7ca3704e933",
    "lnurlw_base": "lnurlw://pay.example/boltcards/api/v1/scan/7c1f5e2d8b9a4c3e6f0a1b2c3d4e5f60",
    "protocol_name": "new_bolt_card_response",
    "protocol_version": "1"
}))]
pub struct NewCardKeys {
    /// Its name.
    card_name: String,
    /// `1`.
    id: &'static str,
    k0: String,
    k1: String,
    k2: String,
    /// Equal to `k1`.
    k3: String,
    /// Equal to `k2`.
    k4: String,
    /// What stands in the URL on the card, in front of what a tap adds.
    lnurlw_base: String,
    /// `new_bolt_card_response`.
    protocol_name: &'static str,
    /// `1`.
    protocol_version: &'static str,
}

impl NewCardKeys {
    pub(super) fn new(programming: Programming, lnurlw_base: String) -> Self {
        let Programming { card, secrets } = programming;
        let [k0, k1, k2] = [&secrets.keys.k0, &secrets.keys.k1, &secrets.keys.k2].map(|key| key.reveal().to_string());
        Self {
            card_name: card.name,
            id: "1",
            k3: k1.clone(),
            k4: k2.clone(),
            k0,
            k1,
            k2,
            lnurlw_base,
            protocol_name: "new_bolt_card_response",
            protocol_version: "1",
        }
    }
}

/// The same with names in upper case, as apps expect it that ask by POST.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = NewBoltCardByPost, example = json!({
    "CARD_NAME": "Alice's card",
    "ID": "1",
    "K0": "1f2e3d4c5b6a79880123456789abcdef",
    "K1": "0c3b25d92b38ae443229dd59ad34b85d",
    "K2": "b45775776cb224c75bcde7ca3704e933",
    "K3": "0c3b25d92b38ae443229dd59ad34b85d",
    "K4": "b45775776cb224c75bcde7ca3704e933",
    "LNURLW_BASE": "lnurlw://pay.example/boltcards/api/v1/scan/7c1f5e2d8b9a4c3e6f0a1b2c3d4e5f60",
    "LNURLW": "lnurlw://pay.example/boltcards/api/v1/scan/7c1f5e2d8b9a4c3e6f0a1b2c3d4e5f60",
    "PROTOCOL_NAME": "new_bolt_card_response",
    "PROTOCOL_VERSION": "1"
}))]
pub struct NewCardKeysByPost {
    card_name: String,
    id: &'static str,
    k0: String,
    k1: String,
    k2: String,
    k3: String,
    k4: String,
    lnurlw_base: String,
    /// Equal to `LNURLW_BASE`.
    lnurlw: String,
    protocol_name: &'static str,
    protocol_version: &'static str,
    /// `wipe`, where the card is to be wiped.
    #[serde(rename = "action", skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
}

impl NewCardKeysByPost {
    pub(super) fn new(keys: NewCardKeys, is_to_wipe: bool) -> Self {
        let NewCardKeys { card_name, id, k0, k1, k2, k3, k4, lnurlw_base, protocol_name, protocol_version } = keys;
        Self {
            card_name,
            id,
            k0,
            k1,
            k2,
            k3,
            k4,
            lnurlw: lnurlw_base.clone(),
            lnurlw_base,
            protocol_name,
            protocol_version,
            action: is_to_wipe.then_some("wipe"),
        }
    }
}
