//! LNbits itself as the node: `.ci/lnbits` installs it, starts it with a wallet that pretends, and runs this. Who pays and is paid is another wallet of the same LNbits.

use std::sync::Arc;
use std::time::Duration;

use satkeep::domain::ids::PaymentHash;
use satkeep::domain::time::UnixMs;
use satkeep::lightning;
use satkeep::lightning::node::{InvoiceMade, Node, NodeError, PaymentAtNode, SendOutcome};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::compliance;
use super::fakes::unpayable;
use super::world::{MSAT, World, made, payment, send_and_wait};

/// Another wallet.
#[derive(Clone)]
struct Other {
    url: String,
    key: String,
}

impl Other {
    fn post(&self, body: &Value) -> Value {
        let request = ureq::post(format!("{}/api/v1/payments", self.url)).header("X-Api-Key", &self.key);
        request.send_json(body).unwrap().body_mut().read_json().unwrap()
    }

    fn received(&self, hash: PaymentHash) -> Vec<Value> {
        let list = format!("{}/api/v1/payments?limit=1000&payment_hash={hash}", self.url);
        let list: Vec<Value> =
            ureq::get(list).header("X-Api-Key", &self.key).call().unwrap().body_mut().read_json().unwrap();
        list.into_iter().filter(|payment| payment["status"] == "success").collect()
    }
}

struct RealLnbits {
    node: Arc<dyn Node>,
    other: Other,
    runtime: Runtime,
    _directory: tempfile::TempDir,
}

impl RealLnbits {
    fn start(key: &str) -> Self {
        let variable = |name: &str| std::env::var(name).expect(".ci/lnbits sets it");
        let url = variable("LNBITS_URL");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, variable(key)).unwrap();
        let place = url.strip_prefix("http://").unwrap();
        let settings = format!("lnbits+http://{place}?key={}", file.display()).parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let other = Other { key: variable("LNBITS_OTHER_KEY"), url };
        Self { node: lightning::connect(&settings).unwrap(), other, runtime, _directory: directory }
    }
}

impl World for RealLnbits {
    fn node(&self) -> &dyn Node {
        &*self.node
    }

    fn run<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    fn payer(&self) -> Box<dyn Fn(&InvoiceMade) + Send> {
        let other = self.other.clone();
        Box::new(move |invoice| {
            let paid = other.post(&json!({"out": true, "bolt11": invoice.bolt11}));
            assert_eq!(paid["payment_hash"], invoice.payment_hash.to_string());
        })
    }

    fn foreign(&self) -> (String, PaymentHash) {
        let made = self.other.post(&json!({"out": false, "unit": "sat", "amount": MSAT / 1000, "memo": "a test"}));
        (made["bolt11"].as_str().unwrap().to_owned(), made["payment_hash"].as_str().unwrap().parse().unwrap())
    }

    fn fee_msat(&self) -> i64 {
        0
    }

    fn times_paid(&self, hash: PaymentHash) -> usize {
        self.other.received(hash).len()
    }
}

#[test]
#[ignore = "it needs LNbits: .ci/lnbits runs it"]
fn lnbits_passes_the_suite() {
    let world = RealLnbits::start("LNBITS_KEY");
    let identity = world.run(world.node.identity()).unwrap();
    assert!(identity.id.starts_with("lnbits:") && identity.time.is_some(), "{identity:?}");
    let before = world.run(world.node.balance()).unwrap().local;
    compliance::invoices_are_made_and_found(&world);
    compliance::receipts_are_told_in_order(&world);
    compliance::a_receipt_ends_the_wait(&world);
    compliance::payments_arrive_once(&world);
    // 28 were received, 1 was sent.
    let after = world.run(world.node.balance()).unwrap().local;
    assert_eq!(after.get() - before.get(), 27 * MSAT);
    let received = world.run(world.node.receipts_since(UnixMs::new(0))).unwrap();
    assert!(received.len() >= 28, "{}", received.len());
    let sent = world.run(world.node.payments_since(UnixMs::new(0))).unwrap();
    assert!(sent.iter().any(|payment| matches!(payment.state, PaymentAtNode::Settled(_))), "{sent:?}");
}

#[test]
#[ignore = "it needs LNbits: .ci/lnbits runs it"]
fn what_lnbits_cannot_pay_has_failed_and_costs_nothing() {
    let world = RealLnbits::start("LNBITS_SECOND_KEY");
    world.payer()(&made(&world));
    let before = world.run(world.node.balance()).unwrap().local;
    let (bolt11, hash) = unpayable(MSAT / 2);
    let (outcome, found) = send_and_wait(&world, payment(&bolt11, hash));
    assert_eq!(outcome, SendOutcome::Accepted);
    assert!(matches!(found, PaymentAtNode::Failed { .. }), "{found:?}");
    assert_eq!(world.run(world.node.balance()).unwrap().local, before);
    // More than there is: nothing is even begun.
    let (bolt11, hash) = unpayable(before.get() + MSAT);
    let order = satkeep::lightning::node::PaymentOrder { fee_max: before, ..payment(&bolt11, hash) };
    let (outcome, found) = send_and_wait(&world, order);
    assert!(matches!(outcome, SendOutcome::Refused(_)), "{outcome:?}");
    assert!(matches!(found, PaymentAtNode::NotFound), "{found:?}");
}

#[test]
#[ignore = "it needs LNbits: .ci/lnbits runs it"]
fn a_key_that_lnbits_does_not_know_says_nothing() {
    let world = RealLnbits::start("LNBITS_URL");
    let identity = world.run(world.node.identity());
    assert!(matches!(identity, Err(NodeError::Unauthorized(_))), "{identity:?}");
    let (bolt11, hash) = world.foreign();
    let outcome = world.run(world.node.send(payment(&bolt11, hash)));
    assert!(!matches!(outcome, SendOutcome::Accepted), "{outcome:?}");
    // To such a key it tells whether it is paid, but not whose it is: that is no answer.
    let found = world.run(world.node.find_payment(hash, Duration::ZERO));
    assert!(found.is_err(), "{found:?}");
}
