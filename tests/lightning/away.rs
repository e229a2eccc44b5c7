//! The node is away: killed, frozen, not started yet, or listening to nobody because satkeep is away.

use serde_json::{Value, json};

use super::behind::{balance_msat, behind, invoice, ours, pay, payment, wait_for, wait_for_node, wait_until};
use super::{Lnd, Network, Secret, network, router_fee_msat};
use crate::harness::{Server, both_stores};

const MSAT: u64 = 2_000_000;

fn cost_msat() -> i64 {
    (MSAT + router_fee_msat(MSAT)).cast_signed()
}

/// What a dead process had in its hands is free at once, as it is after some minutes.
pub(super) fn let_the_time_of_the_dead_pass(server: &Server) {
    server.database.execute("UPDATE nodes SET leads_until_ms = 0").unwrap();
    server.database.execute("UPDATE sends SET due_at_ms = 0 WHERE ended_at_ms IS NULL").unwrap();
}

/// Has a node of the test's own behind the server, which had none.
pub(super) fn stand_on(server: &mut Server, node: &Lnd) {
    *server = server.replica_with(behind(node));
    wait_for_node(server);
}

#[track_caller]
fn wait_for_health(server: &Server, status: &str) {
    wait_until(&format!("the health is {status}"), || {
        (server.get("/api/v1/health", "").expect(200)["status"] == status).then_some(())
    });
}

/// Everything that needs the node is refused for now, and what does not need it goes on.
fn works_inside_alone(server: &Server, foreign: &str) {
    let wallet = server.manager.clone();
    let orders = [json!({"out": true, "bolt11": foreign}), json!({"out": false, "amount": 5})];
    for order in orders {
        let refused = server.post("/api/v1/payments", &wallet.admin, &order);
        refused.refused(503, "node_away", "The Lightning node does not answer");
        assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    }
    let reserve = server.get(&format!("/api/v1/payments/fee-reserve?invoice={foreign}"), "");
    reserve.refused(503, "node_away", "");
    let inside = server.wallet_of(&wallet.admin, "inside");
    let order = json!({"out": false, "amount": 5, "internal": true});
    let made = server.post("/api/v1/payments", &inside.invoice, &order).expect(201);
    assert_eq!(pay(server, &wallet, made["bolt11"].as_str().unwrap()).expect(201)["status"], "success");
    assert_eq!(balance_msat(server, &inside), 5_000);
}

