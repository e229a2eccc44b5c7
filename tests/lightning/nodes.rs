//! What the network itself does, and what satkeep relies on of LND.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use super::{Loss, RIGHTS, network};

#[test]
fn a_node_that_was_killed_goes_on() {
    let Some(network) = network() else { return };
    let node = network.join("killed");
    let (identity, before_msat, invoice) = (node.identity(), node.balance_msat(), node.add_invoice(5_000_000));
    node.kill();
    assert!(node.get("/v1/getinfo").is_err(), "a killed node does not answer");
    node.restart();
    node.wait_until_connected();
    assert_eq!(node.identity(), identity);
    assert_eq!(node.invoice(&invoice.hash)["state"], "OPEN");
    assert_eq!(network.world.pay(&invoice.bolt11, 10_000).unwrap()["status"], "SUCCEEDED");
    node.wait_for_invoice(&invoice.hash, "SETTLED");
    node.wait_until("have the money", || node.balance_msat() == before_msat + 5_000_000);
}

#[test]
fn a_node_can_be_another_one_than_yesterday() {
    let Some(network) = network() else { return };
    let node = network.start_node("forgetful");
    let (identity, invoice) = (node.identity(), node.add_invoice(5_000_000));
    let (macaroon, certificate) = (node.bake(&RIGHTS), std::fs::read(node.certificate()).unwrap());
    let lookup = format!("/v1/invoice/{}", invoice.hash);
    assert!(node.get_with(&macaroon, &lookup).is_ok());

    node.lose(Loss::Database);
    assert_eq!(node.identity(), identity);
    // LND has other words for an unknown invoice where it knows none at all.
    assert_eq!(node.get_with(&macaroon, &lookup).unwrap_err(), "there are no existing invoices");
    node.add_invoice(5_000_000);
    let refused = node.get_with(&macaroon, &lookup).unwrap_err();
    assert!(refused.contains("unable to locate invoice"), "{refused}");

    node.lose(Loss::Everything);
    assert_ne!(node.identity(), identity);
    let refused = node.get_with(&macaroon, &lookup).unwrap_err();
    assert!(refused.contains("verification failed"), "{refused}");
    assert_eq!(std::fs::read(node.certificate()).unwrap(), certificate);
}

#[test]
fn a_frozen_node_answers_later() {
    let Some(network) = network() else { return };
    let node = network.start_node("frozen");
    node.freeze();
    let (sender, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(node.get("/v1/getinfo")).unwrap());
        assert!(answers.recv_timeout(Duration::from_millis(500)).is_err(), "a frozen node does not answer");
        node.thaw();
        assert!(answers.recv().unwrap().is_ok());
    });
}

#[test]
fn mined_blocks_are_seen() {
    let Some(network) = network() else { return };
    network.chain.mine(1);
    let height = network.chain.height();
    let seen = || network.world.get("/v1/getinfo").unwrap()["block_height"].as_u64().unwrap();
    network.world.wait_until("see a block", || seen() >= height);
}

#[test]
fn satkeeps_macaroon_is_for_invoices_and_payments_only() {
    let Some(network) = network() else { return };
    let (node, macaroon) = (&network.ours, network.ours.bake(&RIGHTS));
    for path in ["/v1/getinfo", "/v1/invoices", "/v1/payments", "/v1/balance/channels", "/v1/channels"] {
        assert!(node.get_with(&macaroon, path).is_ok(), "{path}: {:?}", node.get_with(&macaroon, path));
    }
    let made = node.post_with(&macaroon, "/v1/invoices", &json!({"value": "1"})).unwrap();
    assert!(node.post_with(&macaroon, "/v2/invoices/cancel", &json!({"payment_hash": made["r_hash"]})).is_ok());
    let dangerous = [
        ("/v1/transactions", json!({"addr": "bcrt1qxrgax5mtj8epk6sdsrsvtl0p0kt00dkv8xd6pq", "amount": "1000"})),
        ("/v1/macaroon", json!({"permissions": [{"entity": "onchain", "action": "write"}]})),
        ("/v1/peers", json!({"addr": {"pubkey": network.world.identity(), "host": network.world.peer_address()}})),
        ("/v1/stop", json!({})),
    ];
    for (path, body) in dangerous {
        let refused = node.post_with(&macaroon, path, &body).unwrap_err();
        assert_eq!(refused, "permission denied", "{path}");
    }
    assert_eq!(node.get_with(&macaroon, "/v1/newaddress").unwrap_err(), "permission denied");
}
