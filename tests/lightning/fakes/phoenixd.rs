//! A small phoenixd.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use satkeep::domain::node::Preimage;
use serde_json::{Value, json};

use super::book::{Fate, Invoice, Op, Payment, Shared, State, Untried};
use super::server::{Fake, Reply, Request};

pub(super) struct Phoenixd(pub(super) Shared);

fn not_found() -> Reply {
    Reply::Whole(404, "Not found".to_owned())
}

fn incoming_json(invoice: &Invoice) -> Value {
    let is_paid = invoice.state == State::Settled;
    // It has kept a fee for a channel.
    let fees = if is_paid { 1_500 } else { 0 };
    json!({
        "type": "incoming_payment", "subType": "lightning", "paymentHash": invoice.hash, "preimage": invoice.preimage,
        "invoice": invoice.bolt11, "isPaid": is_paid, "isExpired": false, "requestedSat": invoice.amount.to_sat(),
        "receivedSat": (invoice.paid_msat - fees).max(0) / 1000, "fees": fees, "createdAt": 1,
        "completedAt": is_paid.then_some(invoice.at_ms),
    })
}

fn outgoing_json(payment: &Payment) -> Value {
    let has_arrived = payment.fate == Fate::Arrives;
    json!({
        "type": "outgoing_payment", "subType": "lightning", "paymentId": payment.index.to_string(),
        "paymentHash": payment.hash, "preimage": has_arrived.then_some(&payment.preimage), "isPaid": has_arrived,
        "sent": (payment.amount + payment.fee) / 1000, "fees": payment.fee, "invoice": payment.bolt11,
        "completedAt": (payment.fate != Fate::Held).then_some(payment.created_ms + 1), "createdAt": payment.created_ms,
    })
}

impl Phoenixd {
    fn create(&self, request: &Request) -> Reply {
        let sat: i64 = request.field("amountSat").unwrap().parse().unwrap();
        assert!(request.field("description").is_some() != request.field("descriptionHash").is_some());
        let invoice = self.0.lock().add_invoice(&Preimage::generate(), sat * 1000).unwrap();
        Reply::json(200, &json!({"amountSat": sat, "paymentHash": invoice.hash, "serialized": invoice.bolt11}))
    }

    /// Answers when the payment has ended.
    fn pay(&self, request: &Request) -> Reply {
        let bolt11 = request.field("invoice").unwrap();
        let started = self.0.lock().start(&bolt11, i64::MAX);
        let failed = |reason: &str| Reply::json(200, &json!({"type": "payment_failed", "reason": reason}));
        let index = match started {
            Err(Untried::Expired) => return failed("the invoice has expired"),
            Err(Untried::Exists) => return failed("this invoice has already been paid"),
            Ok(index) => index,
        };
        let payment = self.0.ended(index);
        if payment.fate == Fate::Fails {
            return failed("the recipient could not be reached");
        }
        Reply::json(
            200,
            &json!({
                "recipientAmountSat": payment.amount / 1000, "routingFeeSat": payment.fee / 1000, "paymentId": "1",
                "paymentHash": payment.hash, "paymentPreimage": payment.preimage,
            }),
        )
    }

    fn incoming(&self, request: &Request) -> Reply {
        let from = request.number("from").unwrap();
        let mut settled = self.0.lock().settled();
        settled.retain(|invoice| invoice.at_ms >= from);
        settled.reverse();
        page(request, settled.iter().map(incoming_json).collect())
    }

    fn outgoing(&self, request: &Request) -> Reply {
        let from = request.number("from").unwrap();
        let book = self.0.lock();
        let payments = book.payments.iter().filter(|payment| payment.created_ms >= from);
        page(request, payments.map(outgoing_json).collect())
    }

    fn find_outgoing(&self, request: &Request) -> Reply {
        let hash = request.path().rsplit('/').next().unwrap().parse().unwrap();
        let attempts = self.0.lock().attempts(hash);
        // The best of them, and the oldest of those that are as good.
        let best = attempts.iter().find(|payment| payment.fate != Fate::Fails).or(attempts.first());
        best.map_or_else(not_found, |payment| Reply::json(200, &outgoing_json(payment)))
    }

    fn find_incoming(&self, request: &Request) -> Reply {
        let hash = request.path().rsplit('/').next().unwrap().parse().unwrap();
        let mut book = self.0.lock();
        book.invoice(hash).map_or_else(not_found, |invoice| Reply::json(200, &incoming_json(invoice)))
    }
}

fn page(request: &Request, entries: Vec<Value>) -> Reply {
    let (limit, offset) = (request.count("limit").unwrap(), request.count("offset").unwrap());
    Reply::json(200, &entries.into_iter().skip(offset).take(limit).collect::<Vec<_>>().into())
}

impl Fake for Phoenixd {
    fn op(&self, request: &Request) -> Op {
        match request.path() {
            "/createinvoice" => Op::Create,
            "/payments/incoming" => Op::Receive,
            "/payinvoice" => Op::Send,
            path if path.starts_with("/payments/incoming/") => Op::FindInvoice,
            path if path.starts_with("/payments/outgoingbyhash/") => Op::FindPayment,
            _ => Op::Other,
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        let credentials = format!("Basic {}", STANDARD.encode(format!(":{}", super::SECRET)));
        if request.header("authorization") != Some(&credentials) {
            let text = "Invalid authentication (use basic auth with the http password set in phoenix.conf)";
            return Reply::Whole(401, text.to_owned());
        }
        match (&*request.method, request.path()) {
            ("POST", "/createinvoice") => self.create(request),
            ("POST", "/payinvoice") => self.pay(request),
            ("GET", "/payments/incoming") => self.incoming(request),
            ("GET", "/payments/outgoing") => self.outgoing(request),
            ("GET", "/getbalance") => Reply::json(200, &json!({"balanceSat": 7, "feeCreditSat": 0})),
            ("GET", "/getinfo") => Reply::json(
                200,
                &json!({
                    "nodeId": "02ab", "chain": "regtest", "blockHeight": 1, "version": "0.8.0",
                    "channels": [{"state": "Normal", "balanceSat": 7, "inboundLiquiditySat": 3}],
                }),
            ),
            ("GET", path) if path.starts_with("/payments/incoming/") => self.find_incoming(request),
            ("GET", path) if path.starts_with("/payments/outgoingbyhash/") => self.find_outgoing(request),
            _ => Reply::Whole(404, "Unknown endpoint (check api doc)".to_owned()),
        }
    }
}
