//! `/usermanager/api/v1/transfers`

use serde_json::{Value, json};

use crate::harness::{Wallet, both_stores};

const PATH: &str = "/usermanager/api/v1/transfers";

fn order(from: &Wallet, to: &Wallet, sats: i64) -> Value {
    json!({"from_wallet": from.id, "to_wallet": to.id, "amount": sats, "memo": "prize"})
}

both_stores! {
    fn money_moves_within_the_tenant(server) {
        let key = server.manager.admin.clone();
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 0));
        let moved = server.post(PATH, &key, &order(&a, &b, 30)).expect(201);
        assert_eq!((&moved["wallet_id"], &moved["amount"]), (&json!(a.id), &json!(-30_000)));
        assert_eq!((&moved["status"], &moved["memo"], &moved["bolt11"]), (&json!("success"), &json!("prize"), &json!("")));
        assert_eq!((server.balance(&a), server.balance(&b)), (70, 30));
        // Both sides see it, by the same hash.
        let path = format!("/api/v1/payments/{}", moved["payment_hash"].as_str().unwrap());
        assert_eq!(server.get(&path, &a.invoice).expect(200)["details"], moved);
        let received = server.get(&path, &b.invoice).expect(200);
        assert_eq!((&received["paid"], &received["details"]["amount"]), (&json!(true), &json!(30_000)));
        assert_eq!(received["preimage"], moved["preimage"]);
        // The calling wallet itself may take part.
        server.post(PATH, &key, &order(&server.manager, &b, 5)).expect(201);
        server.post(PATH, &key, &order(&b, &server.manager, 35)).expect(201);
        assert_eq!(server.balance(&b), 0);
        server.audit();
    }

    fn an_array_is_all_or_nothing(server) {
        let key = server.manager.admin.clone();
        let (a, b, c) = (server.wallet("a", 100), server.wallet("b", 0), server.wallet("c", 0));
        // The second pays with what the first brought.
        let moved = server.post(PATH, &key, &json!([order(&a, &b, 100), order(&b, &c, 60)])).expect(201);
        assert_eq!(moved.as_array().unwrap().len(), 2);
        assert_eq!([&a, &b, &c].map(|wallet| server.balance(wallet)), [0, 40, 60]);

        let answer = server.post(PATH, &key, &json!([order(&b, &a, 40), order(&c, &a, 61)]));
        answer.refused(400, "insufficient_balance", "Insufficient balance");
        assert_eq!(answer.json()["errors"][0]["field"], "[1]");
        let nowhere = Wallet { id: "0".repeat(32), ..a.clone() };
        let answer = server.post(PATH, &key, &json!([order(&b, &a, 1), order(&b, &nowhere, 1)]));
        answer.refused(404, "wallet_not_found", "Wallet does not exist");
        let answer = server.post(PATH, &key, &json!([order(&b, &a, 1), order(&b, &a, 0), {"amount": 1}]));
        answer.refused(400, "invalid_request", "[1].amount");
        assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 3);
        assert_eq!([&a, &b, &c].map(|wallet| server.balance(wallet)), [0, 40, 60]);
        server.audit();
    }

    fn a_thousand_movements_between_many_wallets(server) {
        let key = server.manager.admin.clone();
        let wallets: Vec<_> = (0..4).map(|number| server.wallet(&format!("w{number}"), 250)).collect();
        // Round and round; the calling wallet takes part as well.
        let at = |number: usize| wallets.get(number % 5).unwrap_or(&server.manager);
        let legs: Vec<_> = (0..1_000).map(|number| order(at(number), at(number + 1), 1)).collect();
        let send = |legs: &[Value]| {
            let headers = [("X-Api-Key", key.as_str()), ("Idempotency-Key", "thousand")];
            server.send("POST", PATH, &headers, &json!(legs).to_string())
        };
        let made = send(&legs).expect(201);
        let shown: Vec<_> = made.as_array().unwrap().iter().map(|view| view["wallet_id"].as_str().unwrap()).collect();
        assert_eq!(shown, (0..1_000).map(|number| at(number).id.as_str()).collect::<Vec<_>>());
        // Answered again it is the same, in the same order.
        let again = send(&legs);
        assert_eq!((again.header("idempotent-replayed"), again.expect(201)), (Some("true"), made));
        assert!(wallets.iter().all(|wallet| server.balance(wallet) == 250));
        // One foreign wallet among them, wherever it stands, and nothing happens.
        let foreign = server.new_manager("foreign", 10);
        for place in [0, 499, 500, 999] {
            let mut legs = legs.clone();
            legs[place]["to_wallet"] = json!(foreign.id);
            server.post(PATH, &key, &json!(legs)).refused(404, "wallet_not_found", "Wallet does not exist");
        }
        assert_eq!(server.balance(&foreign), 10);
        server.audit();
    }

    fn a_wrong_order_is_refused(server) {
        let key = server.manager.admin.clone();
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 0));
        let many: Vec<_> = (0..1_001).map(|_| json!({})).collect();
        for body in [json!([]), json!(many)] {
            server.post(PATH, &key, &body).refused(400, "invalid_request", "1 to 1000");
        }
        for (body, field) in [
            (json!({}), "from_wallet"),
            (order(&a, &b, 0), "amount"),
            (order(&a, &b, -1), "amount"),
            (json!({"from_wallet": a.id, "to_wallet": b.id, "amount": 1, "memo": "x".repeat(640)}), "memo"),
            (json!([1]), "[0]"),
        ] {
            server.post(PATH, &key, &body).refused(400, "invalid_request", field);
        }
        // A refusal costs no more than what it refuses.
        let refused = server.post(PATH, &key, &json!(vec![json!({}); 1000]));
        refused.refused(400, "invalid_request", "more");
        assert!(refused.json()["errors"].as_array().unwrap().len() == 20 && refused.text.len() < 5000, "{}", refused.text);
        server.post(PATH, &key, &order(&a, &b, 101)).refused(400, "insufficient_balance", "Insufficient balance");
        let odd = Wallet { id: "x".to_owned(), ..a.clone() };
        server.post(PATH, &key, &order(&odd, &b, 1)).refused(404, "wallet_not_found", "Wallet does not exist");
        assert_eq!((server.balance(&a), server.balance(&b)), (100, 0));
    }
}
