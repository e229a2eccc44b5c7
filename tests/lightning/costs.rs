//! What a payment to another node costs: the routing fee up to its limit, the operator's fee, and nothing where it
//! fails.

use serde_json::{Value, json};

use super::behind::{balance_msat, behind_with, ours, pay, wait_for_node};
use super::{Network, network, router_fee_msat};
use crate::harness::{Options, Server, Wallet, both_stores};

const MSAT: u64 = 3_000_000;

fn fee_msat(amount_msat: u64) -> i64 {
    router_fee_msat(amount_msat).cast_signed()
}

/// A server that lets routing cost exactly this.
fn allowing(fee_max_msat: i64) -> Options {
    let Some(network) = network() else { return Options::default() };
    let fee_max = fee_max_msat.to_string();
    behind_with(&network.ours, &["--routing-fee-min-msat", &fee_max, "--routing-fee-ppm", "0"])
}

/// A server whose operator charges for payments to other nodes.
fn charging() -> Options {
    let Some(network) = network() else { return Options::default() };
    behind_with(&network.ours, &["--service-fee-msat", "7", "--service-fee-ppm", "500"])
}

fn reserve_msat(server: &Server, bolt11: &str) -> Value {
    server.get(&format!("/api/v1/payments/fee-reserve?invoice={bolt11}"), "").expect(200)["fee_reserve"].clone()
}

/// What lies in the account of this kind.
fn account_msat(server: &Server, kind: &str) -> i64 {
    let sum =
        format!("SELECT CAST(COALESCE(SUM(balance_msat), 0) AS TEXT) AS text FROM accounts WHERE kind = '{kind}'");
    server.database.texts(&sum)[0].parse().unwrap()
}

/// Pays what cannot be paid: it fails, and costs nothing.
#[track_caller]
fn fails(server: &Server, wallet: &Wallet, bolt11: &str) {
    let before = balance_msat(server, wallet);
    let failed = pay(server, wallet, bolt11).expect(201);
    assert_eq!((&failed["status"], &failed["pending"], &failed["fee"]), (&json!("failed"), &json!(false), &json!(0)));
    assert_eq!(failed["preimage"], Value::Null);
    assert_eq!(balance_msat(server, wallet), before);
    let kept = server.get(&format!("/api/v1/payments/{}", failed["payment_hash"].as_str().unwrap()), &wallet.invoice);
    let kept = kept.expect(200);
    assert_eq!((&kept["paid"], &kept["details"]), (&json!(false), &failed));
}

both_stores! {
    fn routing_may_cost_the_limit_and_not_a_msat_more(server, allowing(fee_msat(MSAT) - 1)) {
        let Some(Network { world, .. }) = network() else { return };
        let wallet = server.manager.clone();
        wait_for_node(server);
        let invoice = world.add_invoice(MSAT);
        assert_eq!(reserve_msat(server, &invoice.bolt11), fee_msat(MSAT) - 1);
        fails(server, &wallet, &invoice.bolt11);
        assert_eq!(world.invoice(&invoice.hash)["state"], "OPEN");

        // What has failed can be paid again.
        let generous = server.replica_with(allowing(fee_msat(MSAT)));
        wait_for_node(&generous);
        let before = balance_msat(server, &wallet);
        let paid = pay(&generous, &wallet, &invoice.bolt11).expect(201);
        assert_eq!((&paid["status"], &paid["fee"]), (&json!("success"), &json!(-fee_msat(MSAT))), "{paid}");
        assert_eq!(balance_msat(server, &wallet), before - MSAT.cast_signed() - fee_msat(MSAT));
        server.audit();
    }

    fn what_has_no_route_or_was_paid_by_another_costs_nothing(server, ours()) {
        let Some(network) = network() else { return };
        let wallet = server.manager.clone();
        wait_for_node(server);
        let island = network.start_node("island");
        fails(server, &wallet, &island.add_invoice(MSAT).bolt11);
        let paid_already = network.world.add_invoice(MSAT);
        assert_eq!(network.router.pay(&paid_already.bolt11, 10_000).unwrap()["status"], "SUCCEEDED");
        fails(server, &wallet, &paid_already.bolt11);
        server.audit();
    }

    fn the_operators_fee_is_booked_to_the_msat(server, charging()) {
        let Some(Network { world, .. }) = network() else { return };
        let wallet = server.manager.clone();
        wait_for_node(server);
        // A part of a msat counts as a whole one.
        for (amount, service_fee) in [(MSAT, 7 + 1500), (1_001_000, 7 + 501)] {
            let invoice = world.add_invoice(amount);
            let routing_max = i64::try_from(amount / 100).unwrap();
            assert_eq!(reserve_msat(server, &invoice.bolt11), routing_max + service_fee);
            let (before, earned) = (balance_msat(server, &wallet), account_msat(server, "fees"));
            let sent = account_msat(server, "lightning");
            let paid = pay(server, &wallet, &invoice.bolt11).expect(201);
            let (amount, routing) = (amount.cast_signed(), fee_msat(amount));
            assert_eq!((&paid["status"], &paid["fee"]), (&json!("success"), &json!(-routing - service_fee)), "{paid}");
            assert_eq!(balance_msat(server, &wallet), before - amount - routing - service_fee);
            assert_eq!(account_msat(server, "fees"), earned + service_fee);
            assert_eq!(account_msat(server, "lightning"), sent + amount + routing);
        }
        let earned = account_msat(server, "fees");
        fails(server, &wallet, &network().unwrap().start_node("nowhere").add_invoice(MSAT).bolt11);
        assert_eq!(account_msat(server, "fees"), earned);
        server.audit();
    }

    fn the_payer_says_how_much_where_the_invoice_does_not(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        let wallet = server.manager.clone();
        wait_for_node(server);
        let open = world.add_invoice_with(&json!({}));
        assert_eq!(reserve_msat(server, &open.bolt11), 2_000);
        pay(server, &wallet, &open.bolt11).refused(400, "invalid_request", "amount");
        for (field, amount, msat) in [("amount", 21_000, 21_000_000_u64), ("amount_msat", 1_234_567, 1_234_567)] {
            let invoice = world.add_invoice_with(&json!({}));
            let before = balance_msat(server, &wallet);
            let order = json!({"out": true, "bolt11": invoice.bolt11, field: amount});
            let paid = server.post("/api/v1/payments", &wallet.admin, &order).expect(201);
            assert_eq!((&paid["status"], &paid["amount"]), (&json!("success"), &json!(-msat.cast_signed())), "{paid}");
            assert_eq!(paid["fee"], -fee_msat(msat));
            assert_eq!(balance_msat(server, &wallet), before - msat.cast_signed() - fee_msat(msat));
            assert_eq!(world.invoice(&invoice.hash)["amt_paid_msat"], msat.to_string());
        }
        server.audit();
    }
}
