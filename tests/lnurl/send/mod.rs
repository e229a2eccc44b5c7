//! LNURLs and Lightning addresses of other servers: a service that the test plays, and another satkeep.

mod look;
mod pay;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_hashes::{Hash, sha256};
use serde_json::{Value, json};

use crate::harness::{Options, Receiver, Reply, Server, Wallet};

const SCAN: &str = "/api/v1/lnurlscan";
const PAY: &str = "/api/v1/payments/lnurl";
const METADATA: &str = "[[\"text/plain\",\"Tea\"],[\"text/identifier\",\"bob@shop.example\"]]";

/// A server that may ask this machine.
fn options() -> Options {
    Options { arguments: vec!["--webhook-allow-private".into()], ..Options::default() }
}

/// A service of somebody else: what it answers, by the path that is asked.
#[derive(Clone)]
struct Service {
    receiver: Receiver,
    answers: Arc<Mutex<HashMap<String, Reply>>>,
}

impl Service {
    fn start() -> Self {
        let answers: Arc<Mutex<HashMap<String, Reply>>> = Arc::default();
        let said = Arc::clone(&answers);
        let receiver = Receiver::answering(move |hook| {
            let path = hook.path.split('?').next().unwrap();
            said.lock().unwrap().get(path).cloned().unwrap_or_else(|| Reply::status(404))
        });
        Self { receiver, answers }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.receiver.url)
    }

    /// An address at this service.
    fn address(&self, name: &str) -> String {
        format!("{name}@{}", self.receiver.url.strip_prefix("http://").unwrap())
    }

    /// From now on this is answered there.
    fn answers(&self, path: &str, body: &Value) {
        self.replies(path, 200, "", &body.to_string(), Duration::ZERO);
    }

    fn replies(&self, path: &str, status: u16, headers: &'static str, body: &str, after: Duration) {
        let reply = Reply { status, headers, body: body.to_owned(), after };
        self.answers.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// What it says of `bob`, who takes 1 to 100 sat, and comments of 10 characters.
    fn offer(&self) -> Value {
        json!({
            "tag": "payRequest", "callback": self.url("/cb?x=1"), "minSendable": 1000, "maxSendable": 100_000,
            "metadata": METADATA, "commentAllowed": 10
        })
    }

    /// The service with its offer at the address of `bob`.
    fn with_bob() -> Self {
        let service = Self::start();
        service.answers("/.well-known/lnurlp/bob", &service.offer());
        service
    }

    /// What was asked for, without what it was answered.
    fn asked(&self) -> Vec<String> {
        self.receiver.hooks().into_iter().map(|hook| hook.path).collect()
    }
}

/// An invoice for the metadata, of a wallet of a server: its services are its own, wherever its links are.
#[track_caller]
fn invoice(server: &Server, payee: &Wallet, sats: i64) -> String {
    let hash = sha256::Hash::hash(METADATA.as_bytes()).to_string();
    let order = json!({"out": false, "amount": sats, "memo": "Tea", "description_hash": hash});
    let made = server.post("/api/v1/payments", &payee.invoice, &order).expect(201);
    made["bolt11"].as_str().unwrap().to_owned()
}
