//! A small Core Lightning behind `clnrest`. A payment has two parts.

use std::thread;
use std::time::{Duration, Instant};

use satkeep::domain::node::Preimage;
use serde_json::{Value, json};

use super::book::{Fate, Invoice, Op, Payment, Shared, State, Untried};
use super::server::{Fake, Reply, Request};

pub(super) struct Cln(pub(super) Shared);

fn done(answer: &Value) -> Reply {
    Reply::json(201, answer)
}

fn error(code: i64, message: &str) -> Reply {
    Reply::json(500, &json!({"code": code, "message": message, "data": null}))
}

fn invoice_json(invoice: &Invoice) -> Value {
    let common = json!({
        "label": format!("satkeep-{}", invoice.hash), "payment_hash": invoice.hash, "bolt11": invoice.bolt11,
        "amount_msat": invoice.amount.msat(), "created_index": 1, "expires_at": 2_000_000_000_u32,
    });
    let more = match invoice.state {
        State::Settled => json!({
            "status": "paid", "pay_index": invoice.settle_index, "amount_received_msat": invoice.paid_msat,
            "paid_at": invoice.at_ms / 1000, "payment_preimage": invoice.preimage,
        }),
        State::Open | State::Cancelled => json!({"status": "unpaid"}),
    };
    let members = common.as_object().unwrap().clone().into_iter().chain(more.as_object().unwrap().clone());
    Value::Object(members.collect())
}

fn parts_json(payment: &Payment) -> [Value; 2] {
    let status = match payment.fate {
        Fate::Arrives => "complete",
        Fate::Fails => "failed",
        Fate::Held => "pending",
    };
    let half = payment.amount / 2;
    let part = |number: i64, amount: i64, fee: i64| {
        let mut part = json!({
            "created_index": payment.index * 2 + number, "id": payment.index * 2 + number, "groupid": payment.index,
            "partid": number, "payment_hash": payment.hash, "status": status, "amount_msat": amount,
            "amount_sent_msat": amount + fee, "created_at": payment.created_ms / 1000, "bolt11": payment.bolt11,
        });
        if payment.fate == Fate::Arrives {
            part["payment_preimage"] = json!(payment.preimage);
            part["completed_at"] = json!(payment.created_ms / 1000);
        }
        part
    };
    [part(0, half, payment.fee), part(1, payment.amount - half, 0)]
}

impl Cln {
    fn invoice(&self, body: &Value) -> Reply {
        let preimage = Preimage::from_client(body["preimage"].as_str().unwrap()).unwrap();
        match self.0.lock().add_invoice(&preimage, body["amount_msat"].as_i64().unwrap()) {
            Some(invoice) => done(&invoice_json(&invoice)),
            None => error(900, "Duplicate label"),
        }
    }

    fn delete(&self, body: &Value) -> Reply {
        let label = body["label"].as_str().unwrap();
        let hash = label.strip_prefix("satkeep-").unwrap().parse().unwrap();
        let mut book = self.0.lock();
        match book.invoice(hash).map(|invoice| invoice.clone()) {
            None => error(905, "Unknown invoice"),
            Some(invoice) if invoice.state == State::Settled => {
                let data = json!({"current_status": "paid", "expected_status": "unpaid"});
                let message = "Invoice status is paid not unpaid";
                Reply::json(500, &json!({"code": 906, "message": message, "data": data}))
            }
            Some(invoice) => {
                book.invoices.retain(|other| other.hash != hash);
                done(&invoice_json(&invoice))
            }
        }
    }

    fn wait(&self, body: &Value) -> Reply {
        let last = body["lastpay_index"].as_u64().unwrap() as usize;
        let deadline = Instant::now() + Duration::from_secs(body["timeout"].as_u64().unwrap());
        loop {
            if let Some(invoice) = self.0.lock().settled().get(last) {
                return done(&invoice_json(invoice));
            }
            if Instant::now() >= deadline {
                return error(904, "Timed out");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn list_invoices(&self, body: &Value) -> Reply {
        let book = self.0.lock();
        let start = body["start"].as_i64().unwrap_or(1);
        let of_hash = body["payment_hash"].as_str();
        let found =
            book.invoices.iter().zip(1..).filter(|(invoice, index)| {
                *index >= start && of_hash.is_none_or(|hash| hash == invoice.hash.to_string())
            });
        let found: Vec<_> = found
            .map(|(invoice, index)| {
                let mut json = invoice_json(invoice);
                json["created_index"] = json!(index);
                json
            })
            .collect();
        done(&json!({"invoices": found}))
    }

    /// Answers when the payment has ended.
    fn xpay(&self, body: &Value) -> Reply {
        let fee_max = body["maxfee"].as_i64().unwrap();
        let started = self.0.lock().start(body["invstring"].as_str().unwrap(), fee_max);
        let index = match started {
            Err(Untried::Expired) => return error(207, "Invoice expired 60 seconds ago"),
            Err(Untried::Exists) => return error(219, "Already paid this invoice successfully"),
            Ok(index) => index,
        };
        let payment = self.0.ended(index);
        if payment.fate == Fate::Fails {
            return error(205, "Failed: we could not find a usable set of paths");
        }
        done(&json!({
            "payment_preimage": payment.preimage, "failed_parts": 0, "successful_parts": 2,
            "amount_msat": payment.amount, "amount_sent_msat": payment.amount + payment.fee,
        }))
    }

    fn parts(&self, body: &Value) -> Reply {
        let book = self.0.lock();
        let start = body["start"].as_i64().unwrap_or_default();
        let of_hash = body["payment_hash"].as_str();
        let payments = book.payments.iter();
        let of_hash = payments.filter(|payment| of_hash.is_none_or(|hash| hash == payment.hash.to_string()));
        let parts = of_hash.flat_map(parts_json).filter(|part| part["created_index"].as_i64().unwrap() >= start);
        done(&json!({"payments": parts.collect::<Vec<_>>()}))
    }
}

impl Fake for Cln {
    fn op(&self, request: &Request) -> Op {
        match request.path() {
            "/v1/invoice" => Op::Create,
            "/v1/listinvoices" => Op::FindInvoice,
            "/v1/waitanyinvoice" => Op::Receive,
            "/v1/xpay" => Op::Send,
            "/v1/listsendpays" => Op::FindPayment,
            _ => Op::Other,
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        if request.header("rune") != Some(super::SECRET) {
            return Reply::json(401, &json!({"code": 1502, "message": "Rune is not valid", "data": null}));
        }
        let body = request.json();
        match request.path() {
            "/v1/invoice" => self.invoice(&body),
            "/v1/delinvoice" => self.delete(&body),
            "/v1/waitanyinvoice" => self.wait(&body),
            "/v1/listinvoices" => self.list_invoices(&body),
            "/v1/xpay" => self.xpay(&body),
            "/v1/listsendpays" => self.parts(&body),
            "/v1/listfunds" => done(&json!({
                "outputs": [{"amount_msat": 5_000_000, "status": "confirmed"}],
                "channels": [{"our_amount_msat": 7001, "amount_msat": 10_001, "state": "CHANNELD_NORMAL"}],
            })),
            "/v1/getinfo" => done(
                &json!({"id": "02ab", "alias": "fake", "version": "v25.09", "network": "regtest", "blockheight": 1}),
            ),
            _ => Reply::json(404, &json!({"code": -32601, "message": "Unknown command", "data": null})),
        }
    }
}
