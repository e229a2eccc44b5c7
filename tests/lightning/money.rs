//! What a node of the network does with money.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bitcoin_hashes::hex::{DisplayHex as _, FromHex as _};
use bitcoin_hashes::{Hash as _, sha256};
use serde_json::{Value, json};

use super::lnd::Lnd;

/// A preimage, and its hash in hex.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    pub(crate) preimage: [u8; 32],
    pub(crate) hash: String,
}

impl Secret {
    pub(crate) fn random() -> Self {
        let preimage: [u8; 32] = rand::random();
        let hash = sha256::Hash::hash(&preimage).to_byte_array().to_lower_hex_string();
        Self { preimage, hash }
    }
}

/// An invoice of a node.
#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    pub(crate) bolt11: String,
    /// The payment hash in hex.
    pub(crate) hash: String,
}

impl Lnd {
    /// Makes an invoice.
    #[track_caller]
    pub(crate) fn add_invoice(&self, amount_msat: u64) -> Invoice {
        self.add_invoice_with(&json!({"value_msat": amount_msat.to_string()}))
    }

    /// Makes an invoice from the fields that LND knows.
    #[track_caller]
    pub(crate) fn add_invoice_with(&self, fields: &Value) -> Invoice {
        let made = self.post("/v1/invoices", fields).unwrap();
        let bolt11 = made["payment_request"].as_str().unwrap().to_owned();
        Invoice { bolt11, hash: hex(&made["r_hash"]) }
    }

    /// Makes an invoice that holds what is paid until [`Lnd::settle`] or [`Lnd::cancel`].
    #[track_caller]
    pub(crate) fn add_hold_invoice(&self, secret: &Secret, amount_msat: u64, expiry_seconds: u32) -> Invoice {
        let order = json!({
            "hash": base64(&secret.hash),
            "value_msat": amount_msat.to_string(),
            "expiry": expiry_seconds.to_string(),
            // LND gives back what is held when the chain comes near to this.
            "cltv_expiry": "200",
        });
        let made = self.post("/v2/invoices/hodl", &order).unwrap();
        Invoice { bolt11: made["payment_request"].as_str().unwrap().to_owned(), hash: secret.hash.clone() }
    }

    /// Takes what is held.
    #[track_caller]
    pub(crate) fn settle(&self, secret: &Secret) {
        self.post("/v2/invoices/settle", &json!({"preimage": STANDARD.encode(secret.preimage)})).unwrap();
    }

    /// Makes an invoice unpayable, and gives back what is held. The answer says why it cannot be.
    pub(crate) fn cancel(&self, hash: &str) -> Result<(), String> {
        self.post("/v2/invoices/cancel", &json!({"payment_hash": base64(hash)})).map(drop)
    }

    /// All that the node knows of one of its invoices.
    #[track_caller]
    pub(crate) fn invoice(&self, hash: &str) -> Value {
        self.get(&format!("/v1/invoice/{hash}")).unwrap()
    }

    /// Waits until an invoice is `OPEN`, `ACCEPTED` (held), `SETTLED` or `CANCELED`.
    #[track_caller]
    pub(crate) fn wait_for_invoice(&self, hash: &str, state: &str) -> Value {
        self.wait_until(&format!("have {hash} as {state}"), || self.invoice(hash)["state"] == state);
        self.invoice(hash)
    }

