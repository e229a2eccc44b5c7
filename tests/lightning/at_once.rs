//! Several at once: somebody inside and somebody outside pay the same invoice, and replicas that pay and are paid
//! over one node.

use serde_json::{Value, json};

use super::away::{let_the_time_of_the_dead_pass, stand_on};
use super::behind::{balance_msat, invoice, ours, pay, payment, wait_for, wait_for_node, wait_until};
use super::{Network, network, router_fee_msat};
use crate::harness::{Server, Wallet, at_once, both_stores};

const SAT: i64 = 1_000;
const MSAT: u64 = 1_000_000;

fn text<'a>(made: &'a Value, name: &str) -> &'a str {
    made[name].as_str().unwrap()
}

/// A new wallet that holds this many sats.
fn wallet_with(server: &Server, sats: i64) -> Wallet {
    let wallet = server.wallet_of(&server.manager.admin, "player");
    server.cli(&["credit", "--wallet", &wallet.id, "--amount-sat", &sats.to_string()]).unwrap();
    wallet
}

#[track_caller]
fn wait_for_balance(server: &Server, wallet: &Wallet, msat: i64) {
    wait_until(&format!("{msat} msat are there"), || (balance_msat(server, wallet) == msat).then_some(()));
}

both_stores! {
    fn an_invoice_that_is_paid_inside_and_outside_at_once_is_credited_for_both(server, ours()) {
        let Some(Network { ours, world, .. }) = network() else { return };
        wait_for_node(server);
        let payee = server.wallet_of(&server.manager.admin, "payee");
        let mut expected = 0;
        for _ in 0..8 {
            let made = invoice(server, &payee, SAT);
            let (bolt11, hash) = (text(&made, "bolt11"), text(&made, "payment_hash"));
            let paid = at_once(2, |index| match index {
                0 => pay(server, &server.manager, bolt11).status == 201,
                _ => world.pay(bolt11, 10_000).unwrap()["status"] == "SUCCEEDED",
            });
            assert!(paid[0] || paid[1]);
            let at_node = if paid[1] { "SETTLED" } else { "CANCELED" };
            wait_until(&format!("it is {at_node} at the node"), || (ours.invoice(hash)["state"] == at_node).then_some(()));
            expected += paid.iter().map(|is_paid| i64::from(*is_paid) * SAT * 1000).sum::<i64>();
            wait_for_balance(server, &payee, expected);
            assert_eq!(payment(server, &payee, hash)["status"], "success");
        }
        server.audit();
    }

    fn what_was_paid_outside_unheard_and_then_inside_is_credited_for_both(server) {
        let Some(network) = network() else { return };
        let node = network.join("twice");
        stand_on(server, &node);
        let payee = server.wallet_of(&server.manager.admin, "payee");
        let made = invoice(server, &payee, SAT);
        server.signal("-KILL");
        server.wait();
        // Another process is said to listen, which does not.
        server.database.execute("UPDATE nodes SET leads_until_ms = 9000000000000000").unwrap();
        assert_eq!(network.world.pay(text(&made, "bolt11"), 10_000).unwrap()["status"], "SUCCEEDED");
        *server = server.replica();
        wait_for_node(server);
        assert_eq!(pay(server, &server.manager, text(&made, "bolt11")).expect(201)["status"], "success");
        assert_eq!(balance_msat(server, &payee), MSAT.cast_signed());
        let_the_time_of_the_dead_pass(server);
        wait_for_balance(server, &payee, 2 * MSAT.cast_signed());
        server.audit();
        let books = server.cli(&["--network", "regtest", "--lightning", &node.setting(), "audit", "--node"]).unwrap();
        assert_eq!((&books["holds"], &books["comparison"]["receipts"]), (&json!(true), &json!(1)), "{books}");
    }

    fn replicas_pay_and_are_paid_once(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        let (one, other) = (&*server, &server.replica());
        for replica in [one, other] {
            wait_for_node(replica);
        }
        let replica = |index: usize| [one, other][index % 2];
        let wallets: Vec<_> = (0..4).map(|_| wallet_with(one, 100_000)).collect();
        let cost = (MSAT + router_fee_msat(MSAT)).cast_signed();
        let out = at_once(20, |index| {
            let invoice = world.add_invoice(MSAT);
            let paid = pay(replica(index), &wallets[index % 4], &invoice.bolt11).expect(201);
            assert!(paid["status"] != "failed", "{paid}");
            invoice.hash
        });
        for (index, hash) in out.iter().enumerate() {
            wait_for(one, &wallets[index % 4], hash, "success");
            assert_eq!(world.invoice(hash)["amt_paid_msat"], MSAT.to_string());
        }
        for wallet in &wallets {
            assert_eq!(balance_msat(other, wallet), 100_000_000 - 5 * cost);
        }
        let deposits = at_once(10, |index| {
            let made = invoice(replica(index), &wallets[index % 2], SAT);
            assert_eq!(world.pay(text(&made, "bolt11"), 10_000).unwrap()["status"], "SUCCEEDED");
            text(&made, "payment_hash").to_owned()
        });
        for (index, hash) in deposits.iter().enumerate() {
            wait_for(replica(index + 1), &wallets[index % 2], hash, "success");
        }
        for wallet in &wallets[..2] {
            assert_eq!(balance_msat(one, wallet), 105_000_000 - 5 * cost);
        }
        server.audit();
    }

    fn one_of_ten_callers_pays_an_invoice(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        let (one, other) = (&*server, &server.replica());
        for replica in [one, other] {
            wait_for_node(replica);
        }
        let wallets: Vec<_> = (0..5).map(|_| wallet_with(one, 100_000)).collect();
        let invoice = world.add_invoice(MSAT);
        let answers = at_once(10, |index| pay([one, other][index % 2], &wallets[index / 2], &invoice.bolt11));
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().enumerate().partition(|(_, answer)| answer.status == 201);
        let [(index, paid)] = won[..] else { panic!("{answers:?}") };
        assert_eq!(paid.json()["amount"], -MSAT.cast_signed());
        for (_, refused) in lost {
            let code = refused.expect(400)["code"].clone();
            assert!(code == "payment_under_way" || code == "invoice_already_paid", "{code}");
        }
        wait_for(other, &wallets[index / 2], &invoice.hash, "success");
        let cost = (MSAT + router_fee_msat(MSAT)).cast_signed();
        for (number, wallet) in wallets.iter().enumerate() {
            let spent = if number == index / 2 { cost } else { 0 };
            assert_eq!(balance_msat(one, wallet), 100_000_000 - spent);
        }
        assert_eq!(world.invoice(&invoice.hash)["amt_paid_msat"], MSAT.to_string());
        server.audit();
    }
}
