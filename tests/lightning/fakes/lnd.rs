//! A small LND.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bitcoin_hashes::hex::{DisplayHex, FromHex};
use satkeep::domain::ids::PaymentHash;
use satkeep::domain::node::Preimage;
use serde_json::{Value, json};

use super::book::{Fate, Invoice, Op, Payment, Shared, State, Untried, leaves_out};
use super::server::{Fake, Reply, Request};

pub(super) struct Lnd(pub(super) Shared);

fn base64_of_hex(hex: &str) -> String {
    STANDARD.encode(Vec::<u8>::from_hex(hex).unwrap())
}

fn error(status: u16, code: i64, message: &str) -> Reply {
    Reply::json(status, &json!({"code": code, "message": message, "details": []}))
}

/// An error in place of a stream.
fn stream_error(status: u16, code: i64, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message, "details": []}}))
}

fn invoice_json(invoice: &Invoice) -> Value {
    let state = match invoice.state {
        State::Open => "OPEN",
        State::Cancelled => "CANCELED",
        State::Settled => "SETTLED",
    };
    json!({
        "memo": "", "r_preimage": base64_of_hex(&invoice.preimage), "r_hash": STANDARD.encode(invoice.hash.as_bytes()),
        "value_msat": invoice.amount.msat().to_string(), "settled": invoice.state == State::Settled,
        "settle_date": (invoice.at_ms / 1000).to_string(), "payment_request": invoice.bolt11, "state": state,
        "settle_index": invoice.settle_index.to_string(), "amt_paid_msat": invoice.paid_msat.to_string(), "htlcs": [],
    })
}

fn payment_json(payment: &Payment) -> Value {
    let (status, preimage, htlc) = match payment.fate {
        Fate::Arrives => ("SUCCEEDED", &*payment.preimage, "SUCCEEDED"),
        Fate::Fails => ("FAILED", "", "FAILED"),
        Fate::Held => ("IN_FLIGHT", "", "IN_FLIGHT"),
    };
    json!({
        "payment_hash": payment.hash, "payment_preimage": preimage, "value_msat": payment.amount.to_string(),
        "status": status, "fee_msat": payment.fee.to_string(), "payment_index": payment.index.to_string(),
        "creation_time_ns": (payment.created_ms * 1_000_000).to_string(),
        "failure_reason": if payment.fate == Fate::Fails { "FAILURE_REASON_NO_ROUTE" } else { "FAILURE_REASON_NONE" },
        "htlcs": [{"status": htlc, "resolve_time_ns": (payment.created_ms * 1_000_000 + 1).to_string()}],
    })
}

impl Lnd {
    fn add(&self, request: &Request) -> Reply {
        let body = request.json();
        let preimage = STANDARD.decode(body["r_preimage"].as_str().unwrap()).unwrap();
        let preimage = Preimage::from_client(&preimage.to_lower_hex_string()).unwrap();
        let msat = body["value_msat"].as_str().unwrap().parse().unwrap();
        match self.0.lock().add_invoice(&preimage, msat) {
            Some(invoice) => Reply::json(
                200,
                &json!({"r_hash": STANDARD.encode(invoice.hash.as_bytes()), "payment_request": invoice.bolt11, "add_index": "1"}),
            ),
            None => error(500, 2, "invoice with payment hash already exists"),
        }
    }

    fn cancel(&self, request: &Request) -> Reply {
        let hash = STANDARD.decode(request.json()["payment_hash"].as_str().unwrap()).unwrap();
        let mut book = self.0.lock();
        match book.invoice(PaymentHash::from_slice(&hash).unwrap()) {
            None => error(500, 2, "unable to locate invoice"),
            Some(invoice) if invoice.state == State::Settled => error(500, 2, "invoice already settled"),
            Some(invoice) => {
                invoice.state = State::Cancelled;
                Reply::json(200, &json!({}))
            }
        }
    }

    fn list(&self, request: &Request) -> Reply {
        let unlisted = leaves_out(&mut self.0.lock().unlisted);
        let (offset, count) = (request.count("index_offset").unwrap(), request.count("num_max_invoices").unwrap());
        let book = self.0.lock();
        let is_listed = |invoice: &&Invoice| Some(invoice.settle_index) != unlisted;
        let page = book.invoices.iter().filter(is_listed).skip(offset).take(count);
        let page: Vec<_> = page.map(invoice_json).collect();
        let last = offset + page.len();
        Reply::json(200, &json!({"invoices": page, "last_index_offset": last.to_string(), "first_index_offset": "1"}))
    }

    /// What is settled above an index; above 0 only what is settled from now on.
    fn subscribe(&self, request: &Request) -> Reply {
        let from = request.count("settle_index").unwrap_or_default();
        let mut told = if from > 0 { from } else { self.0.lock().settled().len() };
        let untold = leaves_out(&mut self.0.lock().untold);
        self.stream(move |book| {
            let settled = book.lock().settled();
            told += usize::from(Some(told as i64 + 1) == untold && settled.len() > told);
            let next = settled.get(told).map(invoice_json);
            told += usize::from(next.is_some());
            next.map(|invoice| (invoice, false))
        })
    }