    /// Waits until an invoice has expired, by the clock that all of us share.
    #[track_caller]
    pub(crate) fn wait_until_expired(&self, invoice: &Invoice) {
        let known = self.invoice(&invoice.hash);
        let seconds = |name: &str| known[name].as_str().unwrap().parse::<u64>().unwrap();
        let end = UNIX_EPOCH + Duration::from_secs(seconds("creation_date") + seconds("expiry") + 1);
        std::thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default());
    }

    /// Pays an invoice, and waits for the end: `SUCCEEDED` or `FAILED` is in `status`. An answer that is
    /// an error says why the node has not even begun.
    pub(crate) fn pay(&self, bolt11: &str, fee_max_msat: u64) -> Result<Value, String> {
        self.pay_as(&json!({"payment_request": bolt11}), fee_max_msat)
    }

    /// The same, with the fields of an order that LND knows.
    pub(crate) fn pay_as(&self, order: &Value, fee_max_msat: u64) -> Result<Value, String> {
        let mut last = Err("the node hung up".to_owned());
        for update in self.send(order, fee_max_msat) {
            last = Ok(update?);
        }
        last
    }

    /// Pays another amount than the invoice asks for.
    pub(crate) fn pay_amount(&self, bolt11: &str, amount_msat: u64, fee_max_msat: u64) -> Result<Value, String> {
        let invoice = self.get(&format!("/v1/payreq/{bolt11}")).unwrap();
        let features = invoice["features"].as_object().unwrap().keys().map(|bit| bit.parse::<u32>().unwrap());
        let order = json!({
            "dest_features": features.collect::<Vec<_>>(),
            "dest": base64(invoice["destination"].as_str().unwrap()),
            "payment_hash": base64(invoice["payment_hash"].as_str().unwrap()),
            "payment_addr": invoice["payment_addr"],
            "final_cltv_delta": invoice["cltv_expiry"].as_str().unwrap().parse::<u32>().unwrap(),
            "amt_msat": amount_msat.to_string(),
        });
        self.pay_as(&order, fee_max_msat)
    }

    /// Begins to pay an invoice, and waits until money is on its way. What happens then does not depend
    /// on who asked.
    #[track_caller]
    pub(crate) fn begin_to_pay(&self, bolt11: &str, fee_max_msat: u64) {
        let is_on_its_way =
            |update: &Value| update["htlcs"].as_array().unwrap().iter().any(|htlc| htlc["status"] == "IN_FLIGHT");
        for update in self.send(&json!({"payment_request": bolt11}), fee_max_msat) {
            if is_on_its_way(&update.unwrap()) {
                return;
            }
        }
        panic!("{bolt11} has an end before anything is on its way");
    }

    fn send(&self, order: &Value, fee_max_msat: u64) -> impl Iterator<Item = Result<Value, String>> + use<> {
        let mut order = order.clone();
        order["fee_limit_msat"] = fee_max_msat.to_string().into();
        order["timeout_seconds"] = 60.into();
        self.stream("/v2/router/send", Some(&order))
    }

    /// What the node knows of a payment of its own, or that there is none.
    pub(crate) fn payment(&self, hash: &str) -> Result<Value, String> {
        let key = URL_SAFE.encode(Vec::from_hex(hash).unwrap());
        self.stream(&format!("/v2/router/track/{key}"), None).next().unwrap()
    }

    /// Waits until a payment is `SUCCEEDED` or `FAILED`.
    #[track_caller]
    pub(crate) fn wait_for_payment(&self, hash: &str, status: &str) -> Value {
        let state = || self.payment(hash).unwrap();
        self.wait_until(&format!("have {hash} as {status}"), || state()["status"] == status);
        state()
    }

    /// All payments of the node, those that are under way or have failed too.
    pub(crate) fn payments(&self) -> Vec<Value> {
        let listed = self.get("/v1/payments?include_incomplete=true&max_payments=10000").unwrap();
        listed["payments"].as_array().unwrap().clone()
    }

    /// All invoices of the node.
    pub(crate) fn invoices(&self) -> Vec<Value> {
        let listed = self.get("/v1/invoices?num_max_invoices=10000").unwrap();
        listed["invoices"].as_array().unwrap().clone()
    }

    /// What the node could send through its channels.
    pub(crate) fn balance_msat(&self) -> u64 {
        let balance = self.get("/v1/balance/channels").unwrap();
        balance["local_balance"]["msat"].as_str().unwrap().parse().unwrap()
    }

    /// The node's public key.
    pub(crate) fn identity(&self) -> String {
        self.get("/v1/getinfo").unwrap()["identity_pubkey"].as_str().unwrap().to_owned()
    }
}

/// Bytes as LND's REST interface wants them, from hex.
fn base64(hex: &str) -> String {
    STANDARD.encode(Vec::from_hex(hex).unwrap())
}

fn hex(base64: &Value) -> String {
    STANDARD.decode(base64.as_str().unwrap()).unwrap().to_lower_hex_string()
}
