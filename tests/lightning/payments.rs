//! How LND pays and is paid: what satkeep's books rely on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bitcoin_hashes::hex::DisplayHex as _;
use serde_json::{Value, json};

use super::{Secret, network, router_fee_msat};

/// More than any fee of these tests.
const FEE_MAX_MSAT: u64 = 10_000;

/// Why a payment has failed.
fn reason(payment: &Value) -> &str {
    assert_eq!(payment["status"], "FAILED", "{payment}");
    payment["failure_reason"].as_str().unwrap()
}

#[test]
fn an_invoice_is_paid_in_both_directions() {
    let Some(network) = network() else { return };
    for (payer, payee) in [(&network.ours, &network.world), (&network.world, &network.ours)] {
        let amount_msat = 25_000_000;
        let invoice = payee.add_invoice(amount_msat);
        assert!(invoice.bolt11.starts_with("lnbcrt250u1"), "{invoice:?}");
        let paid = payer.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap();
        assert_eq!(paid["status"], "SUCCEEDED", "{paid}");
        assert_eq!(paid["fee_msat"], router_fee_msat(amount_msat).to_string());
        assert_eq!(paid["payment_hash"], invoice.hash);
        let settled = payee.wait_for_invoice(&invoice.hash, "SETTLED");
        assert_eq!(settled["amt_paid_msat"], amount_msat.to_string());
        assert_eq!(payer.payment(&invoice.hash).unwrap()["payment_preimage"], paid["payment_preimage"]);
        assert!(payer.payments().iter().any(|payment| payment["payment_hash"] == invoice.hash));
        assert!(payee.invoices().iter().any(|listed| listed["payment_request"] == invoice.bolt11));
    }
}

#[test]
fn a_fee_may_reach_its_limit_and_not_exceed_it() {
    let Some(network) = network() else { return };
    let invoice = network.world.add_invoice(3_000_000);
    let fee_msat = router_fee_msat(3_000_000);
    let failed = network.ours.pay(&invoice.bolt11, fee_msat - 1).unwrap();
    assert_eq!(reason(&failed), "FAILURE_REASON_NO_ROUTE");
    let paid = network.ours.pay(&invoice.bolt11, fee_msat).unwrap();
    assert_eq!((&paid["status"], &paid["fee_msat"]), (&json!("SUCCEEDED"), &json!(fee_msat.to_string())));
    // The second attempt is told apart from the first.
    assert_ne!(paid["payment_index"], failed["payment_index"]);
}

#[test]
fn there_is_no_way_to_a_node_without_a_channel() {
    let Some(network) = network() else { return };
    let island = network.start_node("island");
    let invoice = island.add_invoice(1_000_000);
    let failed = network.ours.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap();
    assert_eq!(reason(&failed), "FAILURE_REASON_NO_ROUTE");
    assert_eq!(network.ours.payment(&invoice.hash).unwrap()["status"], "FAILED");
}

#[test]
fn a_payment_that_was_never_sent_is_not_found() {
    let Some(network) = network() else { return };
    let refused = network.ours.payment(&Secret::random().hash).unwrap_err();
    assert!(refused.contains("payment isn't initiated"), "{refused}");
}

#[test]
fn an_invoice_is_paid_once_whoever_pays() {
    let Some(network) = network() else { return };
    let invoice = network.world.add_invoice(1_000_000);
    assert_eq!(network.ours.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap()["status"], "SUCCEEDED");
    let refused = network.ours.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap_err();
    assert!(refused.contains("invoice is already paid"), "{refused}");
    let by_another = network.router.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap();
    assert_eq!(reason(&by_another), "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS");
}

#[test]
fn what_is_held_is_in_flight_until_it_is_taken_or_given_back() {
    let Some(network) = network() else { return };
    let (taken, given_back) = (Secret::random(), Secret::random());
    for secret in [&taken, &given_back] {
        let invoice = network.world.add_hold_invoice(secret, 1_000_000, 3600);
        network.ours.begin_to_pay(&invoice.bolt11, FEE_MAX_MSAT);
        network.world.wait_for_invoice(&secret.hash, "ACCEPTED");
        assert_eq!(network.ours.payment(&secret.hash).unwrap()["status"], "IN_FLIGHT");
        let refused = network.ours.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap_err();
        assert!(refused.contains("payment is in transition"), "{refused}");
    }
    network.world.settle(&taken);
    let paid = network.ours.wait_for_payment(&taken.hash, "SUCCEEDED");
    assert_eq!(paid["payment_preimage"], taken.preimage.to_lower_hex_string());
    network.world.cancel(&given_back.hash).unwrap();
    let failed = network.ours.wait_for_payment(&given_back.hash, "FAILED");
    assert_eq!(reason(&failed), "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS");
}

