//! What is told of payments to and from other nodes: webhooks, streams, and the command line.

use std::process::Output;

use serde_json::{Value, json};

use super::away::stand_on;
use super::behind::{behind_with, invoice, ours, pay, payment, wait_for, wait_for_node};
use super::{Network, Secret, network, router_fee_msat};
use crate::harness::{Options, Receiver, Server, both_stores, satkeep};

const MSAT: u64 = 2_000_000;

/// A server that may tell this machine.
fn telling() -> Options {
    network().map(|network| behind_with(&network.ours, &["--webhook-allow-private"])).unwrap_or_default()
}

/// Runs a subcommand that has no node: it fails, and says why.
#[track_caller]
fn lacks_a_node(server: &Server, arguments: &[&str]) {
    let Output { status, stdout, stderr } = satkeep(&server.database).args(arguments).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("no Lightning node is configured") && stdout.is_empty(), "{arguments:?}: {said}");
}

both_stores! {
    fn endpoints_hear_how_a_payment_has_ended(server, telling()) {
        let Some(Network { world, .. }) = network() else { return };
        wait_for_node(server);
        let (receiver, wallet) = (Receiver::start(), server.manager.clone());
        let endpoint = json!({"url": receiver.url, "events": ["payment.sent", "payment.failed"]});
        server.post("/usermanager/api/v1/webhooks", &wallet.admin, &endpoint).expect(201);
        let (taken, given_back) = (Secret::random(), Secret::random());
        for secret in [&taken, &given_back] {
            let hold = world.add_hold_invoice(secret, MSAT, 3600);
            let order = json!({"out": true, "bolt11": hold.bolt11, "extra": {"tag": "cash-out"}, "webhook": format!("{}/own", receiver.url)});
            assert_eq!(server.post("/api/v1/payments", &wallet.admin, &order).expect(201)["status"], "pending");
            world.wait_for_invoice(&secret.hash, "ACCEPTED");
        }
        assert!(receiver.hooks().is_empty(), "nothing has ended");
        world.cancel(&given_back.hash).unwrap();
        receiver.wait_for(1);
        world.settle(&taken);
        let hooks = receiver.wait_for(3);
        let of = |hash: &str, path: &str| -> Vec<Value> {
            let of = hooks.iter().filter(|hook| hook.path == path).map(crate::harness::Hook::json);
            of.filter(|body| body["payment_hash"] == hash).collect()
        };
        let fee = router_fee_msat(MSAT).cast_signed();
        for (secret, event, fee) in [(&taken, "payment.sent", -fee), (&given_back, "payment.failed", 0)] {
            let bodies = of(&secret.hash, "/");
            let [told] = &bodies[..] else { panic!("{hooks:#?}") };
            let shown = &payment(server, &wallet, &secret.hash)["details"];
            assert_eq!((&told["event"], &told["fee"]), (&json!(event), &json!(fee)));
            for field in ["payment_hash", "bolt11", "wallet_id", "fee", "status", "state", "pending", "preimage", "extra", "updated_at"] {
                assert_eq!(told[field], shown[field], "{field}: {told}");
            }
            assert_eq!((&told["amount_msat"], &told["amount"]), (&shown["amount"], &shown["amount_sat"]));
        }
        // The webhook of the payment itself tells that it has arrived.
        let (own, of_failed) = (of(&taken.hash, "/own"), of(&given_back.hash, "/own"));
        assert_eq!((own.len(), of_failed.len()), (1, 0), "{hooks:#?}");
        assert_eq!((&own[0]["event"], &own[0]["fee"]), (&json!("payment.sent"), &json!(-fee)));
        server.audit();
    }

    fn streams_tell_of_deposits_and_of_withdrawals_when_they_settle(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        wait_for_node(server);
        let wallet = server.manager.clone();
        let mut events = server.events(&wallet.invoice, None);
        let secret = Secret::random();
        let hold = world.add_hold_invoice(&secret, MSAT, 3600);
        assert_eq!(pay(server, &wallet, &hold.bolt11).expect(201)["status"], "pending");
        let made = invoice(server, &wallet, 3_000);
        world.pay(made["bolt11"].as_str().unwrap(), 10_000).unwrap();
        // The withdrawal began first, and is told of when it has arrived.
        let received = events.next().unwrap();
        assert_eq!((received.name.as_str(), &received.data["payment_hash"]), ("payment-received", &made["payment_hash"]));
        assert_eq!((&received.data["amount"], &received.data["status"]), (&json!(3_000_000), &json!("success")));
        world.wait_for_invoice(&secret.hash, "ACCEPTED");
        world.settle(&secret);
        let sent = events.next().unwrap();
        assert_eq!((sent.name.as_str(), &sent.data["payment_hash"]), ("payment-sent", &json!(secret.hash)));
        assert_eq!(sent.data, wait_for(server, &wallet, &secret.hash, "success"));
        assert_eq!(sent.data["fee"], -router_fee_msat(MSAT).cast_signed());
    }

    fn the_command_line_shows_the_node_and_compares_its_books(server) {
        for arguments in [&["node", "status"][..], &["node", "reconcile"], &["audit", "--node"], &["--json", "audit", "--node"]] {
            lacks_a_node(server, arguments);
        }
        let Some(network) = network() else { return };
        let node = network.join("shown");
        stand_on(server, &node);
        let (world, wallet) = (&network.world, server.manager.clone());
        let setting = node.setting();
        let run = |arguments: &[&str]| {
            server.cli(&[&["--network", "regtest", "--lightning", &setting], arguments].concat())
        };
        let secret = Secret::random();
        let hold = world.add_hold_invoice(&secret, MSAT, 3600);
        assert_eq!(pay(server, &wallet, &hold.bolt11).expect(201)["status"], "pending");
        let status = run(&["node", "status"]).unwrap();
        assert_eq!((&status["id"], &status["alias"]), (&json!(node.identity()), &json!("shown")));
        assert_eq!((&status["under_way"], &status["synced"], &status["network"]), (&json!(1), &json!(true), &json!("regtest")));
        assert!(status["local_msat"].as_i64() > Some(0) && status["oldest_under_way_s"].is_i64(), "{status}");
        let liabilities: i64 = server.database.texts("SELECT CAST(SUM(balance_msat) AS TEXT) AS text FROM accounts WHERE kind = 'wallet'")[0].parse().unwrap();
        assert_eq!(status["liabilities_msat"], liabilities);
        world.settle(&secret);
        wait_for(server, &wallet, &secret.hash, "success");

        // What the node did while no server ran is found by the command alone.
        let made = invoice(server, &wallet, 2_000);
        server.signal("-KILL");
        node.wait_for_payment(&secret.hash, "SUCCEEDED");
        world.pay(made["bolt11"].as_str().unwrap(), 10_000).unwrap();
        let run = |arguments: &[&str]| {
            let output = satkeep(&server.database).args(["--network", "regtest", "--lightning", &setting, "--json"]).args(arguments).output().unwrap();
            (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
        };
        let (code, books) = run(&["audit", "--node"]);
        assert_eq!((code, &books["holds"]), (Some(1), &json!(false)), "{books}");
        let difference = json!([{"payment_hash": made["payment_hash"], "what": "received_not_booked", "amount_msat": 2_000_000}]);
        assert_eq!(books["comparison"]["differences"], difference);
        assert_eq!(run(&["node", "reconcile"]), (Some(0), json!({"looked_up": 0, "ended": 0, "booked": 1})));
        assert_eq!(run(&["node", "reconcile"]), (Some(0), json!({"looked_up": 0, "ended": 0, "booked": 0})));
        let (code, books) = run(&["audit", "--node"]);
        let compared = &books["comparison"];
        assert_eq!((code, &books["holds"], &compared["node"]), (Some(0), &json!(true), &json!(node.identity())), "{books}");
        assert_eq!((&compared["payments"], &compared["receipts"], &compared["differences"]), (&json!(1), &json!(1), &json!([])));
        server.audit();
    }
}
