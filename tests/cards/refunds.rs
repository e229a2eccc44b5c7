//! What was paid with a card is paid back.

use serde_json::{Value, json};

use super::{CARDS, ask, assert_says, new_card, path_of, pay_path, tap};
use crate::harness::{Options, Server, both_stores};

/// Bytes of a SHA-256 in hex.
fn sha256(text: &str) -> String {
    use bitcoin_hashes::{Hash, sha256};
    sha256::Hash::hash(text.as_bytes()).to_string()
}

/// The path of the link that a tap's answer names.
fn link_of(server: &Server, offer: &Value) -> String {
    path_of(server, &offer["payLink"])
}

both_stores! {
    fn what_was_paid_is_paid_back(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (_, mut card) = new_card(server, &alice);
        let offer = tap(server, &mut card);
        let link = link_of(server, &offer);
        assert_says(&ask(server, &link), "Nothing was paid");
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&till, 40)))["status"], "OK");
        let request = ask(server, &link);
        assert_eq!(request["tag"], "payRequest");
        assert_eq!((&request["minSendable"], &request["maxSendable"]), (&json!(1000), &json!(40_000)));
        assert_eq!(request["metadata"], "[[\"text/plain\",\"Refund\"]]");
        let callback = path_of(server, &request["callback"]);
        assert_says(&ask(server, &format!("{callback}?amount=40001")), "greater than maximum 40000");
        assert_says(&ask(server, &format!("{callback}?amount=0")), "smaller than minimum 1000");
        assert_says(&ask(server, &format!("{callback}?amount=1500")), "multiple of 1000");
        assert_says(&ask(server, &callback), "amount is missing");
        assert_says(&ask(server, &format!("{callback}?amount=x")), "amount must be a whole number");

        let invoice = ask(server, &format!("{callback}?amount=15000"));
        assert_eq!(invoice["routes"], json!([]));
        let decoded = server.post("/api/v1/payments/decode", &till.invoice, &json!({"data": invoice["pr"]})).expect(200);
        assert_eq!(decoded["amount_msat"], 15_000);
        assert_eq!(decoded["description_hash"], sha256(request["metadata"].as_str().unwrap()));
        let refunds = |key: &str| server.get("/boltcards/api/v1/refunds", key).expect(200);
        assert_eq!(refunds(&alice.invoice), json!([]));
        server.pay(&till, invoice["pr"].as_str().unwrap()).expect(201);
        assert_eq!((server.balance(&alice), server.balance(&till)), (475, 25));
        let hit = link.rsplit('/').next().unwrap();
        let listed = refunds(&alice.invoice);
        let expected = json!([{"id": decoded["payment_hash"], "hit_id": hit, "refund_amount": 15, "time": listed[0]["time"]}]);
        assert_eq!(listed, expected);
        assert_eq!(refunds(&till.invoice), json!([]));
        assert_eq!(server.get("/boltcards/api/v1/refunds?all_wallets=true&limit=1&offset=1", &alice.admin).expect(200), json!([]));
        let received = server.get("/api/v1/payments?limit=1", &alice.invoice).expect(200);
        assert_eq!((&received[0]["tag"], &received[0]["extra"]["refund"]), (&json!("boltcards"), &json!(hit)));
        server.audit();
    }

    fn so_many_refunds_wait_to_be_paid(server, Options {
        arguments: vec!["--link-invoices-max".to_owned(), "1".to_owned()], ..Options::default()
    }) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (_, mut card) = new_card(server, &alice);
        let offer = tap(server, &mut card);
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&till, 40)))["status"], "OK");
        let callback = format!("{}?amount=1000", path_of(server, &ask(server, &link_of(server, &offer))["callback"]));
        let given = ask(server, &callback);
        assert_says(&ask(server, &callback), "try again later");
        server.pay(&till, given["pr"].as_str().unwrap()).expect(201);
        ask(server, &callback)["pr"].as_str().unwrap();
        server.audit();
    }

    fn no_more_is_paid_back_than_was_paid(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 100));
        let (_, mut card) = new_card(server, &alice);
        let offer = tap(server, &mut card);
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&till, 100)))["status"], "OK");
        let callback = path_of(server, &ask(server, &link_of(server, &offer))["callback"]);
        let ask_for = |sat: i64| ask(server, &format!("{callback}?amount={}", sat * 1000));
        // Many ask at once for all of it: one gets an invoice.
        let given = crate::harness::at_once(20, |_| ask_for(60));
        let mut invoices = given.iter().filter_map(|answer| answer["pr"].as_str());
        let first = invoices.next().unwrap();
        assert_eq!(invoices.next(), None);
        assert_says(&ask_for(41), "paid back already, or an invoice for it waits");
        server.pay(&till, first).expect(201);
        assert_says(&ask_for(41), "paid back already");
        let second = ask_for(40);
        server.pay(&till, second["pr"].as_str().unwrap()).expect(201);
        assert_says(&ask_for(1), "paid back already");
        assert_eq!((server.balance(&alice), server.balance(&till)), (500, 100));
        // Of another tap nothing is paid back by that.
        let offer = tap(server, &mut card);
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&till, 10)))["status"], "OK");
        let callback = path_of(server, &ask(server, &link_of(server, &offer))["callback"]);
        ask(server, &format!("{callback}?amount=10000"))["pr"].as_str().unwrap();
        server.audit();
    }

    fn a_link_of_nothing_gives_no_invoice(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (card, mut programmed) = new_card(server, &alice);
        let nobody = "0".repeat(32);
        for path in [format!("lnurlp/{nobody}"), "lnurlp/x".into(), format!("lnurlp/cb/{nobody}?amount=1000"), "lnurlp/cb/x?amount=1000".into()] {
            assert_says(&ask(server, &format!("/boltcards/api/v1/{path}")), "LNURL-withdraw record not found.");
        }
        let offer = tap(server, &mut programmed);
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&till, 40)))["status"], "OK");
        let link = link_of(server, &offer);
        let callback = format!("{}?amount=1000", path_of(server, &ask(server, &link)["callback"]));
        let wallet = format!("/usermanager/api/v1/wallets/{}", alice.id);
        server.put(&format!("{wallet}/freeze"), &server.manager.admin, &json!({"scope": "everything"})).expect(200);
        assert_says(&ask(server, &callback), "takes no payments now");
        server.delete(&format!("{wallet}/freeze"), &server.manager.admin).expect(200);
        server.get(&format!("{CARDS}/enable/{}/false", card["id"].as_str().unwrap()), &alice.admin).expect(200);
        assert_says(&ask(server, &link), "Card is disabled.");
        server.delete(&format!("{wallet}?sweep=true"), &server.manager.admin).expect(200);
        assert_says(&ask(server, &callback), "LNURL-withdraw record not found.");
    }
}