#[test]
fn what_is_held_can_be_taken_after_the_invoice_has_expired() {
    let Some(network) = network() else { return };
    let secret = Secret::random();
    let invoice = network.world.add_hold_invoice(&secret, 1_000_000, 10);
    network.ours.begin_to_pay(&invoice.bolt11, FEE_MAX_MSAT);
    network.world.wait_until_expired(&invoice);
    assert_eq!(network.world.invoice(&secret.hash)["state"], "ACCEPTED");
    assert_eq!(network.ours.payment(&secret.hash).unwrap()["status"], "IN_FLIGHT");
    network.world.settle(&secret);
    network.ours.wait_for_payment(&secret.hash, "SUCCEEDED");
}

#[test]
fn an_expired_invoice_is_not_paid() {
    let Some(network) = network() else { return };
    let invoice = network.world.add_invoice_with(&json!({"value": "1000", "expiry": "1"}));
    network.world.wait_until_expired(&invoice);
    let refused = network.ours.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap_err();
    assert!(refused.contains("invoice expired"), "{refused}");
    let refused = network.ours.payment(&invoice.hash).unwrap_err();
    assert!(refused.contains("payment isn't initiated"), "{refused}");
}

#[test]
fn a_payer_that_is_killed_in_flight_learns_the_end() {
    let Some(network) = network() else { return };
    let node = network.join("payer");
    let (taken, given_back) = (Secret::random(), Secret::random());
    for secret in [&taken, &given_back] {
        let invoice = network.world.add_hold_invoice(secret, 1_000_000, 3600);
        node.begin_to_pay(&invoice.bolt11, FEE_MAX_MSAT);
        network.world.wait_for_invoice(&secret.hash, "ACCEPTED");
    }
    node.kill();
    network.world.settle(&taken);
    network.world.cancel(&given_back.hash).unwrap();
    node.restart();
    let paid = node.wait_for_payment(&taken.hash, "SUCCEEDED");
    assert_eq!(paid["fee_msat"], router_fee_msat(1_000_000).to_string());
    node.wait_for_payment(&given_back.hash, "FAILED");
}

#[test]
fn a_preimage_of_ours_makes_one_invoice() {
    let Some(network) = network() else { return };
    let secret = Secret::random();
    let order = json!({"r_preimage": STANDARD.encode(secret.preimage), "value": "1000"});
    let invoice = network.ours.add_invoice_with(&order);
    assert_eq!(invoice.hash, secret.hash);
    let refused = network.ours.post("/v1/invoices", &order).unwrap_err();
    assert!(refused.contains("invoice with payment hash already exists"), "{refused}");
    let paid = network.world.pay(&invoice.bolt11, FEE_MAX_MSAT).unwrap();
    assert_eq!(paid["payment_preimage"], secret.preimage.to_lower_hex_string());
}

#[test]
fn a_cancelled_invoice_is_not_paid_and_a_paid_one_not_cancelled() {
    let Some(network) = network() else { return };
    let (cancelled, paid) = (network.ours.add_invoice(1_000_000), network.ours.add_invoice(1_000_000));
    for _ in 0..2 {
        network.ours.cancel(&cancelled.hash).unwrap();
    }
    assert_eq!(network.ours.invoice(&cancelled.hash)["state"], "CANCELED");
    let failed = network.world.pay(&cancelled.bolt11, FEE_MAX_MSAT).unwrap();
    assert_eq!(reason(&failed), "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS");

    assert_eq!(network.world.pay(&paid.bolt11, FEE_MAX_MSAT).unwrap()["status"], "SUCCEEDED");
    let refused = network.ours.cancel(&paid.hash).unwrap_err();
    assert!(refused.contains("invoice already settled"), "{refused}");
}

#[test]
fn more_may_arrive_than_was_asked_for() {
    let Some(network) = network() else { return };
    let invoice = network.ours.add_invoice(7_000_000);
    let paid = network.world.pay_amount(&invoice.bolt11, 7_000_001, FEE_MAX_MSAT).unwrap();
    assert_eq!(paid["status"], "SUCCEEDED", "{paid}");
    let settled = network.ours.wait_for_invoice(&invoice.hash, "SETTLED");
    assert_eq!((&settled["value_msat"], &settled["amt_paid_msat"]), (&json!("7000000"), &json!("7000001")));
}

#[test]
fn an_invoice_without_an_amount_takes_any() {
    let Some(network) = network() else { return };
    let invoice = network.ours.add_invoice_with(&json!({}));
    let order = json!({"payment_request": invoice.bolt11, "amt_msat": "7001"});
    let before_msat = network.ours.invoice(&invoice.hash)["amt_paid_msat"].clone();
    assert_eq!(network.world.pay_as(&order, FEE_MAX_MSAT).unwrap()["status"], "SUCCEEDED");
    let settled = network.ours.wait_for_invoice(&invoice.hash, "SETTLED");
    assert_eq!((&before_msat, &settled["amt_paid_msat"]), (&json!("0"), &json!("7001")));
}
