//! Reading a BOLT11 invoice of any node and network.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::framework::auth::OptionalKey;
use crate::api::framework::body::{Body, lenient};
use crate::api::framework::error::ApiError;
use crate::domain::invoice::{DecodedInvoice, PaymentRequest};

/// What to decode.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"data": "lnbc10u1p5…"}))]
pub struct DecodeOrder {
    /// The BOLT11 invoice.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    data: Option<String>,
}

/// One hop of a route to the payee that the invoice proposes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteHintView {
    /// The node at the start of the hop, in hex.
    public_key: String,
    /// The channel.
    short_channel_id: String,
    /// msat for each payment.
    base_fee: u32,
    /// Millionths of the amount.
    ppm_fee: u32,
    /// Blocks between the hop and the next.
    cltv_expiry_delta: u16,
}

/// A decoded invoice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "payment_hash": "eb4e9c1b6a4ef2f4a0a7a2b2a4f2cf14e1cbe1cb5b1f7ee5bb7fdbc9ad4b8bb4",
    "amount_msat": 1_000_000,
    "description": "Payment/Tip from service/game XXXXX",
    "description_hash": null,
    "payee": "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad",
    "date": 1_763_700_000,
    "expiry": 3600,
    "secret": "5c1d3a0f5c1d3a0f5c1d3a0f5c1d3a0f5c1d3a0f5c1d3a0f5c1d3a0f5c1d3a0f",
    "route_hints": [],
    "min_final_cltv_expiry": 18,
    "currency": "bc",
    "signature": "2b1f…01",
    "features": {"var_onion_optin": "required", "payment_secret": "required"}
}))]
pub struct DecodedView {
    /// SHA-256 of the preimage.
    payment_hash: String,
    /// How much, in msat; null where the payer chooses.
    amount_msat: Option<u64>,
    /// What for.
    description: Option<String>,
    /// SHA-256 of what for.
    description_hash: Option<String>,
    /// The public key of the node that signed it.
    payee: String,
    /// When it was issued, in Unix seconds.
    date: u64,
    /// For how many seconds from then it can be paid.
    expiry: u64,
    /// The payment secret, in hex.
    secret: String,
    /// Routes to the payee.
    route_hints: Vec<Vec<RouteHintView>>,
    /// Blocks that the last hop must leave the payee.
    min_final_cltv_expiry: u64,
    /// The network's prefix: `bc`, `tb`, `tbs`, `bcrt` or `sb`.
    currency: &'static str,
    /// The signature with its recovery id, in hex.
    signature: String,
    /// The features that it names, each `required` or `optional`.
    #[schema(value_type = BTreeMap<String, String>)]
    features: BTreeMap<&'static str, &'static str>,
}

/// Decode an invoice
///
/// Any valid BOLT11 text of any network; the signature is checked.
#[utoipa::path(
    tag = "Payments",
    request_body = DecodeOrder,
    responses((status = 200, description = "What the invoice says", body = DecodedView)),
    security((), ("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/api/v1/payments/decode")]
pub(crate) async fn decode_payment(_key: OptionalKey, body: Body) -> Result<HttpResponse, ApiError> {
    let order: DecodeOrder = body.json()?;
    let text = order.data.ok_or_else(|| ApiError::field("data", "is missing: the invoice to decode"))?;
    let invoice = PaymentRequest::parse(&text)?.verify()?;
    Ok(HttpResponse::Ok().json(DecodedView {
        payment_hash: invoice.payment_hash(),
        amount_msat: invoice.amount_msat(),
        description: invoice.description(),
        description_hash: invoice.description_hash(),
        payee: invoice.payee(),
        date: invoice.date(),
        expiry: invoice.expiry_s(),
        secret: invoice.payment_secret(),
        route_hints: route_hints(&invoice),
        min_final_cltv_expiry: invoice.min_final_cltv_expiry(),
        currency: invoice.currency(),
        signature: invoice.signature(),
        features: invoice.features().into_iter().collect(),
    }))
}

/// The routes to the payee that an invoice proposes.
pub(crate) fn route_hints(invoice: &DecodedInvoice) -> Vec<Vec<RouteHintView>> {
    let routes = invoice.route_hints().into_iter().map(|route| {
        let hops = route.0.into_iter().map(|hop| RouteHintView {
            public_key: hop.src_node_id.to_string(),
            short_channel_id: hop.short_channel_id.to_string(),
            base_fee: hop.fees.base_msat,
            ppm_fee: hop.fees.proportional_millionths,
            cltv_expiry_delta: hop.cltv_expiry_delta,
        });
        hops.collect()
    });
    routes.collect()
}
