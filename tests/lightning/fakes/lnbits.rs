//! A small LNbits.

use satkeep::domain::node::Preimage;
use satkeep::domain::time::{Moment, UnixMs};
use serde_json::{Value, json};

use super::book::{Fate, Invoice, Op, Payment, Shared, State, Untried};
use super::server::{Fake, Reply, Request};

const PAYMENTS: &str = "/api/v1/payments";

pub(super) struct Lnbits(pub(super) Shared);

fn payment_error(detail: &str, status: &str) -> Reply {
    Reply::json(520, &json!({"detail": detail, "status": status}))
}

fn incoming_json(invoice: &Invoice) -> Value {
    let at = UnixMs::new(invoice.at_ms).to_iso();
    json!({
        "checking_id": invoice.hash, "payment_hash": invoice.hash, "wallet_id": "w", "amount": invoice.amount.msat(),
        "fee": 0, "bolt11": invoice.bolt11, "status": if invoice.state == State::Settled { "success" } else { "pending" },
        "preimage": invoice.preimage, "created_at": at, "updated_at": at, "extra": {},
    })
}

fn outgoing_json(payment: &Payment) -> Value {
    let (status, preimage) = match payment.fate {
        Fate::Arrives => ("success", Some(&payment.preimage)),
        Fate::Fails => ("failed", None),
        Fate::Held => ("pending", None),
    };
    let at = UnixMs::new(payment.created_ms).to_iso();
    json!({
        "checking_id": payment.hash, "payment_hash": payment.hash, "wallet_id": "w", "amount": -payment.amount,
        "fee": -payment.fee, "bolt11": payment.bolt11, "status": status, "preimage": preimage, "created_at": at,
        "updated_at": at, "extra": {},
    })
}

impl Lnbits {
    fn create(&self, request: &Request) -> Reply {
        let body = request.json();
        if body["out"] == true {
            return self.pay(body["bolt11"].as_str().unwrap());
        }
        let invoice = self.0.lock().add_invoice(&Preimage::generate(), body["amount"].as_i64().unwrap() * 1000);
        Reply::json(201, &incoming_json(&invoice.unwrap()))
    }

    /// Answers when the payment has ended.
    fn pay(&self, bolt11: &str) -> Reply {
        let has_failed = self.0.lock().payments.iter().any(|it| it.bolt11 == bolt11 && it.fate == Fate::Fails);
        if has_failed {
            return payment_error("Payment is failed node, retrying is not possible.", "failed");
        }
        let started = self.0.lock().start(bolt11, i64::MAX);
        let index = match started {
            Err(Untried::Expired) => return payment_error("Invoice expired.", "failed"),
            Err(Untried::Exists) => return payment_error("Payment already paid.", "success"),
            Ok(index) => index,
        };
        let payment = self.0.ended(index);
        match payment.fate {
            Fate::Fails => payment_error("Payment failed: no route.", "failed"),
            _ => Reply::json(201, &outgoing_json(&payment)),
        }
    }

    fn find(&self, request: &Request) -> Reply {
        let hash = request.path().rsplit('/').next().unwrap().parse().unwrap();
        let mut book = self.0.lock();
        let details = match book.attempts(hash).last() {
            Some(payment) => outgoing_json(payment),
            None => match book.invoice(hash) {
                Some(invoice) => incoming_json(invoice),
                None => return Reply::json(404, &json!({"detail": "Payment does not exist."})),
            },
        };
        Reply::json(
            200,
            &json!({"paid": details["status"] == "success", "status": details["status"], "details": details}),
        )
    }

    /// Newest first; what has failed is not shown.
    fn list(&self, request: &Request) -> Reply {
        let sort_by = request.query("sortby").unwrap();
        let book = self.0.lock();
        let payments = book.payments.iter().filter(|payment| payment.fate != Fate::Fails).map(outgoing_json);
        let mut all: Vec<_> = book.invoices.iter().map(incoming_json).chain(payments).collect();
        let time = |payment: &Value| Moment::parse(payment[&*sort_by].as_str().unwrap()).unwrap().from();
        all.sort_by_key(|payment| std::cmp::Reverse(time(payment)));
        let (limit, offset) = (request.count("limit").unwrap(), request.count("offset").unwrap());
        Reply::json(200, &all.into_iter().skip(offset).take(limit).collect::<Vec<_>>().into())
    }
}

impl Fake for Lnbits {
    fn op(&self, request: &Request) -> Op {
        match (&*request.method, request.path()) {
            ("POST", PAYMENTS) if request.json()["out"] == true => Op::Send,
            ("POST", PAYMENTS) => Op::Create,
            ("GET", PAYMENTS) => Op::Receive,
            ("GET", path) if path.starts_with(PAYMENTS) && !path.ends_with("fee-reserve") => {
                let hash = path.rsplit('/').next().unwrap().parse().unwrap();
                if self.0.lock().invoice(hash).is_some() { Op::FindInvoice } else { Op::FindPayment }
            }
            _ => Op::Other,
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        if request.header("x-api-key") != Some(super::SECRET) {
            return Reply::json(401, &json!({"detail": "Wallet not found."}));
        }
        match (&*request.method, request.path()) {
            ("POST", PAYMENTS) => self.create(request),
            ("GET", PAYMENTS) => self.list(request),
            ("GET", "/api/v1/payments/fee-reserve") => {
                Reply::json(200, &json!({"fee_reserve": self.0.lock().fee_msat}))
            }
            ("GET", "/api/v1/wallet") => Reply::json(200, &json!({"id": "w1", "name": "fake", "balance": 7001})),
            ("GET", path) if path.starts_with(PAYMENTS) => self.find(request),
            _ => Reply::json(404, &json!({"detail": "Not Found"})),
        }
    }
}
