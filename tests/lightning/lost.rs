//! The node has lost its database, or is another one altogether, while payments are under way: nobody can tell how
//! they have ended, so nothing is given back until an operator says so.

use bitcoin_hashes::hex::DisplayHex as _;
use serde_json::{Value, json};

use super::away::{let_the_time_of_the_dead_pass, stand_on};
use super::behind::{balance_msat, behind, pay, payment, wait_for_node, wait_until};
use super::{Loss, Secret, network, router_fee_msat};
use crate::harness::{Server, both_stores};

const PAYMENTS: &str = "/users/api/v1/node/payments";
const MSAT: u64 = 2_000_000;

fn waiting(server: &Server, operator: &str) -> Vec<Value> {
    server.as_session("GET", PAYMENTS, operator, &Value::Null).expect(200).as_array().unwrap().clone()
}

/// Waits until all payments that wait say this.
#[track_caller]
fn wait_for_note(server: &Server, operator: &str, hashes: &[&str], note: &str) -> Vec<Value> {
    wait_until(&format!("what waits says: {note}"), || {
        let waiting = waiting(server, operator);
        let listed: Vec<_> = waiting.iter().map(|one| one["payment_hash"].as_str().unwrap()).collect();
        assert_eq!(listed, hashes);
        waiting.iter().all(|one| one["note"].as_str().is_some_and(|it| it.contains(note))).then(|| waiting.clone())
    })
}

both_stores! {
    fn what_a_node_has_lost_waits_for_an_operator(server) {
        let Some(network) = network() else { return };
        let (node, world) = (network.join("forgetful"), &network.world);
        stand_on(server, &node);
        let (wallet, operator) = (server.manager.clone(), server.operator("root"));
        let known = pay(server, &wallet, &world.add_invoice(MSAT).bolt11).expect(201);
        assert_eq!(known["status"], "success", "{known}");
        let before = balance_msat(server, &wallet);
        let secrets = [(); 3].map(|()| Secret::random());
        for secret in &secrets {
            let hold = world.add_hold_invoice(secret, MSAT, 3600);
            assert_eq!(pay(server, &wallet, &hold.bolt11).expect(201)["status"], "pending");
            world.wait_for_invoice(&secret.hash, "ACCEPTED");
        }
        let hashes = secrets.each_ref().map(|secret| secret.hash.as_str());
        let reserved = before - balance_msat(server, &wallet);

        node.lose(Loss::Database);
        let listed = wait_for_note(server, &operator, &hashes, "nor what it had paid before");
        assert!(listed.iter().all(|one| one["tries"] == 1), "it is asked for nothing again: {listed:?}");
        node.lose(Loss::Everything);
        server.signal("-KILL");
        server.wait();
        let_the_time_of_the_dead_pass(server);
        *server = server.replica_with(behind(&node));
        wait_for_node(server);
        let listed = wait_for_note(server, &operator, &hashes, "another node was asked to pay it");
        for hash in hashes {
            assert_eq!(payment(server, &wallet, hash)["status"], "pending");
        }
        assert_eq!(balance_msat(server, &wallet), before - reserved);

        let end = |index: usize, order: &Value| {
            let path = format!("{PAYMENTS}/{}/end", listed[index]["id"].as_str().unwrap());
            server.as_session("POST", &path, &operator, order)
        };
        let preimage = |secret: &Secret| secret.preimage.to_lower_hex_string();
        let arrived = |secret: &Secret| json!({"arrived": true, "preimage": preimage(secret), "fee_msat": 1_002, "reason": "seen at the payee"});
        end(0, &arrived(&secrets[1])).refused(400, "invalid_request", "preimage");
        end(0, &json!({"arrived": true, "reason": "seen"})).refused(400, "invalid_request", "preimage");
        end(0, &json!({"arrived": false})).refused(400, "invalid_request", "reason");
        assert_eq!(balance_msat(server, &wallet), before - reserved);
        world.settle(&secrets[0]);
        assert_eq!(end(0, &arrived(&secrets[0])).expect(200), json!({"changed": true}));
        let failed = json!({"arrived": false, "reason": "given back by the payee"});
        world.cancel(&secrets[1].hash).unwrap();
        assert_eq!(end(1, &failed).expect(200), json!({"changed": true}));
        // Once more, in whatever direction, nothing is changed; but an arrival that is proved is booked late.
        for (index, order) in [(0, &arrived(&secrets[0])), (0, &failed), (1, &failed)] {
            assert_eq!(end(index, order).expect(200), json!({"changed": false}), "{order}");
        }
        let spent = (MSAT + router_fee_msat(MSAT)).cast_signed();
        assert_eq!(balance_msat(server, &wallet), before - reserved / 3 - spent);
        let shown = payment(server, &wallet, hashes[0]);
        assert_eq!((&shown["status"], &shown["preimage"]), (&json!("success"), &json!(preimage(&secrets[0]))));
        assert_eq!(payment(server, &wallet, hashes[1])["status"], "failed");
        assert_eq!(waiting(server, &operator).len(), 1);
        server.audit();

        assert_eq!(end(2, &failed).expect(200), json!({"changed": true}));
        world.settle(&secrets[2]);
        assert_eq!(end(2, &arrived(&secrets[2])).expect(200), json!({"changed": true}));
        assert_eq!(balance_msat(server, &wallet), before - 2 * spent);
        server.audit();
    }
}
