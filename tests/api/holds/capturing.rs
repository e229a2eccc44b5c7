//! Capturing and voiding: one hold at a time.

use serde_json::{Value, json};

use super::{
    HOLDS, assert_adds_up, balances, capture, capture_to, find, id_of, listed_msat, order, place, sums, void,
    wait_until,
};
use crate::harness::{Wallet, both_stores};

fn payee(wallet: &Wallet, sats: i64) -> Value {
    json!({"wallet": wallet.id, "amount": sats})
}

both_stores! {
    fn a_hold_is_captured_to_one(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let hold = place(server, &json!({"wallet": player.id, "amount": 60, "memo": "sword", "extra": {"tag": "mine"}}));
        let captured = capture_to(server, &hold, &shop, Some(45)).expect(201);
        assert_eq!(sums(&captured), (45, 15, 0, "captured"));
        assert_eq!((balances(server, &player), balances(server, &shop)), ([55, 0, 55], [45, 0, 45]));
        assert!(captured["closed_at"].is_string(), "{captured}");
        let paid = &captured["captures"];
        assert_eq!(paid.as_array().unwrap().len(), 1);
        assert_eq!((&paid[0]["to_wallet"], &paid[0]["amount"], &paid[0]["amount_sat"]), (&json!(shop.id), &json!(45_000), &json!(45)));
        assert_eq!(find(server, &hold), captured);
        // An ordinary payment of both wallets, which tells of the hold, and not of the hold's own data.
        let path = format!("/api/v1/payments/{}", paid[0]["payment_hash"].as_str().unwrap());
        for (wallet, msat) in [(&player, -45_000), (&shop, 45_000)] {
            let seen = server.get(&path, &wallet.invoice).expect(200);
            assert_eq!((&seen["paid"], &seen["status"]), (&json!(true), &json!("success")));
            let details = &seen["details"];
            assert_eq!((&details["amount"], &details["memo"], &details["bolt11"]), (&json!(msat), &json!("sword"), &json!("")));
            assert_eq!((&details["tag"], &details["extra"]["hold"]), (&json!("hold"), &hold["id"]));
            assert_eq!(details["time"], paid[0]["time"]);
            assert_adds_up(server, wallet);
        }
        server.audit();
    }

    fn what_is_left_out_is_what_remains(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let hold = place(server, &order(&player, 60));
        assert_eq!(sums(&capture_to(server, &hold, &shop, None).expect(201)), (60, 0, 0, "captured"));
        // The last of several.
        let hold = place(server, &order(&player, 40));
        let terms = json!({"to": [payee(&shop, 10), {"wallet": server.manager.id}]});
        let captured = capture(server, &hold, &terms).expect(201);
        assert_eq!(sums(&captured), (40, 0, 0, "captured"));
        assert_eq!(captured["captures"][1]["amount_sat"], json!(30));
        assert_eq!((balances(server, &player), balances(server, &shop)), ([0, 0, 0], [70, 0, 70]));
        server.audit();
    }

    fn a_hold_is_captured_to_several_and_to_one_twice(server) {
        let (player, a, b) = (server.wallet("player", 100), server.wallet("a", 0), server.wallet("b", 0));
        let hold = place(server, &order(&player, 100));
        let terms = json!({"to": [payee(&a, 50), payee(&b, 20), payee(&a, 5), payee(&player, 7)]});
        let captured = capture(server, &hold, &terms).expect(201);
        assert_eq!(sums(&captured), (82, 18, 0, "captured"));
        let to: Vec<_> = captured["captures"].as_array().unwrap().iter().map(|it| (it["to_wallet"].as_str().unwrap(), it["amount_sat"].as_i64().unwrap())).collect();
        assert_eq!(to, [(&*a.id, 50), (&*b.id, 20), (&*a.id, 5), (&*player.id, 7)]);
        assert_eq!([&player, &a, &b].map(|wallet| server.balance(wallet)), [25, 55, 20]);
        for wallet in [&player, &a, &b] {
            assert_adds_up(server, wallet);
        }
        server.audit();
    }

    fn a_hold_is_captured_in_parts(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let hold = place(server, &order(&player, 100));
        let part = |sats| json!({"to_wallet": shop.id, "amount": sats, "final": false});
        assert_eq!(sums(&capture(server, &hold, &part(30)).expect(201)), (30, 0, 70, "open"));
        assert_eq!((balances(server, &player), balances(server, &shop)), ([0, 70, 70], [30, 0, 30]));
        assert_adds_up(server, &player);
        assert_eq!(sums(&capture(server, &hold, &part(20)).expect(201)), (50, 0, 50, "open"));
        capture(server, &hold, &part(51)).refused(400, "capture_too_large", "50000 msat");
        assert_eq!(sums(&void(server, &hold).expect(200)), (50, 50, 0, "voided"));
        assert_eq!((balances(server, &player), balances(server, &shop)), ([50, 0, 50], [50, 0, 50]));
        // What is captured to the last sat is closed, whatever was said.
        let hold = place(server, &order(&player, 50));
        assert_eq!(sums(&capture(server, &hold, &part(20)).expect(201)), (20, 0, 30, "open"));
        let captured = capture(server, &hold, &part(30)).expect(201);
        assert_eq!(sums(&captured), (50, 0, 0, "captured"));
        assert_eq!(captured["captures"].as_array().unwrap().len(), 2);
        server.audit();
    }

    fn no_more_is_captured_than_is_held(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let hold = place(server, &order(&player, 60));
        capture_to(server, &hold, &shop, Some(61)).refused(400, "capture_too_large", "60000 msat");
        let terms = json!({"to": [payee(&shop, 40), payee(&player, 21)]});
        capture(server, &hold, &terms).refused(400, "capture_too_large", "20000 msat");
        let terms = json!({"to": [payee(&shop, 60), {"wallet": player.id}]});
        capture(server, &hold, &terms).refused(409, "hold_closed", "captured");
        assert_eq!(sums(&find(server, &hold)), (0, 0, 60, "open"));
        assert_eq!((balances(server, &player), balances(server, &shop)), ([40, 60, 100], [0, 0, 0]));
    }

    fn a_hold_is_closed_once(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let captured = place(server, &order(&player, 30));
        capture_to(server, &captured, &shop, Some(10)).expect(201);
        let voided = place(server, &order(&player, 30));
        let before = void(server, &voided).expect(200);
        assert_eq!(sums(&before), (0, 30, 0, "voided"));
        for (hold, by) in [(&captured, "captured"), (&voided, "voided")] {
            let told = format!("Hold {} is {by} already", id_of(hold));
            capture_to(server, hold, &shop, Some(1)).refused(409, "hold_closed", &told);
            capture_to(server, hold, &shop, None).refused(409, "hold_closed", &told);
            void(server, hold).refused(409, "hold_closed", &told);
        }
        assert_eq!(find(server, &voided), before);
        assert_eq!((balances(server, &player), balances(server, &shop)), ([90, 0, 90], [10, 0, 10]));
        server.audit();
    }

    fn a_hold_expires(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let short = |sats| json!({"wallet": player.id, "amount": sats, "expires_in": 1});
        let hold = place(server, &short(60));
        let in_parts = place(server, &short(40));
        capture(server, &in_parts, &json!({"to_wallet": shop.id, "amount": 15, "final": false})).expect(201);
        // From the moment on, whether or not the money is free already.
        wait_until(|| find(server, &hold)["state"] == "expired");
        capture_to(server, &hold, &shop, Some(1)).refused(409, "hold_expired", "has expired");
        void(server, &hold).refused(409, "hold_expired", id_of(&hold));
        // Until it is, the wallet's list says so.
        wait_until(|| {
            let (before, listed, after) = (balances(server, &player)[0], listed_msat(server, &player), balances(server, &player)[0]);
            assert!(before != after || listed == before * 1000, "{listed} msat are listed, {before} sat can be spent");
            after == 85
        });
        assert_eq!(balances(server, &player), [85, 0, 85]);
        assert_eq!(sums(&find(server, &hold)), (0, 60, 0, "expired"));
        assert_eq!(sums(&find(server, &in_parts)), (15, 25, 0, "expired"));
        capture_to(server, &hold, &shop, Some(1)).refused(409, "hold_expired", "has expired");
        void(server, &in_parts).refused(409, "hold_expired", "");
        assert_adds_up(server, &player);
        server.audit();
    }

    fn a_hold_is_captured_a_thousand_times(server) {
        let key = server.manager.admin.clone();
        let (player, shops) = (server.wallet("player", 2_000), [server.wallet("a", 0), server.wallet("b", 0)]);
        let hold = place(server, &order(&player, 1_500));
        let path = format!("{HOLDS}/{}/capture", id_of(&hold));
        let to = |count: usize| -> Vec<_> { (0..count).map(|index| payee(&shops[index % 2], 1)).collect() };
        server.post(&path, &key, &json!({"to": to(1_001)})).refused(400, "invalid_request", "to");
        let captured = server.post(&path, &key, &json!({"to": to(999), "final": false})).expect(201);
        assert_eq!((sums(&captured), captured["captures"].as_array().unwrap().len()), ((999, 0, 501, "open"), 999));
        server.post(&path, &key, &json!({"to": to(2), "final": false})).refused(400, "too_many_captures", "1000");
        server.post(&path, &key, &json!({"to": to(1), "final": false})).expect(201);
        server.post(&path, &key, &json!({"to": to(1)})).refused(400, "too_many_captures", "1000");
        // What is left can still be given back.
        assert_eq!(sums(&void(server, &hold).expect(200)), (1_000, 500, 0, "voided"));
        assert_eq!(find(server, &hold)["captures"].as_array().unwrap().len(), 1_000);
        assert_eq!([&player, &shops[0], &shops[1]].map(|wallet| server.balance(wallet)), [1_000, 501, 499]);
        // So it is when its time is over, and nothing stands in the way of others.
        let tired = place(server, &json!({"wallet": player.id, "amount": 1_000, "expires_in": 8}));
        let path = format!("{HOLDS}/{}/capture", id_of(&tired));
        server.post(&path, &key, &json!({"to": to(999), "final": false})).expect(201);
        let other = place(server, &json!({"wallet": shops[0].id, "amount": 5, "expires_in": 8}));
        wait_until(|| balances(server, &player)[1] == 0 && balances(server, &shops[0])[1] == 0);
        assert_eq!(sums(&find(server, &tired)), (999, 1, 0, "expired"));
        assert_eq!(sums(&find(server, &other)), (0, 5, 0, "expired"));
        server.audit();
    }

    fn terms_that_cannot_be_read_are_named(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let hold = place(server, &order(&player, 60));
        for (terms, field) in [
            (json!({}), "to_wallet"),
            (json!({"amount": 5}), "to_wallet"),
            (json!({"to_wallet": shop.id, "amount": 0}), "amount"),
            (json!({"to_wallet": shop.id, "amount": "half"}), "amount"),
            (json!({"to_wallet": shop.id, "amount": 1.5}), "amount"),
            (json!({"to_wallet": shop.id, "final": "perhaps"}), "final"),
            (json!({"to_wallet": shop.id, "to": [payee(&shop, 1)]}), "to"),
            (json!({"to": [payee(&shop, 1)], "amount": 1}), "amount"),
            (json!({"to": []}), "to"),
            (json!({"to": {}}), "to"),
            (json!({"to": [payee(&shop, 1), {"amount": 1}]}), "to.1.wallet"),
            (json!({"to": [payee(&shop, 1), payee(&shop, 0)]}), "to.1.amount"),
        ] {
            let refused = capture(server, &hold, &terms);
            refused.refused(400, "invalid_request", field);
            assert_eq!(refused.json()["errors"][0]["field"], field, "{terms}");
        }
        // Who cannot be paid is told as well.
        let nowhere = Wallet { id: "0".repeat(32), ..shop.clone() };
        let refused = capture(server, &hold, &json!({"to": [payee(&shop, 1), payee(&nowhere, 1)]}));
        refused.refused(404, "wallet_not_found", "Wallet does not exist");
        assert_eq!(refused.json()["errors"][0]["field"], "to.1");
        capture_to(server, &hold, &nowhere, None).refused(404, "wallet_not_found", "");
        for id in ["0".repeat(32), "x".to_owned(), shop.id.clone()] {
            let unknown = json!({ "id": id });
            capture_to(server, &unknown, &shop, None).refused(404, "hold_not_found", "Hold does not exist");
            void(server, &unknown).refused(404, "hold_not_found", "Hold does not exist");
            server.get(&format!("{HOLDS}/{id}"), &server.manager.admin).refused(404, "hold_not_found", "Hold does not exist");
        }
        assert_eq!(sums(&find(server, &hold)), (0, 0, 60, "open"));
    }
}
