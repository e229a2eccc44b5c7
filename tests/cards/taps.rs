//! A card is shown, and pays.

use serde_json::json;

use super::{CARDS, UID, ask, assert_says, hits, new_card, path_of, pay_path, tap, tap_and_pay};
use crate::harness::{Card, Options, both_stores};

both_stores! {
    fn a_tap_pays_once(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (card, mut programmed) = new_card(server, &alice);
        let shown = programmed.tap();
        let agent = [("User-Agent", "Till/1.0"), ("X-Forwarded-For", "203.0.113.7")];
        let offer = server.send("GET", &shown, &agent, "").expect(200);
        assert_eq!(offer["tag"], "withdrawRequest");
        assert_eq!((&offer["minWithdrawable"], &offer["maxWithdrawable"]), (&json!(1000), &json!(100_000)));
        assert_eq!(offer["defaultDescription"], format!("Boltcard (refund address {})", offer["payLink"].as_str().unwrap()));
        assert!(offer["payLink"].as_str().unwrap().starts_with("lnurlp://"));
        assert_says(&ask(server, &shown), "This link is already used.");

        let [first, second] = [(); 2].map(|()| server.invoice(&till, 40));
        let callback = path_of(server, &offer["callback"]);
        let k1 = offer["k1"].as_str().unwrap();
        let other = "0".repeat(32);
        for (query, reason) in [
            (String::new(), "Missing K1 token"),
            (format!("k1={other}&pr={first}"), "K1 token does not match."),
            (format!("k1=x&pr={first}"), "K1 token does not match."),
            (format!("k1={k1}"), "Missing payment request."),
            (format!("k1={k1}&pr=lnbc1"), "Failed to decode payment request."),
            (format!("k1={k1}&pr={FOREIGN}"), "Payment failed - the invoice is not one of ours."),
            (format!("k1={k1}&pr={}", server.invoice(&till, 101)), "at most 100 sat"),
        ] {
            assert_says(&ask(server, &format!("{callback}?{query}")), reason);
        }
        // The id of a tap, which is in the list, pays nothing.
        let hit = callback.rsplit('/').next().unwrap();
        assert_eq!(hits(server, &alice)[0]["id"], hit);
        assert_says(&ask(server, &format!("{callback}?k1={hit}&pr={first}")), "K1 token does not match.");
        assert_says(&ask(server, &format!("/boltcards/api/v1/lnurl/cb/{other}?k1={k1}&pr={first}")), "LNURL-withdraw record not found.");
        assert_eq!(server.send("HEAD", &pay_path(server, &offer, &first), &[], "").status, 405);
        assert_eq!(server.balance(&alice), 500);

        assert_eq!(ask(server, &pay_path(server, &offer, &first)), json!({"status": "OK"}));
        assert_says(&ask(server, &pay_path(server, &offer, &first)), "Payment already claimed.");
        assert_says(&ask(server, &pay_path(server, &offer, &second)), "Payment already claimed.");
        assert_eq!((server.balance(&alice), server.balance(&till)), (460, 40));
        let listed = hits(server, &alice);
        assert_eq!(listed.len(), 1);
        let expected = json!({
            "id": hit, "card_id": card["id"], "ip": "127.0.0.1", "spent": true, "useragent": "Till/1.0",
            "old_ctr": 0, "new_ctr": 1, "amount": 40, "time": listed[0]["time"]
        });
        assert_eq!(listed[0], expected);
        let paid = server.get("/api/v1/payments?limit=1", &alice.invoice).expect(200);
        assert_eq!((&paid[0]["tag"], &paid[0]["extra"]["card"]), (&json!("boltcards"), &card["id"]));
        assert_eq!(server.get(CARDS, &alice.invoice).expect(200)[0]["counter"], 1);
        server.audit();
    }

    fn what_proves_nothing_is_refused(server) {
        let alice = server.wallet("alice", 500);
        // Its key is chosen: with one in 256 random ones, what another key has encrypted begins as a card does.
        let order = json!({"card_name": "Alice's card", "uid": UID, "tx_limit": 100, "daily_limit": 1000, "k1": "09".repeat(16)});
        let card = server.post(CARDS, &alice.admin, &order).expect(201);
        let mut programmed = Card::programmed(&card);
        let mut forged = Card { k2: [7; 16], ..programmed.clone() };
        assert_says(&ask(server, &forged.tap()), "CMAC does not check.");
        let mut forged = Card { k1: [7; 16], ..programmed.clone() };
        assert_says(&ask(server, &forged.tap()), "Error decrypting card.");
        let mut other = Card { uid: [4; 7], ..programmed.clone() };
        assert_says(&ask(server, &other.tap()), "Card UID mis-match.");
        let mut nowhere = Card { path: "/boltcards/api/v1/scan/nowhere".to_owned(), ..programmed.clone() };
        assert_says(&ask(server, &nowhere.tap()), "Card not found.");
        assert_says(&ask(server, &programmed.path), "Error decrypting card.");
        assert_says(&ask(server, &programmed.shown(0)), "This link is already used.");
        assert_eq!(server.send("HEAD", &programmed.shown(1), &[], "").status, 405);
        assert_eq!(hits(server, &alice).len(), 0);
        // Nor does any bit that is changed on the way.
        let shown = programmed.tap();
        let (start, c) = shown.split_once("&c=").unwrap();
        let flipped = format!("{start}&c={:016X}", u64::from_str_radix(c, 16).unwrap() ^ 1);
        assert_says(&ask(server, &flipped), "CMAC does not check.");
        assert_eq!(ask(server, &shown.to_lowercase())["tag"], "withdrawRequest");

        // A tap while the card is switched off is used up: nobody comes back with it later.
        let id = card["id"].as_str().unwrap();
        server.get(&format!("{CARDS}/enable/{id}/false"), &alice.admin).expect(200);
        let shown = programmed.tap();
        assert_says(&ask(server, &shown), "Card is disabled.");
        server.get(&format!("{CARDS}/enable/{id}/true"), &alice.admin).expect(200);
        assert_says(&ask(server, &shown), "This link is already used.");
        tap(server, &mut programmed);
        // And an offer does not outlive the switch, or the card.
        let invoice = server.invoice(&server.manager, 1);
        let offer = tap(server, &mut programmed);
        server.get(&format!("{CARDS}/enable/{id}/false"), &alice.admin).expect(200);
        assert_says(&ask(server, &pay_path(server, &offer, &invoice)), "Card is disabled.");
        server.delete(&format!("{CARDS}/{id}"), &alice.admin).expect(200);
        assert_says(&ask(server, &pay_path(server, &offer, &invoice)), "LNURL-withdraw record not found.");
        assert_says(&ask(server, &programmed.tap()), "Card not found.");
        assert_eq!(server.balance(&alice), 500);
    }

    fn the_known_vectors_are_accepted(server) {
        let alice = server.wallet("alice", 10);
        let order = json!({
            "card_name": "x", "uid": "04996c6a926980", "tx_limit": 1, "daily_limit": 1,
            "k1": "0c3b25d92b38ae443229dd59ad34b85d", "k2": "b45775776cb224c75bcde7ca3704e933"
        });
        let nxp = json!({"card_name": "x", "uid": "04de5f1eacc040", "tx_limit": 1, "daily_limit": 1, "k1": "0".repeat(32), "k2": "0".repeat(32)});
        let vectors = [
            (&order, vec![("4E2E289D945A66BB13377A728884E867", "E19CCB1FED8892CE", 3), ("00f48c4f8e386ded06bcdc78fa92e2fe", "66b4826ea4c155b4", 5), ("0DBF3C59B59B0638D60B5842A997D4D1", "CC61660C020B4D96", 7)]),
            (&nxp, vec![("EF963FF7828658A599F3041510671E88", "94EED9EE65337086", 61)]),
        ];
        for (order, taps) in vectors {
            let card = server.post(CARDS, &alice.admin, order).expect(201);
            let path = format!("/boltcards/api/v1/scan/{}", card["external_id"].as_str().unwrap());
            for (p, c, counter) in taps {
                assert_eq!(ask(server, &format!("{path}?p={p}&c={c}"))["tag"], "withdrawRequest");
                assert_eq!(hits(server, &alice)[0]["new_ctr"], counter);
                assert_says(&ask(server, &format!("{path}?p={p}&c={c}")), "This link is already used.");
            }
        }
    }

    fn a_tap_is_good_for_a_minute(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (_, mut card) = new_card(server, &alice);
        let offer = tap(server, &mut card);
        server.database.execute("UPDATE hits SET expires_at_ms = expires_at_ms - 60000").unwrap();
        assert_says(&ask(server, &pay_path(server, &offer, &server.invoice(&till, 1))), "This link has expired.");
        assert_eq!(server.balance(&till), 0);
    }

    fn limits_and_freezes_hold_for_cards_as_well(server) {
        let (alice, till) = (server.wallet("alice", 2_000), server.wallet("till", 0));
        let (card, mut programmed) = new_card(server, &alice);
        let pay = |programmed: &mut Card, sat| tap_and_pay(server, programmed, &server.invoice(&till, sat));
        let wallet = format!("/usermanager/api/v1/wallets/{}", alice.id);
        let manager = &server.manager.admin;

        server.put(&format!("{wallet}/limits"), manager, &json!({"payment_max_sat": 50})).expect(200);
        assert_says(&pay(&mut programmed, 51), "Payment failed - over the wallet's limit for one payment.");
        assert_eq!(pay(&mut programmed, 50)["status"], "OK");
        server.put(&format!("{wallet}/limits"), manager, &json!({"day_max_sat": 60})).expect(200);
        assert_says(&pay(&mut programmed, 11), "Payment failed - over the wallet's limit for one day.");
        assert_eq!(pay(&mut programmed, 10)["status"], "OK");
        server.put(&format!("{wallet}/limits"), manager, &json!({})).expect(200);
        for scope in ["spending", "everything"] {
            server.put(&format!("{wallet}/freeze"), manager, &json!({"scope": scope})).expect(200);
            assert_says(&pay(&mut programmed, 1), "Payment failed - the wallet is frozen.");
        }
        server.delete(&format!("{wallet}/freeze"), manager).expect(200);

        // The card's own day, which an offer already keeps within.
        for _ in 0..9 {
            assert_eq!(pay(&mut programmed, 100)["status"], "OK");
        }
        let offer = tap(server, &mut programmed);
        assert_eq!(offer["maxWithdrawable"], 40_000);
        assert_says(&ask(server, &pay_path(server, &offer, &server.invoice(&till, 41))), "Max daily limit spent.");
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&till, 40)))["status"], "OK");
        assert_says(&ask(server, &programmed.tap()), "Max daily limit spent.");
        let path = format!("{CARDS}/{}", card["id"].as_str().unwrap());
        server.put(&path, &alice.admin, &json!({"daily_limit": 5000})).expect(200);
        assert_eq!(server.balance(&alice), 1_000);
        server.database.execute("UPDATE cards SET spent_day = spent_day - 1").unwrap();
        server.put(&path, &alice.admin, &json!({"daily_limit": 100, "tx_limit": 5000})).expect(200);
        assert_eq!(pay(&mut programmed, 100)["status"], "OK");
        // A new card without limits pays nothing, and one of a poor wallet neither.
        server.put(&path, &alice.admin, &json!({"daily_limit": 5000, "tx_limit": 0})).expect(200);
        assert_says(&ask(server, &programmed.tap()), "at most 0 sat");
        server.put(&path, &alice.admin, &json!({"tx_limit": 5000})).expect(200);
        assert_says(&pay(&mut programmed, 901), "Payment failed - insufficient balance.");
        assert_eq!(pay(&mut programmed, 900)["status"], "OK");
        assert_eq!(server.balance(&alice), 0);
        server.audit();
    }

    fn the_address_of_a_till_is_what_trusted_proxies_say(server, Options { arguments: vec!["--trusted-proxies".into(), "127.0.0.1".into()], ..Options::default() }) {
        let alice = server.wallet("alice", 10);
        let (_, mut card) = new_card(server, &alice);
        let long = "ü".repeat(300);
        let headers = [("X-Forwarded-For", "203.0.113.9, 203.0.113.7"), ("User-Agent", long.as_str())];
        server.send("GET", &card.tap(), &headers, "").expect(200);
        let listed = hits(server, &alice);
        assert_eq!((&listed[0]["ip"], listed[0]["useragent"].as_str().unwrap().chars().count()), (&json!("203.0.113.7"), 200));
    }
}

/// An invoice of another node.
const FOREIGN: &str = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";