both_stores! {
    fn a_node_that_is_not_there_at_the_start_is_used_when_it_comes(server) {
        let Some(network) = network() else { return };
        let node = network.join("late");
        let options = behind(&node);
        node.kill();
        *server = server.replica_with(options);
        wait_for_health(server, "degraded");
        let out = network.world.add_invoice(MSAT);
        works_inside_alone(server, &out.bolt11);
        node.restart();
        node.wait_until_connected();
        wait_for_node(server);
        wait_for_health(server, "ok");
        let wallet = server.manager.clone();
        let before = balance_msat(server, &wallet);
        let paid = pay(server, &wallet, &out.bolt11).expect(201);
        assert_eq!(paid["status"], "success", "{paid}");
        assert_eq!(balance_msat(server, &wallet), before - cost_msat());
        let made = invoice(server, &wallet, 2_000);
        network.world.pay(made["bolt11"].as_str().unwrap(), 10_000).unwrap();
        wait_for(server, &wallet, made["payment_hash"].as_str().unwrap(), "success");
        server.audit();
    }

    fn a_node_that_is_killed_in_flight_tells_the_end_when_it_is_back(server) {
        let Some(network) = network() else { return };
        let node = network.join("mortal");
        stand_on(server, &node);
        let (world, wallet) = (&network.world, server.manager.clone());
        let before = balance_msat(server, &wallet);
        let (taken, given_back) = (Secret::random(), Secret::random());
        for secret in [&taken, &given_back] {
            let hold = world.add_hold_invoice(secret, MSAT, 3600);
            assert_eq!(pay(server, &wallet, &hold.bolt11).expect(201)["status"], "pending");
            world.wait_for_invoice(&secret.hash, "ACCEPTED");
        }
        let reserved = before - balance_msat(server, &wallet);
        node.kill();
        world.settle(&taken);
        world.cancel(&given_back.hash).unwrap();
        wait_for_health(server, "degraded");
        works_inside_alone(server, &world.add_invoice(MSAT).bolt11);
        for secret in [&taken, &given_back] {
            assert_eq!(payment(server, &wallet, &secret.hash)["status"], "pending");
        }
        assert_eq!(balance_msat(server, &wallet), before - reserved - 5_000);
        node.restart();
        assert_eq!(wait_for(server, &wallet, &taken.hash, "success")["fee"], -router_fee_msat(MSAT).cast_signed());
        assert_eq!(wait_for(server, &wallet, &given_back.hash, "failed")["fee"], 0);
        wait_for_health(server, "ok");
        assert_eq!(balance_msat(server, &wallet), before - cost_msat() - 5_000);
        server.audit();
    }

    fn a_frozen_node_ends_nothing(server) {
        let Some(network) = network() else { return };
        let node = network.join("frozen");
        stand_on(server, &node);
        let (world, wallet) = (&network.world, server.manager.clone());
        let before = balance_msat(server, &wallet);
        let on_its_way = Secret::random();
        let hold = world.add_hold_invoice(&on_its_way, MSAT, 3600);
        assert_eq!(pay(server, &wallet, &hold.bolt11).expect(201)["status"], "pending");
        world.wait_for_invoice(&on_its_way.hash, "ACCEPTED");
        let asked = world.add_invoice(MSAT);
        node.freeze();
        let begun = pay(server, &wallet, &asked.bolt11).expect(201);
        assert_eq!((&begun["status"], &begun["pending"]), (&json!("pending"), &json!(true)), "{begun}");
        world.settle(&on_its_way);
        wait_for_health(server, "degraded");
        for hash in [&on_its_way.hash, &asked.hash] {
            assert_eq!(payment(server, &wallet, hash)["status"], "pending");
        }
        node.thaw();
        for hash in [&on_its_way.hash, &asked.hash] {
            wait_for(server, &wallet, hash, "success");
        }
        wait_for_health(server, "ok");
        assert_eq!(balance_msat(server, &wallet), before - 2 * cost_msat());
        assert_eq!(world.invoice(&asked.hash)["amt_paid_msat"], MSAT.to_string());
        server.audit();
    }

    fn the_first_receipt_ever_is_found_although_nobody_listened(server) {
        let Some(network) = network() else { return };
        let node = network.join("unheard");
        stand_on(server, &node);
        let wallet = server.wallet_of(&server.manager.admin, "payee");
        let [first, overpaid] = [3_000, 1_000].map(|sat| invoice(server, &wallet, sat));
        let bolt11 = |made: &Value| made["bolt11"].as_str().unwrap().to_owned();
        server.signal("-TERM");
        assert!(server.wait().success());
        assert_eq!(network.world.pay(&bolt11(&first), 10_000).unwrap()["status"], "SUCCEEDED");
        let paid = network.world.pay_amount(&bolt11(&overpaid), 1_500_001, 10_000).unwrap();
        assert_eq!(paid["status"], "SUCCEEDED", "{paid}");
        // What is stopped, and not killed, leaves nothing behind that somebody must wait for.
        let free = "SELECT id AS text FROM nodes WHERE leads_until_ms = 0";
        assert_eq!(server.database.texts(free), [node.identity()]);
        *server = server.replica();
        for made in [&first, &overpaid] {
            wait_for(server, &wallet, made["payment_hash"].as_str().unwrap(), "success");
        }
        wait_until("all is credited", || (balance_msat(server, &wallet) == 4_500_001).then_some(()));
        // What comes next is told by the stream, which begins with what was found already.
        let next = invoice(server, &wallet, 2_000);
        network.world.pay(&bolt11(&next), 10_000).unwrap();
        wait_for(server, &wallet, next["payment_hash"].as_str().unwrap(), "success");
        assert_eq!(balance_msat(server, &wallet), 6_500_001);
        server.audit();
        let books = server.cli(&["--network", "regtest", "--lightning", &node.setting(), "audit", "--node"]).unwrap();
        assert_eq!((&books["holds"], &books["comparison"]["receipts"]), (&json!(true), &json!(3)), "{books}");
    }

    fn what_is_held_elsewhere_may_arrive_after_the_invoice_has_expired(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        let wallet = server.manager.clone();
        wait_for_node(server);
        let before = balance_msat(server, &wallet);
        let (taken, given_back) = (Secret::random(), Secret::random());
        let holds = [&taken, &given_back].map(|secret| world.add_hold_invoice(secret, MSAT, 10));
        for hold in &holds {
            assert_eq!(pay(server, &wallet, &hold.bolt11).expect(201)["status"], "pending");
            world.wait_for_invoice(&hold.hash, "ACCEPTED");
        }
        for hold in &holds {
            world.wait_until_expired(hold);
            let waits = payment(server, &wallet, &hold.hash);
            assert_eq!((&waits["status"], &waits["details"]["pending"]), (&json!("pending"), &json!(true)), "{waits}");
        }
        assert!(balance_msat(server, &wallet) < before - 2 * MSAT.cast_signed());
        world.settle(&taken);
        world.cancel(&given_back.hash).unwrap();
        wait_for(server, &wallet, &taken.hash, "success");
        wait_for(server, &wallet, &given_back.hash, "failed");
        assert_eq!(balance_msat(server, &wallet), before - cost_msat());
        server.audit();
    }
}