    fn send(&self, request: &Request) -> Reply {
        let body = request.json();
        assert!(body["cancelable"] == false && body["allow_self_payment"] == false, "{body}");
        let fee_max = body["fee_limit_msat"].as_str().unwrap().parse().unwrap();
        match self.0.lock().start(body["payment_request"].as_str().unwrap(), fee_max) {
            Err(Untried::Expired) => stream_error(500, 2, "invoice expired. Valid until 2020-01-01 00:00:00 +0000 UTC"),
            Err(Untried::Exists) => stream_error(409, 6, "invoice is already paid"),
            Ok(index) => self.follow(index),
        }
    }

    fn track(&self, request: &Request) -> Reply {
        let hash = request.path().rsplit('/').next().unwrap();
        let hash = PaymentHash::from_slice(&URL_SAFE.decode(hash).unwrap()).unwrap();
        match self.0.lock().attempts(hash).last() {
            None => stream_error(404, 5, "payment isn't initiated"),
            Some(payment) => self.follow(payment.index),
        }
    }

    /// A payment whenever it changes, until it ends.
    fn follow(&self, index: i64) -> Reply {
        let mut told = None;
        self.stream(move |book| {
            let payment = book.lock().payments[usize::try_from(index).unwrap() - 1].clone();
            let is_news = told.replace(payment.fate) != Some(payment.fate);
            is_news.then(|| (payment_json(&payment), payment.fate != Fate::Held))
        })
    }

    /// A stream of what `next` gives, until it says that this was the last.
    fn stream(&self, mut next: impl FnMut(&Shared) -> Option<(Value, bool)> + Send + 'static) -> Reply {
        let (sender, lines): (_, Receiver<String>) = channel();
        let book = self.0.clone();
        thread::spawn(move || {
            loop {
                match next(&book) {
                    Some((item, is_last)) => {
                        if sender.send(json!({"result": item}).to_string()).is_err() || is_last {
                            return;
                        }
                    }
                    None => thread::sleep(Duration::from_millis(10)),
                }
            }
        });
        Reply::Lines(lines)
    }

    fn payments(&self, request: &Request) -> Reply {
        let (offset, count) = (request.count("index_offset").unwrap(), request.count("max_payments").unwrap());
        let book = self.0.lock();
        let page: Vec<_> = book.payments.iter().skip(offset).take(count).map(payment_json).collect();
        let last = offset + page.len();
        Reply::json(200, &json!({"payments": page, "last_index_offset": last.to_string()}))
    }

    fn find_invoice(&self, request: &Request) -> Reply {
        let hash = request.path().rsplit('/').next().unwrap().parse().unwrap();
        match self.0.lock().invoice(hash) {
            Some(invoice) => Reply::json(200, &invoice_json(invoice)),
            None => error(404, 5, "unable to locate invoice"),
        }
    }
}

impl Fake for Lnd {
    fn op(&self, request: &Request) -> Op {
        match (&*request.method, request.path()) {
            ("POST", "/v1/invoices") => Op::Create,
            ("GET", "/v1/invoices/subscribe") => Op::Receive,
            ("POST", "/v2/router/send") => Op::Send,
            ("GET", path) if path.starts_with("/v1/invoice/") => Op::FindInvoice,
            ("GET", path) if path.starts_with("/v2/router/track/") => Op::FindPayment,
            _ => Op::Other,
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        if request.header("grpc-metadata-macaroon") != Some(super::SECRET) {
            return error(500, 2, "verification failed: signature mismatch after caveat verification");
        }
        match (&*request.method, request.path()) {
            ("POST", "/v1/invoices") => self.add(request),
            ("POST", "/v2/invoices/cancel") => self.cancel(request),
            ("GET", "/v1/invoices") => self.list(request),
            ("GET", "/v1/invoices/subscribe") => self.subscribe(request),
            ("POST", "/v2/router/send") => self.send(request),
            ("GET", "/v1/payments") => self.payments(request),
            ("GET", "/v1/balance/channels") => Reply::json(
                200,
                &json!({"local_balance": {"sat": "7", "msat": "7001"}, "remote_balance": {"sat": "3", "msat": "3000"}}),
            ),
            ("GET", "/v1/getinfo") => Reply::json(
                200,
                &json!({
                    "version": "0.21.2-beta", "identity_pubkey": "02ab", "alias": "fake", "synced_to_chain": true,
                    "chains": [{"chain": "bitcoin", "network": "regtest"}], "best_header_timestamp": "1700000000",
                }),
            ),
            ("GET", path) if path.starts_with("/v1/invoice/") => self.find_invoice(request),
            ("GET", path) if path.starts_with("/v2/router/track/") => self.track(request),
            _ => error(404, 5, "Not Found"),
        }
    }
}
