//! A wallet's pay links.

use bitcoin_hashes::hex::DisplayHex;
use serde_json::{Value, json};

use super::{LINKS, ask, link, refused};
use crate::harness::{Server, Wallet, at_once, both_stores};

fn order() -> Value {
    json!({"description": "Tips", "min": 1, "max": 5000})
}

/// A further wallet of a user.
fn second_wallet(server: &Server, wallet: &Wallet) -> Wallet {
    let order = json!({"user_id": wallet.user, "wallet_name": "second"});
    let made = server.post("/usermanager/api/v1/wallets", &server.manager.admin, &order).expect(201);
    Wallet::from_json(&made)
}

both_stores! {
    fn links_are_made_changed_and_deleted(server) {
        let wallet = server.wallet("payee", 0);
        let full = json!({
            "description": "Tea", "min": "10", "max": 2000.0, "comment_chars": "120", "username": "tea-shop",
            "webhook_url": "https://shop.example/paid", "webhook_headers": "{\"Authorization\": \"Bearer x\"}",
            "webhook_body": "{\"n\": 2.50}", "success_text": "Thank you", "success_url": "https://shop.example/thanks",
            "disposable": false, "zaps": false, "currency": null, "unknown": 7,
        });
        let made = link(server, &wallet, &full);
        let host = server.url.strip_prefix("http://").unwrap();
        let expected = json!({
            "id": made["id"], "wallet": wallet.id, "description": "Tea", "min": 10, "max": 2000, "served_meta": 0,
            "served_pr": 0, "comment_chars": 120, "created_at": made["created_at"], "updated_at": made["updated_at"],
            "lnurl": made["lnurl"], "username": "tea-shop", "zaps": false, "webhook_url": "https://shop.example/paid",
            "webhook_headers": "{\"Authorization\": \"Bearer x\"}", "webhook_body": "{\"n\": 2.50}",
            "success_text": "Thank you", "success_url": "https://shop.example/thanks", "currency": null,
            "fiat_base_multiplier": 100, "disposable": false, "domain": host,
        });
        assert_eq!(made, expected);
        assert!(made["id"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let path = format!("{LINKS}/{}", made["id"].as_str().unwrap());
        assert_eq!(server.get(&path, &wallet.admin).expect(200), made);
        // An invoice key reads, but for what may give power elsewhere.
        let mut read = made.clone();
        read["webhook_headers"] = json!(null);
        assert_eq!(server.get(&path, &wallet.invoice).expect(200), read);
        assert_eq!(server.get(LINKS, &wallet.invoice).expect(200), json!([read]));
        server.post(LINKS, &wallet.invoice, &order()).refused(403, "admin_key_required", "");
        server.put(&path, &wallet.invoice, &order()).refused(403, "admin_key_required", "");
        server.delete(&path, &wallet.invoice).refused(403, "admin_key_required", "");

        // What is not named is as for a new one.
        let changed = server.put(&path, &wallet.admin, &json!({"description": "Coffee", "max": 7})).expect(200);
        assert_eq!((&changed["id"], &changed["created_at"]), (&made["id"], &made["created_at"]));
        assert_eq!((&changed["min"], &changed["max"], &changed["disposable"]), (&json!(1), &json!(7), &json!(true)));
        for field in ["username", "webhook_url", "webhook_headers", "webhook_body", "success_text", "success_url"] {
            assert_eq!(changed[field], json!(null), "{field}");
        }
        server.put(&path, &wallet.admin, &json!({"max": 7})).refused(400, "invalid_request", "description");
        assert_eq!(server.get(&path, &wallet.admin).expect(200), changed);

        let deleted = json!({"success": true, "message": "Deleted Pay link"});
        assert_eq!(server.delete(&path, &wallet.admin).expect(200), deleted);
        for answer in [server.delete(&path, &wallet.admin), server.get(&path, &wallet.admin), server.put(&path, &wallet.admin, &order())] {
            answer.refused(404, "pay_link_not_found", "Pay link does not exist.");
        }
        assert_eq!(server.get(LINKS, &wallet.admin).expect(200), json!([]));
    }

    fn what_is_wrong_is_told(server) {
        let wallet = server.wallet("payee", 0);
        let with = |field: &str, value: Value| {
            let mut order = order();
            order[field] = value;
            server.post(LINKS, &wallet.admin, &order)
        };
        for (field, value, why) in [
            ("description", json!(""), "missing"),
            ("description", json!("x".repeat(640)), "639"),
            ("min", json!(0), "0.01"),
            ("min", json!(1.5), "Must use full satoshis."),
            ("min", json!("0.5"), "Must use full satoshis."),
            ("min", json!(5001), "Min is greater than max."),
            ("min", json!("1.123456789"), "decimals"),
            ("min", json!("many"), "decimal number"),
            ("max", json!(100_000_001), "100000000 sat"),
            ("max", json!(1e300), "number"),
            ("comment_chars", json!(800), "799"),
            ("comment_chars", json!(-1), "799"),
            ("username", json!("Bob"), "a to z"),
            ("username", json!("b b"), "a to z"),
            ("username", json!("x".repeat(211)), "210"),
            ("username", json!(".."), "a to z"),
            ("webhook_url", json!("http://127.0.0.1/"), "public internet"),
            ("webhook_url", json!("ftp://a.example/"), "http"),
            ("webhook_headers", json!("{"), "Invalid JSON in webhook_headers."),
            ("webhook_headers", json!("{\"Host\": \"x\"}"), "host"),
            ("webhook_headers", json!("{\"X-Satkeep-Signature\": \"x\"}"), "x-satkeep-signature"),
            ("webhook_body", json!("{"), "Invalid JSON in webhook_body."),
            ("success_text", json!("x".repeat(145)), "144"),
            ("success_url", json!("http://a.example"), "Success URL must be secure https://..."),
            ("fiat_base_multiplier", json!(0), "1000000"),
            ("domain", json!("a b"), "host"),
            ("domain", json!("evil.example"), "--public-url"),
            ("zaps", json!(true), "zaps"),
            ("currency", json!("USD"), "not enabled"),
        ] {
            let answer = with(field, value.clone());
            answer.refused(400, "", why);
            if field != "currency" {
                assert!(answer.json()["errors"][0]["field"].is_string(), "{field}: {}", answer.text);
            }
        }
        with("currency", json!("USD")).refused(400, "rates_disabled", "");
        with("currency", json!("sat")).expect(201);
        with("wallet", json!("0".repeat(32))).refused(404, "wallet_not_found", "");
        with("wallet", json!("nothing")).refused(404, "wallet_not_found", "");
        with("wallet", json!(server.manager.id)).refused(404, "wallet_not_found", "");
        assert_eq!(server.get(LINKS, &wallet.invoice).expect(200).as_array().unwrap().len(), 1);
    }

    fn a_link_is_its_users_and_its_wallets(server) {
        let first = server.wallet("user", 0);
        let second = second_wallet(server, &first);
        let stranger = server.wallet("stranger", 0);
        let made = link(server, &first, &json!({"description": "x", "wallet": second.id}));
        assert_eq!(made["wallet"], second.id);
        let path = format!("{LINKS}/{}", made["id"].as_str().unwrap());
        // Every key of the user reads it; only the wallet that is paid may change it.
        assert_eq!(server.get(&path, &first.invoice).expect(200)["id"], made["id"]);
        for key in [&first.admin, &stranger.admin, &server.manager.admin] {
            server.put(&path, key, &order()).refused(404, "pay_link_not_found", "");
            server.delete(&path, key).refused(404, "pay_link_not_found", "");
        }
        server.get(&path, &stranger.admin).refused(404, "pay_link_not_found", "");
        let own = link(server, &first, &order());
        let ids = |query: &str, key: &str| -> Vec<Value> {
            let list = server.get(&format!("{LINKS}{query}"), key).expect(200);
            list.as_array().unwrap().iter().map(|link| link["id"].clone()).collect()
        };
        assert_eq!(ids("", &first.invoice), [own["id"].clone()]);
        assert_eq!(ids("?all_wallets=true", &first.invoice), [made["id"].clone(), own["id"].clone()]);
        assert_eq!(ids("?all_wallets=true&limit=1&offset=1", &second.invoice), [own["id"].clone()]);
        assert!(ids("?all_wallets=true", &stranger.invoice).is_empty());
        server.get(&format!("{LINKS}?all_wallets=perhaps"), &first.invoice).refused(400, "invalid_request", "all_wallets");
        // It can be moved to another wallet of the user, and to no one else's.
        let moved = json!({"description": "x", "wallet": first.id});
        server.put(&path, &second.admin, &json!({"description": "x", "wallet": stranger.id})).refused(404, "wallet_not_found", "");
        assert_eq!(server.put(&path, &second.admin, &moved).expect(200)["wallet"], first.id);
    }

    fn a_name_is_one_links(server) {
        let (first, second) = (server.wallet("first", 0), server.wallet("second", 0));
        let named = |name: &str| json!({"description": "x", "username": name});
        let bob = link(server, &first, &named("bob"));
        server.post(LINKS, &second.admin, &named("bob")).refused(409, "address_taken", "Username already taken.");
        let other = link(server, &second, &named("alice"));
        let path = format!("{LINKS}/{}", other["id"].as_str().unwrap());
        server.put(&path, &second.admin, &named("bob")).refused(409, "address_taken", "Username already taken.");
        server.put(&path, &second.admin, &named("alice")).expect(200);
        // Of many who want one at once, one gets it.
        let made = at_once(8, |_| server.post(LINKS, &second.admin, &named("carol")).status);
        assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
        assert!(made.iter().all(|status| [201, 409].contains(status)), "{made:?}");
        // A link that is deleted, or whose wallet is, has it no more.
        let users = format!("/usermanager/api/v1/users/{}", first.user);
        server.delete(&users, &server.manager.admin).expect(200);
        refused(&ask(server, "/.well-known/lnurlp/bob"), "Lightning address not found.");
        ask(server, &format!("/lnurlp/{}", bob["id"].as_str().unwrap())).refused(404, "pay_link_not_found", "");
        link(server, &second, &named("bob"));
        server.delete(&path, &second.admin).expect(200);
        link(server, &second, &named("alice"));
    }

    fn creating_is_idempotent_and_bounded(server) {
        let wallet = server.wallet("payee", 0);
        let send = |key: &str, body: &Value| {
            let headers = [("X-Api-Key", wallet.admin.as_str()), ("Idempotency-Key", key)];
            server.send("POST", LINKS, &headers, &body.to_string())
        };
        let first = send("a", &json!({"description": "x", "username": "once"}));
        let again = send("a", &json!({"description": "x", "username": "once"}));
        assert_eq!((first.expect(201), again.header("idempotent-replayed")), (again.expect(201), Some("true")));
        send("a", &order()).refused(409, "idempotency_conflict", "");
        // A wallet has as many links as it may have.
        let (id, columns) = (server.store.bytes(&wallet.id), "description, min, max, fiat_base_multiplier, comment_chars, disposable, created_at_ms, updated_at_ms");
        for number in 1..1000 {
            let row = server.store.bytes(&format!("{number:032}"));
            let sql = format!("INSERT INTO pay_links (id, public_id, wallet_id, {columns}) VALUES ({row}, 'old-{number}', {id}, 'x', '1', '1', 100, 0, TRUE, 1, 1)");
            server.database.execute(&sql).unwrap();
        }
        server.post(LINKS, &wallet.admin, &order()).refused(409, "too_many_pay_links", "1000");
        assert_eq!(server.get(LINKS, &wallet.invoice).expect(200).as_array().unwrap().len(), 1000);
        // Ids of links that came from elsewhere are texts as well.
        assert_eq!(ask(server, "/lnurlp/old-7").expect(200)["tag"], "payRequest");
        server.delete(&format!("{LINKS}/old-7"), &wallet.admin).expect(200);
        link(server, &wallet, &order());
        let other = server.wallet("other", 0);
        link(server, &other, &order());
    }

    fn headers_are_sealed(server) {
        let wallet = server.wallet("payee", 0);
        let secret = "{\"Authorization\": \"Bearer topsecret\"}";
        let made = link(server, &wallet, &json!({"description": "x", "webhook_headers": secret}));
        let dumped = server.database.dump(&[]).join("\n");
        let in_hex = b"topsecret".to_lower_hex_string();
        assert!(!dumped.contains("topsecret") && !dumped.contains(&in_hex));
        let counted = server.cli(&["master-key", "status"]).unwrap().to_string();
        assert!(counted.contains("headers_of_pay_links"), "{counted}");
        let path = format!("{LINKS}/{}", made["id"].as_str().unwrap());
        assert_eq!(server.get(&path, &wallet.admin).expect(200)["webhook_headers"], secret);
        assert!(!server.logged().contains("topsecret"));
        // Another wallet of the same user sees the link, but not what its own key may not use.
        let sibling = server.post("/api/v1/wallet", &wallet.admin, &json!({"name": "sibling"})).expect(200);
        let shown = server.get(&path, sibling["adminkey"].as_str().unwrap()).expect(200);
        assert_eq!((&shown["id"], &shown["webhook_headers"]), (&made["id"], &json!(null)));
    }
}
