//! `Idempotency-Key`: the same again is answered again, and done once (promise I7).

use serde_json::{Value, json};

use crate::harness::{Answer, Server, Wallet, both_stores};

pub(crate) fn post_under(server: &Server, path: &str, api_key: &str, key: &str, body: &Value) -> Answer {
    server.send("POST", path, &[("X-Api-Key", api_key), ("Idempotency-Key", key)], &body.to_string())
}

const PAYMENTS: &str = "/api/v1/payments";
const USERS: &str = "/usermanager/api/v1/users";
const WALLETS: &str = "/usermanager/api/v1/wallets";
const TRANSFERS: &str = "/usermanager/api/v1/transfers";

/// Asserts that an answer is the one that was given before.
#[track_caller]
fn assert_again(answer: &Answer, before: &Answer) {
    assert_eq!((answer.status, before.status), (201, 201), "{} {}", answer.text, before.text);
    assert_eq!(answer.text, before.text);
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_eq!(before.header("idempotent-replayed"), None);
}

both_stores! {
    fn an_invoice_is_created_once(server) {
        let wallet = server.wallet("payee", 0);
        let order = json!({"amount": 5, "memo": "once", "expiry": 2, "extra": {"tag": "t"}, "webhook": "https://a.example/"});
        let first = post_under(server, PAYMENTS, &wallet.invoice, "k1", &order);
        assert_again(&post_under(server, PAYMENTS, &wallet.invoice, "k1", &order), &first);
        assert_again(&post_under(server, "//api/v1/payments/", &wallet.invoice, "k1", &order), &first);
        // Whatever became of it since.
        server.pay(&server.manager, first.json()["bolt11"].as_str().unwrap()).expect(201);
        assert_again(&post_under(server, PAYMENTS, &wallet.invoice, "k1", &order), &first);
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        assert_again(&post_under(server, PAYMENTS, &wallet.invoice, "k1", &order), &first);
        let other = post_under(server, PAYMENTS, &wallet.invoice, "k2", &order).expect(201);
        assert_ne!(other["payment_hash"], first.json()["payment_hash"]);
        assert_eq!(server.get(PAYMENTS, &wallet.invoice).expect(200).as_array().unwrap().len(), 2);
    }

    fn an_invoice_is_paid_once(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        let order = json!({"out": true, "bolt11": server.invoice(&payee, 30), "extra": {"a": 1.0}});
        let first = post_under(server, PAYMENTS, &payer.admin, "pay-1", &order);
        assert_again(&post_under(server, PAYMENTS, &payer.admin, "pay-1", &order), &first);
        assert_eq!((server.balance(&payer), server.balance(&payee)), (70, 30));
        // Without the key, or with another one, it is another request.
        server.post(PAYMENTS, &payer.admin, &order).refused(400, "invoice_already_paid", "already paid");
        post_under(server, PAYMENTS, &payer.admin, "pay-2", &order).refused(400, "invoice_already_paid", "already paid");
        server.audit();
    }

    fn a_key_used_for_something_else_is_refused(server) {
        let wallet = server.creator_of(&server.manager.admin, "payee");
        let order = json!({"amount": 5});
        post_under(server, PAYMENTS, &wallet.admin, "k", &order).expect(201);
        for other in [json!({"amount": 6}), json!({"amount": 5, "memo": "x"}), json!({"amount":5, "x": 1})] {
            let answer = post_under(server, PAYMENTS, &wallet.admin, "k", &other);
            answer.refused(409, "idempotency_conflict", "Idempotency-Key");
        }
        let user = json!({"user_name": "x"});
        post_under(server, USERS, &wallet.admin, "k", &user).refused(409, "idempotency_conflict", "");
        // The wallet's other key is another caller: it may be shown other answers.
        let other = post_under(server, PAYMENTS, &wallet.invoice, "k", &order);
        assert_eq!((other.status, other.header("idempotent-replayed")), (201, None));
        // Another caller's key of the same name is another key.
        post_under(server, PAYMENTS, &server.manager.admin, "k", &order).expect(201);
        assert_eq!(server.get(USERS, &wallet.admin).expect(200), json!([]));
        assert_eq!(server.get(PAYMENTS, &wallet.admin).expect(200).as_array().unwrap().len(), 2);
        let headers = [("X-Api-Key", wallet.admin.as_str()), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
        let answer = server.send("POST", PAYMENTS, &headers, &order.to_string());
        answer.refused(400, "invalid_request", "must be given once");
    }

    fn users_and_wallets_are_created_once(server) {
        let key = server.manager.admin.clone();
        let order = json!({"user_name": "once", "email": "once@b.example", "password": "p"});
        let first = post_under(server, USERS, &key, "u", &order);
        assert_again(&post_under(server, USERS, &key, "u", &order), &first);
        post_under(server, USERS, &key, "u2", &order).refused(409, "email_taken", "email");
        let order = json!({"user_id": first.json()["id"], "wallet_name": "second"});
        let second = post_under(server, WALLETS, &key, "w", &order);
        assert_again(&post_under(server, WALLETS, &key, "w", &order), &second);
        let wallets = server.get(WALLETS, &key).expect(200);
        assert_eq!(wallets.as_array().unwrap().len(), 2);
        server.get("/api/v1/wallet", &Wallet::from_json(&second.json()).admin).expect(200);
        // The key of a caller that was revoked is refused, whatever it repeats.
        let manager = server.new_manager("m", 0);
        let order = json!({"user_name": "x"});
        post_under(server, USERS, &manager.admin, "k", &order).expect(201);
        server.cli(&["manager", "rotate-keys", "--user", &manager.user]).unwrap();
        post_under(server, USERS, &manager.admin, "k", &order).refused(401, "bad_auth", "Bad auth");
    }

    fn transfers_are_made_once(server) {
        let key = server.manager.admin.clone();
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 0));
        let one = json!({"from_wallet": a.id, "to_wallet": b.id, "amount": 10, "memo": "m"});
        let first = post_under(server, TRANSFERS, &key, "t1", &one);
        assert_again(&post_under(server, TRANSFERS, &key, "t1", &one), &first);
        let many = json!([one, {"from_wallet": b.id, "to_wallet": a.id, "amount": 5}]);
        let both = post_under(server, TRANSFERS, &key, "t2", &many);
        assert_again(&post_under(server, TRANSFERS, &key, "t2", &many), &both);
        assert_eq!(both.json().as_array().unwrap().len(), 2);
        assert_eq!((server.balance(&a), server.balance(&b)), (85, 15));
        // Also when a wallet has gone since.
        server.delete(&format!("{WALLETS}/{}?sweep=true", b.id), &key).expect(200);
        assert_again(&post_under(server, TRANSFERS, &key, "t2", &many), &both);
        server.audit();
    }

    fn a_refusal_is_not_remembered(server) {
        let (payer, payee) = (server.wallet("payer", 0), server.wallet("payee", 0));
        let order = json!({"bolt11": server.invoice(&payee, 30)});
        post_under(server, PAYMENTS, &payer.admin, "k", &order).refused(400, "insufficient_balance", "");
        server.cli(&["credit", "--wallet", &payer.id, "--amount-sat", "30"]).unwrap();
        let paid = post_under(server, PAYMENTS, &payer.admin, "k", &order);
        assert_eq!(paid.header("idempotent-replayed"), None);
        assert_again(&post_under(server, PAYMENTS, &payer.admin, "k", &order), &paid);
    }

    fn a_key_is_made_of_visible_characters(server) {
        let wallet = server.wallet("x", 0);
        let order = json!({"amount": 5});
        for key in ["", "a b", "ü", &"x".repeat(256), "a\tb"] {
            let answer = post_under(server, PAYMENTS, &wallet.admin, key, &order);
            answer.refused(400, "invalid_request", "Idempotency-Key");
        }
        let long = format!("!{}~", "x".repeat(253));
        post_under(server, PAYMENTS, &wallet.admin, &long, &order).expect(201);
        assert_eq!(server.get(PAYMENTS, &wallet.admin).expect(200).as_array().unwrap().len(), 1);
    }
}
