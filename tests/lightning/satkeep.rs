//! Another satkeep as the node.

use std::sync::Arc;

use satkeep::domain::ids::PaymentHash;
use satkeep::lightning;
use satkeep::lightning::node::{InvoiceMade, Node};
use serde_json::json;
use tokio::runtime::Runtime;

use super::compliance;
use super::world::{MSAT, World};
use crate::harness::{Server, Wallet, both_stores};

/// A satkeep, one of its wallets as the node, and another wallet of it.
struct OtherSatkeep<'a> {
    node: Arc<dyn Node>,
    server: &'a Server,
    other: Wallet,
    runtime: Runtime,
    _directory: tempfile::TempDir,
}

impl World for OtherSatkeep<'_> {
    fn node(&self) -> &dyn Node {
        &*self.node
    }

    fn run<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    fn payer(&self) -> Box<dyn Fn(&InvoiceMade) + Send> {
        let (url, key) = (self.server.url.clone(), self.other.admin.clone());
        Box::new(move |invoice| {
            let request = ureq::post(format!("{url}/api/v1/payments")).header("X-Api-Key", &key);
            request.send_json(json!({"out": true, "bolt11": invoice.bolt11})).unwrap();
        })
    }

    fn foreign(&self) -> (String, PaymentHash) {
        let body = json!({"out": false, "unit": "sat", "amount": MSAT / 1000});
        let made = self.server.post("/api/v1/payments", &self.other.invoice, &body).expect(201);
        (made["bolt11"].as_str().unwrap().to_owned(), made["payment_hash"].as_str().unwrap().parse().unwrap())
    }

    fn fee_msat(&self) -> i64 {
        0
    }

    fn times_paid(&self, hash: PaymentHash) -> usize {
        let list = self.server.get("/api/v1/payments?limit=1000", &self.other.invoice).expect(200);
        let is_paid = |payment: &&serde_json::Value| {
            payment["payment_hash"] == hash.to_string() && payment["status"] == "success"
        };
        list.as_array().unwrap().iter().filter(is_paid).count()
    }
}

both_stores! {
    fn satkeep_passes_the_suite(server) {
        let (wallet, other) = (server.wallet("node", 5_000), server.wallet("other", 50_000));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, &wallet.admin).unwrap();
        let place = server.url.strip_prefix("http://").unwrap();
        let settings = format!("lnbits+http://{place}?key={}", file.display()).parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let node = lightning::connect(&settings).unwrap();
        let world = OtherSatkeep { node, server, other, runtime, _directory: directory };
        let identity = world.run(world.node.identity()).unwrap();
        assert_eq!(identity.id, format!("lnbits:{}", wallet.id));
        compliance::invoices_are_made_and_found(&world);
        compliance::receipts_are_told_in_order(&world);
        compliance::a_receipt_ends_the_wait(&world);
        compliance::payments_arrive_once(&world);
        // 28 were received, 1 was sent.
        let balance = world.run(world.node.balance()).unwrap();
        assert_eq!(balance.local.get(), 5_000_000 + 27 * MSAT);
    }
}
