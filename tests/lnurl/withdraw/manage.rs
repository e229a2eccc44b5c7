//! What the owners of links do with them.

use serde_json::{Value, json};

use super::{LINKS, assert_says, let_it_wait, new_link, open, order, path_of_code, shown, with, withdraw};
use crate::harness::{Options, Server, Wallet, both_stores};
use crate::lnurl::ask;

fn path(link: &Value) -> String {
    format!("{LINKS}/{}", link["id"].as_str().unwrap())
}

/// A second wallet of the same user.
fn second_wallet(server: &Server, wallet: &Wallet) -> Wallet {
    Wallet::from_json(&server.post("/api/v1/wallet", &wallet.admin, &json!({"name": "second"})).expect(200))
}

both_stores! {
    fn a_link_is_created_shown_changed_and_deleted(server) {
        let alice = server.wallet("alice", 1_000);
        let more = json!({
            "webhook_url": "https://game.example/claimed", "webhook_headers": "{\"X-Shop\": \"7\"}", "webhook_body": "[1]",
            "custom_url": "https://game.example/card.png"
        });
        let made = new_link(server, &alice, &with(order(3, false), &more));
        let (id, hash) = (made["id"].as_str().unwrap(), made["unique_hash"].as_str().unwrap());
        assert_eq!((id.len(), hash.len()), (22, 22));
        let url = format!("{}/withdraw/api/v1/lnurl/{hash}", server.url);
        let expected = json!({
            "id": id, "wallet": alice.id, "title": "Prize", "min_withdrawable": 10, "max_withdrawable": 100, "uses": 3,
            "wait_time": 3600, "is_unique": false, "unique_hash": hash, "k1": null, "open_time": made["open_time"], "used": 0,
            "usescsv": "0,1,2", "number": 0, "webhook_url": "https://game.example/claimed",
            "webhook_headers": "{\"X-Shop\": \"7\"}", "webhook_body": "[1]", "custom_url": "https://game.example/card.png",
            "created_at": made["created_at"], "enabled": true, "lnurl": made["lnurl"], "lnurl_url": url,
            "lnurls": [made["lnurl"]]
        });
        assert_eq!(made, expected);
        assert_eq!(format!("{}{}", server.url, path_of_code(server, &made["lnurl"])), url);
        assert_eq!(shown(server, &alice, &made), made);
        let page = server.get(LINKS, &alice.admin).expect(200);
        assert_eq!(page, json!({"data": [with(made.clone(), &json!({"lnurls": null}))], "total": 1}));

        // What a change does not name stays, and all else is as it says.
        let change = with(order(5, false), &json!({"title": "Other", "max_withdrawable": 20, "wait_time": 7, "enabled": false}));
        let changed = server.put(&path(&made), &alice.admin, &change).expect(200);
        let values = json!({"title": "Other", "max_withdrawable": 20, "wait_time": 7, "enabled": false, "uses": 5, "usescsv": "0,1,2,3,4"});
        assert_eq!(changed, with(made.clone(), &values));
        let again = server.put(&path(&made), &alice.admin, &with(change, &json!({"enabled": null}))).expect(200);
        assert_eq!(again, changed);
        assert_says(&ask(server, &path_of_code(server, &made["lnurl"])).expect(200), "Withdraw link is disabled.");

        let deleted = server.delete(&path(&made), &alice.admin).expect(200);
        assert_eq!(deleted, json!({"success": true, "message": "Withdraw link deleted."}));
        server.get(&path(&made), &alice.admin).refused(404, "withdraw_link_not_found", "Withdraw link does not exist.");
        server.put(&path(&made), &alice.admin, &order(1, false)).refused(404, "withdraw_link_not_found", "");
        server.delete(&path(&made), &alice.admin).refused(404, "withdraw_link_not_found", "");
        assert_says(&ask(server, &path_of_code(server, &made["lnurl"])).expect(200), "Withdraw link does not exist.");
        assert_eq!(server.get(LINKS, &alice.admin).expect(200), json!({"data": [], "total": 0}));
    }

    fn what_pays_is_shown_to_the_admin_key_of_the_links_wallet(server) {
        let alice = server.wallet("alice", 1_000);
        let second = second_wallet(server, &alice);
        let more = json!({"webhook_url": "https://game.example/x", "webhook_headers": "{\"X-Key\": \"secret\"}"});
        let made = new_link(server, &alice, &with(order(2, true), &more));
        for key in [&alice.invoice, &second.invoice, &second.admin] {
            let one = server.get(&path(&made), key).expect(200);
            let page = server.get(&format!("{LINKS}?all_wallets=true"), key).expect(200);
            assert_eq!(page["total"], 1);
            for link in [&one, &page["data"][0]] {
                assert_eq!(link["id"], made["id"]);
                for name in ["unique_hash", "lnurl", "lnurl_url", "lnurls", "k1", "webhook_headers"] {
                    assert_eq!(link[name], Value::Null, "{name}: {link}");
                }
            }
        }
        assert_eq!(server.get(LINKS, &second.admin).expect(200), json!({"data": [], "total": 0}));
        // It is changed by its own wallet's admin key, and by no other.
        server.put(&path(&made), &alice.invoice, &order(1, true)).refused(403, "admin_key_required", "");
        server.put(&path(&made), &second.admin, &order(1, true)).refused(404, "withdraw_link_not_found", "");
        server.delete(&path(&made), &second.admin).refused(404, "withdraw_link_not_found", "");
        server.post(LINKS, &alice.invoice, &order(1, true)).refused(403, "admin_key_required", "");
        assert_eq!(shown(server, &alice, &made), made);
    }

    fn links_are_listed_newest_first_in_pages(server) {
        let alice = server.wallet("alice", 0);
        for title in ["first", "second", "third"] {
            new_link(server, &alice, &with(order(1, false), &json!({"title": title})));
        }
        // So that the order does not hang on the clock.
        for (at, title) in ["first", "second", "third"].iter().enumerate() {
            server.database.execute(&format!("UPDATE withdraw_links SET created_at_ms = {at} WHERE title = '{title}'")).unwrap();
        }
        let titles = |query: &str| {
            let page = server.get(&format!("{LINKS}{query}"), &alice.admin).expect(200);
            assert_eq!(page["total"], 3);
            page["data"].as_array().unwrap().iter().map(|link| link["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(titles(""), ["third", "second", "first"]);
        assert_eq!(titles("?limit=0"), ["third", "second", "first"]);
        assert_eq!(titles("?limit=1&offset=1"), ["second"]);
        server.get(&format!("{LINKS}?limit=x"), &alice.admin).refused(400, "invalid_request", "limit");
    }

    fn an_order_that_cannot_be_is_refused_and_leaves_nothing(server) {
        let alice = server.wallet("alice", 1_000);
        for (value, says) in [
            (json!({"title": ""}), "title is missing"),
            (json!({"title": "x".repeat(640)}), "title must be at most 639 bytes"),
            (json!({"title": "a\u{0}"}), "U+0000"),
            (json!({"min_withdrawable": 0}), "min_withdrawable"),
            (json!({"min_withdrawable": null}), "min_withdrawable is missing"),
            (json!({"min_withdrawable": "1.5"}), "min_withdrawable"),
            (json!({"min_withdrawable": 101}), "max_withdrawable needs to be at least `min_withdrawable`"),
            (json!({"max_withdrawable": 2_100_000_000_000_001_i64}), "max_withdrawable"),
            (json!({"uses": 0}), "uses must be from 1 to 250"),
            (json!({"uses": 251}), "250 uses max."),
            (json!({"uses": null}), "uses is missing"),
            (json!({"wait_time": 0}), "wait_time must be from 1"),
            (json!({"wait_time": i64::MAX}), "wait_time must be from 1"),
            (json!({"is_unique": null}), "is_unique is missing"),
            (json!({"is_unique": "perhaps"}), "is_unique"),
            (json!({"webhook_url": "ftp://x.example"}), "webhook_url"),
            (json!({"webhook_url": "http://127.0.0.1/"}), "webhook_url"),
            (json!({"webhook_headers": "{"}), "Invalid JSON in webhook_headers"),
            (json!({"webhook_headers": "{\"Host\": \"x\"}"}), "host"),
            (json!({"webhook_body": "{"}), "Invalid JSON in webhook_body"),
            (json!({"custom_url": "not a url"}), "custom_url"),
        ] {
            let refused = with(order(1, false), &value);
            server.post(LINKS, &alice.admin, &refused).refused(400, "invalid_request", says);
        }
        assert_eq!(server.get(LINKS, &alice.admin).expect(200)["total"], 0);
        // Numbers may be texts, as from forms.
        let texts = with(order(1, false), &json!({"uses": "2", "min_withdrawable": "10.0", "is_unique": "true"}));
        let made = new_link(server, &alice, &texts);
        assert_eq!((&made["uses"], &made["is_unique"]), (&json!(2), &json!(true)));
    }

    /// A code that was printed pays once, whatever becomes of the link's number of uses.
    fn uses_that_are_taken_away_never_come_back(server) {
        let (alice, bob) = (server.wallet("alice", 10_000), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(4, true));
        let codes = made["lnurls"].as_array().unwrap().clone();
        assert_eq!((codes.len(), &codes[0]), (4, &made["lnurl"]));
        assert_eq!(withdraw(server, &codes[2], &server.invoice(&bob, 10)), json!({"status": "OK"}));
        let_it_wait(server);
        let now = shown(server, &alice, &made);
        assert_eq!((&now["used"], now["usescsv"].as_str().unwrap()), (&json!(1), "0,1,3"));
        assert_eq!(now["lnurls"], json!([codes[0], codes[1], codes[3]]));
        let fewer = server.put(&path(&made), &alice.admin, &order(2, true)).expect(200);
        assert_eq!((&fewer["usescsv"], &fewer["lnurls"]), (&json!("0"), &json!([codes[0]])));
        let more = server.put(&path(&made), &alice.admin, &order(4, true)).expect(200);
        assert_eq!(more["usescsv"], "0,4,5");
        for code in &codes[1..] {
            assert_says(&ask(server, &path_of_code(server, code)).expect(200), "id_unique_hash not found");
        }
        assert_eq!(withdraw(server, &more["lnurls"][2], &server.invoice(&bob, 10)), json!({"status": "OK"}));
        let refusal = server.put(&path(&made), &alice.admin, &order(1, true));
        refusal.refused(400, "invalid_request", "Cannot reduce uses below current used (2)");
        let spent = server.put(&path(&made), &alice.admin, &order(2, true)).expect(200);
        assert_eq!((&spent["usescsv"], &spent["lnurl"], &spent["lnurls"]), (&json!(""), &Value::Null, &json!([])));
        assert_says(&ask(server, &path_of_code(server, &codes[0])).expect(200), "Withdraw is spent.");
        server.audit();
    }

    fn a_wallet_has_so_many_links_that_are_not_spent(server) {
        let alice = server.wallet("alice", 0);
        let made = new_link(server, &alice, &order(1, false));
        let id = server.store.bytes(&alice.id);
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)";
        let blob = |i: &str| match server.store {
            crate::harness::StoreKind::Sqlite => format!("CAST({i} AS BLOB)"),
            crate::harness::StoreKind::Postgres => format!("CAST(CAST({i} AS TEXT) AS BYTEA)"),
        };
        let i = blob("i");
        let fill = format!(
            "INSERT INTO withdraw_links (id, public_id, secret_digest, secret_sealed, wallet_id, title, min_msat, max_msat, uses,
                uses_left, next_use, wait_s, is_unique, enabled, created_at_ms)
             {numbers} SELECT {i}, CAST(i AS TEXT), {i}, {i}, {id}, 'x', 1, 1, 1, '0', 1, 1, FALSE, TRUE, 0 FROM n"
        );
        server.database.execute(&fill).unwrap();
        server.post(LINKS, &alice.admin, &order(1, false)).refused(409, "too_many_withdraw_links", "10000");
        server.delete(&path(&made), &alice.admin).expect(200);
        new_link(server, &alice, &order(1, false));
    }

    fn links_need_a_host_that_is_known(server, Options { arguments: vec!["--allowed-hosts".into(), "pay.example".into()], ..Options::default() }) {
        let alice = server.wallet("alice", 100);
        let create = |host: &str| {
            let headers = [("X-Api-Key", alice.admin.as_str()), ("Host", host)];
            server.send("POST", LINKS, &headers, &order(1, false).to_string())
        };
        create("evil.example").refused(400, "no_public_url", "--public-url");
        let made = create("pay.example").expect(201);
        assert!(made["lnurl_url"].as_str().unwrap().starts_with("https://pay.example/withdraw/"));
        let opened = format!("/withdraw/api/v1/lnurl/{}", made["unique_hash"].as_str().unwrap());
        let at = |host: &str| server.send("GET", &opened, &[("Host", host)], "").expect(200);
        assert!(at("pay.example")["callback"].as_str().unwrap().starts_with("https://pay.example/withdraw/"));
        assert_says(&at("evil.example"), "--public-url");
        assert_eq!(open(server, &shown(server, &alice, &made)["lnurl"])["maxWithdrawable"], 100_000);
    }

    fn a_link_is_created_once_under_one_key(server) {
        let alice = server.wallet("alice", 100);
        let create = || {
            let headers = [("X-Api-Key", alice.admin.as_str()), ("Idempotency-Key", "prize-7")];
            server.send("POST", LINKS, &headers, &order(1, false).to_string())
        };
        let first = create().expect(201);
        let again = create();
        assert_eq!((again.header("idempotent-replayed"), again.expect(201)), (Some("true"), first));
        assert_eq!(server.get(LINKS, &alice.admin).expect(200)["total"], 1);
    }
}
