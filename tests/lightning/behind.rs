//! satkeep on the real network: a node of it stands behind the ledger, another one is the rest of the world.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Lnd, Network, Secret, network, router_fee_msat};
use crate::harness::{Options, Server, Wallet, both_stores};

/// How long something may take that satkeep or a node does by itself: generous, because the machine may be busy, and
/// longer than satkeep leaves alone what is under way.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// A server with this node behind it.
pub(super) fn behind(node: &Lnd) -> Options {
    behind_with(node, &[])
}

/// The same, with more settings.
pub(super) fn behind_with(node: &Lnd, settings: &[&str]) -> Options {
    let node = node.setting();
    let all = ["--network", "regtest", "--lightning", &node].into_iter().chain(settings.iter().copied());
    Options { arguments: all.map(str::to_owned).collect(), ..Options::default() }
}

/// A server with the node of the network that all tests share behind it, where there is a network.
pub(super) fn ours() -> Options {
    network().map(|network| behind(&network.ours)).unwrap_or_default()
}

#[track_caller]
pub(super) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(super) fn balance_msat(server: &Server, wallet: &Wallet) -> i64 {
    server.get("/api/v1/wallet", &wallet.invoice).expect(200)["balance"].as_i64().unwrap()
}

pub(super) fn payment(server: &Server, wallet: &Wallet, hash: &str) -> Value {
    server.get(&format!("/api/v1/payments/{hash}"), &wallet.invoice).expect(200)
}

/// Waits until a payment has this status, and answers the caller's side of it.
#[track_caller]
pub(super) fn wait_for(server: &Server, wallet: &Wallet, hash: &str, status: &str) -> Value {
    wait_until(&format!("{hash} is {status}"), || {
        let payment = payment(server, wallet, hash);
        (payment["status"] == status).then(|| payment["details"].clone())
    })
}

/// An invoice that the world can pay, as soon as the server has found its node.
#[track_caller]
pub(super) fn invoice(server: &Server, wallet: &Wallet, sat: i64) -> Value {
    wait_until("the node is found", || {
        let answer = server.post("/api/v1/payments", &wallet.invoice, &json!({"amount": sat, "memo": "a deposit"}));
        (answer.status == 201).then(|| answer.expect(201))
    })
}

pub(super) fn pay(server: &Server, wallet: &Wallet, bolt11: &str) -> crate::harness::Answer {
    server.post("/api/v1/payments", &wallet.admin, &json!({"out": true, "bolt11": bolt11}))
}

/// Waits until the server knows its node.
#[track_caller]
pub(super) fn wait_for_node(server: &Server) {
    let world = network().unwrap().world.add_invoice(1_000);
    wait_until("the node is found", || {
        let path = format!("/api/v1/payments/fee-reserve?invoice={}", world.bolt11);
        (server.get(&path, "").status == 200).then_some(())
    });
}

both_stores! {
    fn a_deposit_comes_from_the_world_and_a_withdrawal_goes_there(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        let wallet = server.manager.clone();
        let before = balance_msat(server, &wallet);
        let made = invoice(server, &wallet, 21_000);
        let (bolt11, hash) = (made["bolt11"].as_str().unwrap(), made["payment_hash"].as_str().unwrap());
        assert_eq!(world.pay(bolt11, 100_000).unwrap()["status"], "SUCCEEDED");
        let details = wait_for(server, &wallet, hash, "success");
        assert_eq!((&details["amount"], &details["fee"]), (&json!(21_000_000), &json!(0)));
        assert_eq!(balance_msat(server, &wallet), before + 21_000_000);

        let out = world.add_invoice(5_000_000);
        let paid = pay(server, &wallet, &out.bolt11).expect(201);
        let fee = i64::try_from(router_fee_msat(5_000_000)).unwrap();
        assert_eq!((&paid["status"], &paid["pending"]), (&json!("success"), &json!(false)), "{paid}");
        assert_eq!((&paid["amount"], &paid["fee"]), (&json!(-5_000_000), &json!(-fee)));
        assert_eq!(balance_msat(server, &wallet), before + 21_000_000 - 5_000_000 - fee);
        assert_eq!(world.invoice(&out.hash)["state"], "SETTLED");
        let status = payment(server, &wallet, &out.hash);
        assert_eq!((&status["paid"], &status["details"]), (&json!(true), &paid));
        let listed = server.get("/api/v1/payments", &wallet.invoice).expect(200);
        assert_eq!(listed[0], paid);
        let total = server.get("/api/v1/payments/paginated", &wallet.invoice).expect(200);
        assert_eq!(total["total"], 3, "the first credit, the deposit and the withdrawal");
        assert_eq!(pay(server, &wallet, &out.bolt11).expect(400)["detail"], "Invoice already paid");
        server.audit();
    }

    fn a_payment_waits_for_its_end_and_costs_nothing_if_it_fails(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        let wallet = server.manager.clone();
        wait_for_node(server);
        let before = balance_msat(server, &wallet);
        let (kept, given_back) = (Secret::random(), Secret::random());
        let holds = [&kept, &given_back].map(|secret| world.add_hold_invoice(secret, 3_000_000, 3600));
        for hold in &holds {
            let paid = pay(server, &wallet, &hold.bolt11).expect(201);
            assert_eq!((&paid["status"], &paid["pending"]), (&json!("pending"), &json!(true)), "{paid}");
            assert_eq!((&paid["amount"], &paid["fee"], &paid["preimage"]), (&json!(-3_000_000), &json!(-30_000), &Value::Null));
        }
        assert_eq!(balance_msat(server, &wallet), before - 2 * 3_030_000);
        assert_eq!(pay(server, &wallet, &holds[0].bolt11).expect(400)["code"], "payment_under_way");
        world.settle(&kept);
        world.cancel(&given_back.hash).unwrap();
        let settled = wait_for(server, &wallet, &kept.hash, "success");
        let fee = i64::try_from(router_fee_msat(3_000_000)).unwrap();
        assert_eq!(settled["fee"], -fee);
        assert_eq!(settled["preimage"].as_str().unwrap(), bitcoin_hashes::hex::DisplayHex::to_lower_hex_string(kept.preimage.as_slice()));
        let failed = wait_for(server, &wallet, &given_back.hash, "failed");
        assert_eq!((&failed["fee"], &failed["state"]), (&json!(0), &json!("cancelled")));
        assert_eq!(balance_msat(server, &wallet), before - 3_000_000 - fee);
        server.audit();
    }
}
