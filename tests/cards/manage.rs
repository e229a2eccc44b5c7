//! Cards are created, listed, changed and deleted.

use serde_json::{Value, json};

use super::{CARDS, UID, ask, assert_says, head, new_card, pay_path, tap};
use crate::harness::{Card, both_stores};

const ZEROS: &str = "00000000000000000000000000000000";
const KEYS: [&str; 7] = ["k0", "k1", "k2", "prev_k0", "prev_k1", "prev_k2", "otp"];

both_stores! {
    fn a_card_is_created_shown_changed_and_deleted(server) {
        let wallet = server.wallet("alice", 0);
        let (card, _) = new_card(server, &wallet);
        assert_eq!(card["card_name"], "Alice's card");
        assert_eq!((&card["uid"], &card["wallet"]), (&json!(UID.to_uppercase()), &json!(wallet.id)));
        assert_eq!((&card["tx_limit"], &card["daily_limit"], &card["counter"]), (&json!(100), &json!(1000), &json!(0)));
        assert_eq!((&card["enable"], &card["prev_k0"]), (&json!(true), &json!(ZEROS)));
        let random: std::collections::BTreeSet<_> = ["k0", "k1", "k2", "otp", "external_id", "id"].map(|name| card[name].as_str().unwrap()).into();
        assert!(random.len() == 6 && random.iter().all(|text| text.len() == 32) && !random.contains(ZEROS));

        let listed = server.get(CARDS, &wallet.admin).expect(200);
        assert_eq!(listed, json!([card]));
        let mut public = card.clone();
        for key in KEYS {
            public[key] = Value::Null;
        }
        assert_eq!(server.get(CARDS, &wallet.invoice).expect(200), json!([public]));

        let path = format!("{CARDS}/{}", card["id"].as_str().unwrap());
        let keys = ["0c3b25d92b38ae443229dd59ad34b85d", "B45775776CB224C75BCDE7CA3704E933"];
        let order = json!({"card_name": "Bob's", "uid": "04A39493CC8680", "tx_limit": "7", "k1": keys[0], "k2": keys[1], "prev_k1": card["k1"], "enable": "no"});
        let changed = server.put(&path, &wallet.admin, &order).expect(200);
        for (name, value) in [
            ("card_name", json!("Bob's")),
            ("uid", json!("04A39493CC8680")),
            ("tx_limit", json!(7)),
            ("daily_limit", json!(1000)),
            ("k0", card["k0"].clone()),
            ("k1", json!(keys[0])),
            ("k2", json!(keys[1].to_lowercase())),
            ("prev_k1", card["k1"].clone()),
            ("prev_k0", json!(ZEROS)),
            ("enable", json!(false)),
            ("otp", card["otp"].clone()),
            ("external_id", card["external_id"].clone()),
        ] {
            assert_eq!(changed[name], value, "{name}");
        }
        let id = card["id"].as_str().unwrap();
        for (word, enable) in [("true", true), ("false", false), ("True", true)] {
            let switched = server.get(&format!("{CARDS}/enable/{id}/{word}"), &wallet.admin).expect(200);
            assert_eq!(switched["enable"], enable);
        }
        server.get(&format!("{CARDS}/enable/{id}/perhaps"), &wallet.admin).refused(400, "invalid_request", "true or false");
        assert_eq!(head(server, &format!("{CARDS}/enable/{id}/false"), &wallet.admin).status, 405);
        assert_eq!(server.get(CARDS, &wallet.admin).expect(200)[0]["enable"], true);

        let deleted = server.delete(&path, &wallet.admin);
        assert_eq!((deleted.status, deleted.text.as_str()), (200, "null"));
        server.delete(&path, &wallet.admin).refused(404, "card_not_found", "Card does not exist.");
        server.put(&path, &wallet.admin, &json!({})).refused(404, "card_not_found", "");
        assert_eq!(server.get(CARDS, &wallet.admin).expect(200), json!([]));
    }

    fn what_is_no_card_is_refused(server) {
        let wallet = server.wallet("alice", 0);
        let good = json!({"card_name": "x", "uid": UID});
        for (field, value) in [
            ("card_name", json!(null)),
            ("card_name", json!("  ")),
            ("card_name", json!("é".repeat(128))),
            ("uid", json!("")),
            ("uid", json!("04996c6a92698")),
            ("uid", json!("04:99:6c:6a:92:69:80")),
            ("counter", json!(-1)),
            ("counter", json!(0x0100_0000)),
            ("tx_limit", json!(-1)),
            ("daily_limit", json!(2_100_000_000_000_001_i64)),
            ("daily_limit", json!("1.5")),
            ("enable", json!(2)),
            ("k0", json!("00")),
            ("k1", json!(format!("{ZEROS}00"))),
            ("k2", json!("g".repeat(32))),
            ("prev_k2", json!("0c3b25d92b38ae443229dd59ad34b85")),
            ("issuer_key", json!("01")),
            ("key_version", json!(1)),
        ] {
            let mut order = good.clone();
            order[field] = value;
            let answer = server.post(CARDS, &wallet.admin, &order);
            answer.refused(400, "invalid_request", field);
            assert_eq!(answer.json()["errors"][0]["field"], field, "{order}");
        }
        let both = json!({"card_name": "x", "uid": UID, "issuer_key": ZEROS, "k1": ZEROS});
        server.post(CARDS, &wallet.admin, &both).refused(400, "invalid_request", "k1 follows from issuer_key");
        server.post(CARDS, &wallet.admin, &json!({})).refused(400, "invalid_request", "card_name is missing; uid is missing");
        server.post(CARDS, &wallet.invoice, &good).refused(403, "admin_key_required", "");
        assert_eq!(server.get(CARDS, &wallet.admin).expect(200), json!([]));
    }

    fn a_unique_id_is_registered_once_for_each_user(server) {
        let key = &server.manager.admin;
        let (alice, bob) = (server.wallet("alice", 0), server.wallet("bob", 0));
        let order = json!({"user_id": alice.user, "wallet_name": "second"});
        let second = crate::harness::Wallet::from_json(&server.post("/usermanager/api/v1/wallets", key, &order).expect(201));
        let (card, _) = new_card(server, &alice);
        let again = json!({"card_name": "again", "uid": UID.to_uppercase()});
        for wallet in [&alice, &second] {
            server.post(CARDS, &wallet.admin, &again).refused(409, "card_exists", "UID already registered. Delete registered card and try again.");
        }
        let other = server.post(CARDS, &second.admin, &json!({"card_name": "other", "uid": "04a39493cc8680"})).expect(201);
        let path = format!("{CARDS}/{}", other["id"].as_str().unwrap());
        server.put(&path, &second.admin, &json!({"uid": UID})).refused(409, "card_exists", "");
        // Somebody else's cards are in nobody's way, and tell nobody anything.
        new_card(server, &bob);

        // Of all wallets of the user; but the keys of one wallet's cards are for its own admin key.
        let all = server.get(&format!("{CARDS}?all_wallets=true"), &second.admin).expect(200);
        assert_eq!((all[0]["id"].clone(), all[0]["k1"].clone(), all[0]["otp"].clone()), (card["id"].clone(), Value::Null, Value::Null));
        assert_eq!((all[1]["id"].clone(), all[1]["k1"].clone()), (other["id"].clone(), other["k1"].clone()));
        assert_eq!(all.as_array().unwrap().len(), 2);
        server.delete(&path, &alice.admin).refused(404, "card_not_found", "");

        // With its wallet a card goes, and its unique id is free again.
        server.delete(&format!("/usermanager/api/v1/wallets/{}", alice.id), key).expect(200);
        assert_eq!(server.get(&format!("{CARDS}?all_wallets=true"), &second.admin).expect(200).as_array().unwrap().len(), 1);
        server.post(CARDS, &second.admin, &again).expect(201);
    }

    fn a_wallet_has_a_bounded_number_of_cards(server) {
        let wallet = server.wallet("alice", 0);
        for number in 0..100 {
            server.post(CARDS, &wallet.admin, &json!({"card_name": number, "uid": format!("{number:014x}")})).expect(201);
        }
        let one_more = json!({"card_name": "x", "uid": UID});
        server.post(CARDS, &wallet.admin, &one_more).refused(409, "too_many_cards", "100");
    }

    fn a_card_is_created_once_under_an_idempotency_key(server) {
        let wallet = server.wallet("alice", 0);
        let order = json!({"card_name": "x", "uid": UID});
        let [first, again] = [(); 2].map(|()| crate::api::idempotency::post_under(server, CARDS, &wallet.admin, "card-1", &order));
        assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }

    fn keys_follow_from_an_issuers_key(server) {
        let wallet = server.wallet("alice", 0);
        let issuer = "00000000000000000000000000000001";
        let order = json!({"card_name": "x", "uid": "04a39493cc8680", "issuer_key": issuer, "tx_limit": 5, "daily_limit": 5});
        let card = server.post(CARDS, &wallet.admin, &order).expect(201);
        assert_eq!(card["k0"], "a29119fcb48e737d1591d3489557e49b");
        assert_eq!(card["k1"], "55da174c9608993dc27bb3f30a4a7314");
        assert_eq!(card["k2"], "f4b404be700ab285e333e32348fa3d3b");
        tap(server, &mut Card::programmed(&card));
        let path = format!("{CARDS}/{}", card["id"].as_str().unwrap());
        let changed = server.put(&path, &wallet.admin, &json!({"issuer_key": issuer, "key_version": 2})).expect(200);
        assert_eq!(changed["k1"], card["k1"]);
        assert!(changed["k0"] != card["k0"] && changed["k2"] != card["k2"]);
        let first = server.put(&path, &wallet.admin, &json!({"issuer_key": issuer, "key_version": "1"})).expect(200);
        assert_eq!(first["k2"], card["k2"]);
        // It is not kept, in whatever form.
        let rows = server.database.dump(&[]).join("\n");
        assert!(!rows.contains(issuer) && !rows.contains("55da174c9608993dc27bb3f30a4a7314"));
    }

    fn no_tap_from_before_pays_again(server) {
        let wallet = server.wallet("alice", 0);
        let (card, mut programmed) = new_card(server, &wallet);
        let recorded = programmed.tap();
        ask(server, &recorded);
        let path = format!("{CARDS}/{}", card["id"].as_str().unwrap());
        // The card as it was listed before the tap.
        let changed = server.put(&path, &wallet.admin, &card).expect(200);
        assert_eq!(changed["counter"], 1);
        assert_says(&ask(server, &recorded), "This link is already used.");
        let changed = server.put(&path, &wallet.admin, &json!({"counter": 7})).expect(200);
        assert_eq!(changed["counter"], 7);
        assert_says(&ask(server, &programmed.shown(7)), "This link is already used.");
        // With other keys the card counts from wherever its owner says.
        let other = json!({"k1": "0c3b25d92b38ae443229dd59ad34b85d", "counter": 0});
        assert_eq!(server.put(&path, &wallet.admin, &other).expect(200)["counter"], 0);
        assert_says(&ask(server, &programmed.shown(8)), "Error decrypting card.");
        // With those from before, on from where it stood with them.
        for back in [json!({"k1": card["k1"], "counter": 0}), json!({"k1": card["k1"]})] {
            server.put(&path, &wallet.admin, &other).expect(200);
            assert_eq!(server.put(&path, &wallet.admin, &back).expect(200)["counter"], 7);
            assert_says(&ask(server, &programmed.shown(7)), "This link is already used.");
        }
        // Under another unique id, and back.
        assert_eq!(server.put(&path, &wallet.admin, &json!({"uid": "04a39493cc8680", "counter": 0})).expect(200)["counter"], 0);
        assert_says(&ask(server, &programmed.shown(8)), "Card UID mis-match.");
        assert_eq!(server.put(&path, &wallet.admin, &json!({"uid": UID})).expect(200)["counter"], 7);
        assert_eq!(ask(server, &programmed.shown(8))["tag"], "withdrawRequest");
    }

    fn a_deleted_card_that_comes_back_counts_on(server) {
        let alice = server.wallet("alice", 500);
        let till = server.wallet("till", 0);
        let key = &server.manager.admin;
        let order = json!({"user_id": alice.user, "wallet_name": "second"});
        let second = crate::harness::Wallet::from_json(&server.post("/usermanager/api/v1/wallets", key, &order).expect(201));
        let (first, mut card) = new_card(server, &alice);
        let used = card.tap();
        let paid = pay_path(server, &ask(server, &used), &server.invoice(&till, 10));
        assert_eq!(ask(server, &paid)["status"], "OK");
        let again = json!({
            "card_name": "again", "uid": UID, "tx_limit": 100, "daily_limit": 1000,
            "k0": first["k0"], "k1": first["k1"], "k2": first["k2"], "counter": 0,
        });
        // Whoever deletes it: its wallet's key, or the end of its wallet.
        server.delete(&format!("{CARDS}/{}", first["id"].as_str().unwrap()), &alice.admin).expect(200);
        let anew = server.post(CARDS, &alice.admin, &again).expect(201);
        assert_eq!(anew["counter"], 1);
        card.path = Card::programmed(&anew).path;
        assert_says(&ask(server, &card.shown(1)), "This link is already used.");
        assert_eq!(tap(server, &mut card)["tag"], "withdrawRequest");
        server.delete(&format!("/usermanager/api/v1/wallets/{}", alice.id), key).expect(200);
        let anew = server.post(CARDS, &second.admin, &again).expect(201);
        assert_eq!(anew["counter"], 2);
        // With other keys it is another card, and so it is to somebody else.
        server.delete(&format!("{CARDS}/{}", anew["id"].as_str().unwrap()), &second.admin).expect(200);
        let other = json!({"card_name": "other", "uid": UID});
        assert_eq!(server.post(CARDS, &second.admin, &other).expect(201)["counter"], 0);
        assert_eq!(server.post(CARDS, &till.admin, &again).expect(201)["counter"], 0);
        let keys = server.database.dump(&[]).join("\n");
        assert!(!keys.contains(first["k1"].as_str().unwrap()) && !keys.contains(first["k2"].as_str().unwrap()));
        server.audit();
    }
}
