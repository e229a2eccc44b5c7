//! `/usermanager/api/v1`: users, wallets, keys, transactions, extensions.

use serde_json::{Value, json};

use crate::harness::{Wallet, both_stores};

const USERS: &str = "/usermanager/api/v1/users";
const WALLETS: &str = "/usermanager/api/v1/wallets";

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

both_stores! {
    fn a_user_is_created_with_a_wallet(server) {
        let manager = server.manager.clone();
        let order = json!({
            "admin_id": manager.user, "user_name": "alice", "wallet_name": "purse", "email": "alice@game.example",
            "password": "correct horse", "extra": {"level": 1},
        });
        let user = server.post(USERS, &manager.admin, &order).expect(201);
        assert_eq!((&user["name"], &user["admin"]), (&json!("alice"), &json!(manager.user)));
        assert_eq!((&user["email"], &user["extra"]), (&json!("alice@game.example"), &json!({"level": 1})));
        assert!(user.get("password").is_none() && !user.to_string().contains("correct horse"));
        let wallet = &user["wallets"][0];
        assert_eq!((&wallet["name"], &wallet["user"]), (&json!("purse"), &user["id"]));
        assert_eq!((&wallet["admin"], &wallet["balance_msat"]), (&json!(manager.user), &json!(0)));
        for id in [&user["id"], &wallet["id"], &wallet["adminkey"], &wallet["inkey"]] {
            let id = id.as_str().unwrap();
            assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
        }
        let keys = Wallet::from_json(wallet);
        server.get("/api/v1/wallet", &keys.admin).expect(200);
        server.get("/api/v1/wallet", &keys.invoice).expect(200);

        let path = format!("{USERS}/{}", keys.user);
        assert_eq!(server.get(&path, &manager.admin).expect(200), user);
        assert_eq!(server.post(&path, &manager.admin, &json!({})).expect(200), user);
        assert_eq!(server.get(USERS, &manager.admin).expect(200), json!([user]));
        assert_eq!(server.get(WALLETS, &manager.admin).expect(200), user["wallets"]);
        assert_eq!(server.get(&format!("{WALLETS}/{}", keys.user), &manager.admin).expect(200), user["wallets"]);
    }

    fn an_invoice_key_creates_users_but_sees_no_admin_keys(server) {
        let key = server.manager.invoice.clone();
        let user = server.post(USERS, &key, &json!({"user_name": "bob"})).expect(201);
        let id = user["id"].as_str().unwrap().to_owned();
        assert_eq!(user["wallets"][0]["name"], "bob");
        let added = server.post(WALLETS, &key, &json!({"user_id": id, "wallet_name": "second"})).expect(201);
        let views = [
            user["wallets"][0].clone(),
            added,
            server.get(USERS, &key).expect(200)[0]["wallets"][0].clone(),
            server.get(&format!("{USERS}/{id}"), &key).expect(200)["wallets"][1].clone(),
            server.get(WALLETS, &key).expect(200)[0].clone(),
            server.get(&format!("{WALLETS}/{id}"), &key).expect(200)[1].clone(),
        ];
        for wallet in views {
            assert_eq!(wallet.get("adminkey"), Some(&Value::Null), "{wallet}");
            assert_eq!(wallet["inkey"].as_str().unwrap().len(), 32);
        }
        // The admin key sees them.
        let seen = server.get(WALLETS, &server.manager.admin).expect(200);
        assert_eq!(seen[1]["adminkey"].as_str().unwrap().len(), 32);
        // What changes or deletes needs the admin key.
        let wallet = seen[0]["id"].as_str().unwrap();
        for (method, path) in [
            ("PUT", format!("{USERS}/{id}")),
            ("DELETE", format!("{USERS}/{id}")),
            ("PUT", format!("{WALLETS}/{wallet}/keys")),
            ("DELETE", format!("{WALLETS}/{wallet}")),
            ("POST", "/usermanager/api/v1/transfers".to_owned()),
        ] {
            let answer = server.send(method, &path, &[("X-Api-Key", &key)], "{}");
            answer.refused(403, "admin_key_required", "Admin key required");
        }
    }

    fn a_wrong_user_is_refused_and_leaves_nothing(server) {
        let key = server.manager.admin.clone();
        let bad = [
            (json!({}), "user_name"),
            (json!({"user_name": ""}), "user_name"),
            (json!({"user_name": "x".repeat(256)}), "user_name"),
            (json!({"user_name": "x", "wallet_name": " "}), "wallet_name"),
            (json!({"user_name": "x", "email": "nobody"}), "email"),
            (json!({"user_name": "x", "email": "a b@c"}), "email"),
            (json!({"user_name": "x", "extra": [1]}), "extra"),
            (json!({"user_name": "x", "password": "p".repeat(1025)}), "password"),
        ];
        for (order, field) in bad {
            server.post(USERS, &key, &order).refused(400, "invalid_request", field);
        }
        for admin in ["00000000000000000000000000000000", "me"] {
            let order = json!({"user_name": "x", "admin_id": admin});
            server.post(USERS, &key, &order).refused(403, "not_the_caller", "admin_id");
        }
        assert_eq!(server.get(USERS, &key).expect(200), json!([]));
    }

    fn an_email_is_unique_among_a_managers_users(server) {
        let key = server.manager.admin.clone();
        let order = |email: &str| json!({"user_name": "x", "email": email});
        let first = server.post(USERS, &key, &order("a@b.example")).expect(201);
        server.post(USERS, &key, &order("A@B.example")).refused(409, "email_taken", "email");
        let second = server.post(USERS, &key, &order("c@d.example")).expect(201);
        let path = format!("{USERS}/{}", second["id"].as_str().unwrap());
        server.put(&path, &key, &json!({"email": "a@b.example"})).refused(409, "email_taken", "email");
        let other = server.new_manager("other", 0);
        server.post(USERS, &other.admin, &order("a@b.example")).expect(201);
        // A deleted user's is free again.
        server.delete(&format!("{USERS}/{}", first["id"].as_str().unwrap()), &key).expect(200);
        server.put(&path, &key, &json!({"email": "a@b.example"})).expect(200);
    }

    fn a_user_is_changed(server) {
        let key = server.manager.admin.clone();
        let order = json!({"user_name": "a", "extra": {"a": 1, "b": {"c": 2}}});
        let user = server.post(USERS, &key, &order).expect(201);
        let path = format!("{USERS}/{}", user["id"].as_str().unwrap());
        let change = json!({"user_name": "b", "email": "b@c.example", "password": "p", "extra": {"b": 3, "d": null}});
        let changed = server.put(&path, &key, &change).expect(200);
        assert_eq!((&changed["name"], &changed["email"]), (&json!("b"), &json!("b@c.example")));
        assert_eq!(changed["extra"], json!({"a": 1, "b": 3, "d": null}));
        assert_eq!(changed["wallets"], user["wallets"]);
        // What is absent stays.
        assert_eq!(server.put(&path, &key, &json!({"user_name": null, "email": ""})).expect(200), changed);
        server.put(&path, &key, &json!({"email": "no"})).refused(400, "invalid_request", "email");
        // What is merged does not grow without end.
        for extra in [json!({"x": "y".repeat(9_000)}), json!({"x": "y".repeat(8_170)})] {
            server.put(&path, &key, &json!({ "extra": extra })).refused(400, "invalid_request", "extra");
        }
        assert_eq!(server.get(&path, &key).expect(200), changed);
    }

    fn users_are_listed_and_filtered(server) {
        let key = server.manager.admin.clone();
        for (name, email, extra) in [("a", "a@x.example", "red"), ("b", "b@x.example", "blue"), ("a", "c@x.example", "red")] {
            let order = json!({"user_name": name, "email": email, "extra": {"colour": extra}});
            server.post(USERS, &key, &order).expect(201);
        }
        let list = |query: &str| server.get(&format!("{USERS}{query}"), &key).expect(200);
        let all = list("");
        assert_eq!(names(&all), ["a", "b", "a"]);
        assert_eq!(names(&list("?name=a")), ["a", "a"]);
        assert_eq!(names(&list("?email=b@x.example")), ["b"]);
        assert_eq!(names(&list("?extra=red")), ["a", "a"]);
        assert_eq!(names(&list("?extra=r_d")), [""; 0]);
        assert_eq!(names(&list(&format!("?id={}", all[1]["id"].as_str().unwrap()))), ["b"]);
        assert_eq!(names(&list("?id=nobody")), [""; 0]);
        assert_eq!(names(&list("?limit=2")), ["a", "b"]);
        assert_eq!(names(&list("?limit=2&offset=1")), ["b", "a"]);
        assert_eq!(names(&list("?offset=2")), ["a"]);
        // Of several values any will do.
        assert_eq!(names(&list("?name=a&name[eq]=b")), ["a", "b", "a"]);
        assert_eq!(names(&list("?name[in]=b,c&email=a@x.example&email=b@x.example")), ["b"]);
        assert_eq!(names(&list(&format!("?id=nobody&id={}", all[1]["id"].as_str().unwrap()))), ["b"]);
        server.get(&format!("{USERS}?name[like]=a"), &key).refused(400, "invalid_request", "name[like]");
        server.get(&format!("{USERS}?id=nobody&limit=x"), &key).refused(400, "invalid_request", "limit");
    }

    fn users_are_found_by_the_pairs_of_their_data(server) {
        let key = server.manager.admin.clone();
        let data = [
            ("a", r#"{"aadObjectId": "abc", "level": 1, "vip": true, "n": null}"#),
            ("b", r#"{"aadObj\u0065ctId":"abc","level":1.0,"big":18446744073709551616}"#),
            ("c", r#"{"aadObjectId":"ABC","level":"1","big":18446744073709551617,"at":[1,{"x":"\u0000"}]}"#),
            ("d", r#"{"nested":{"aadObjectId":"abc"},"level":-0,"vip":"true"}"#),
            ("e", r#"{"level":1e300,"aadObjectId":"a%c"}"#),
        ];
        for (name, extra) in data {
            let body = format!(r#"{{"user_name": "{name}", "extra": {extra}}}"#);
            server.send("POST", USERS, &[("X-Api-Key", &key)], &body).expect(201);
        }
        server.post(USERS, &key, &json!({"user_name": "f"})).expect(201);
        let found = |extra: &str, more: &str| {
            let encoded = percent_encoding::utf8_percent_encode(extra, percent_encoding::NON_ALPHANUMERIC);
            let users = server.get(&format!("{USERS}?extra={encoded}{more}"), &key).expect(200);
            users.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect::<String>()
        };
        let cases = [
            (r#"{"aadObjectId":"abc"}"#, "ab"),
            (r#" { "aadObjectId" : "\u0061bc" } "#, "ab"),
            (r#"{"aadObjectId":"abc","vip":true}"#, "a"),
            (r#"{"level":1}"#, "ab"),
            (r#"{"level":10e-1}"#, "ab"),
            (r#"{"level":"1"}"#, "c"),
            (r#"{"level":0.0}"#, "d"),
            (r#"{"level":100E+298}"#, "e"),
            (r#"{"big":18446744073709551616}"#, "b"),
            (r#"{"n":null}"#, "a"),
            (r#"{"vip":"true"}"#, "d"),
            (r#"{"at":[1.0,{"x":"\u0000"}]}"#, "c"),
            (r#"{"nested":{"aadObjectId":"abc"}}"#, "d"),
            (r#"{"aadObjectId":"a%c"}"#, "e"),
            (r#"{"aadObjectId":"a_c"}"#, ""),
            (r#"{"absent":null}"#, ""),
            // No filter.
            ("null", "abcdef"),
            ("{}", "abcdef"),
            ("{ }", "abcdef"),
            // No object: a text to look for.
            (r#""vip""#, "ad"),
            (r#"{"level":1"#, "e"),
        ];
        for (extra, names) in cases {
            assert_eq!(found(extra, ""), names, "{extra}");
        }
        let level = r#"{"level":1}"#;
        assert_eq!(found(level, "&limit=1"), "a");
        assert_eq!(found(level, "&limit=1&offset=1"), "b");
        assert_eq!(found(level, "&offset=2"), "");
        assert_eq!(found(level, "&name=b"), "b");
        // Named twice, it means either, whatever the two are.
        assert_eq!(found(level, "&extra=%7B%22level%22:0%7D"), "abd");
        assert_eq!(found(level, "&extra=A%25C"), "abe");
        assert_eq!(found("a%c", "&extra=vip"), "ade");
        assert_eq!(found(level, "&extra=%7B%22level%22:0%7D&limit=1&offset=2"), "d");
        assert_eq!(found(level, "&extra=null"), "abcdef");
        server.get(&format!("{USERS}?{}", ["extra=x"; 11].join("&")), &key).refused(400, "invalid_request", "extra takes at most 10");
    }

    fn long_lists_are_whole(server) {
        // More than two pages of 500, made in the database, as a manager with a long history.
        let key = server.manager.admin.clone();
        let count = 1_203;
        let numbers = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        );
        let id = match server.store {
            crate::harness::StoreKind::Sqlite => "CAST(printf('%016d', i) AS BLOB)",
            crate::harness::StoreKind::Postgres => "convert_to(lpad(i::text, 16, '0'), 'UTF8')",
        };
        let manager = server.store.bytes(&server.manager.user);
        server.database.execute(&format!(
            "INSERT INTO users (id, manager_id, root_id, name, created_at_ms, updated_at_ms) {numbers}
             SELECT {id}, {manager}, {manager}, 'user ' || i, i / 7, 0 FROM n"
        )).unwrap();
        let users = server.get(USERS, &key).expect(200);
        let users = users.as_array().unwrap();
        assert_eq!(users.len(), count);
        let mut seen: Vec<_> = users.iter().map(|user| user["name"].as_str().unwrap()).collect();
        assert_eq!((seen[0], seen[count - 1]), ("user 1", "user 1203"));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(server.get(&format!("{USERS}?limit=1000&offset=400"), &key).expect(200).as_array().unwrap().len(), 803);
        // Pairs are looked for page by page.
        server.database.execute("UPDATE users SET extra = '{\"odd\": true}' WHERE name LIKE 'user %1'").unwrap();
        let odd = |more: &str| server.get(&format!("{USERS}?extra=%7B%22odd%22:true%7D{more}"), &key).expect(200);
        let of = |users: &serde_json::Value| users.as_array().unwrap().iter().map(|user| user["name"].clone()).collect::<Vec<_>>();
        let all = of(&odd(""));
        assert_eq!((all.len(), &all[0], &all[120]), (121, &json!("user 1"), &json!("user 1201")));
        assert_eq!(of(&odd("&offset=100&limit=5")), all[100..105]);
        assert_eq!(of(&odd("&offset=45&limit=10")), all[45..55]);

        let wallet = server.wallet("busy", 0);
        let legs: Vec<_> = (0..1_000)
            .map(|_| json!({"from_wallet": server.manager.id, "to_wallet": wallet.id, "amount": 1}))
            .collect();
        server.post("/usermanager/api/v1/transfers", &key, &json!(legs)).expect(201);
        server.post("/usermanager/api/v1/transfers", &key, &json!(legs[..100])).expect(201);
        let path = format!("/usermanager/api/v1/transactions/{}", wallet.id);
        let transactions = server.get(&path, &key).expect(200);
        let mut hashes: Vec<_> =
            transactions.as_array().unwrap().iter().map(|t| t["payment_hash"].as_str().unwrap().to_owned()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 1_100);
        let part = |query: &str| server.get(&format!("{path}?{query}"), &key).expect(200);
        assert_eq!(part("limit=3&offset=600"), json!(transactions.as_array().unwrap()[600..603]));
        assert_eq!(part("offset=600"), json!(transactions.as_array().unwrap()[600..]));
        assert_eq!(part("limit=5000").as_array().unwrap().len(), 1_000);
        server.audit();
    }

    fn a_user_can_have_more_wallets(server) {
        let key = server.manager.admin.clone();
        let wallet = server.wallet("first", 0);
        let order = json!({"user_id": wallet.user, "wallet_name": "second", "admin_id": server.manager.user});
        let second = server.post(WALLETS, &key, &order).expect(201);
        assert_eq!((&second["name"], &second["user"]), (&json!("second"), &json!(wallet.user)));
        server.get("/api/v1/wallet", &Wallet::from_json(&second).admin).expect(200);
        assert_eq!(names(&server.get(&format!("{WALLETS}/{}", wallet.user), &key).expect(200)), ["first", "second"]);
        server.post(WALLETS, &key, &json!({"user_id": wallet.user})).refused(400, "invalid_request", "wallet_name");
        server.post(WALLETS, &key, &json!({"wallet_name": "x"})).refused(400, "invalid_request", "user_id");
        for user in ["00000000000000000000000000000000", "x"] {
            let order = json!({"user_id": user, "wallet_name": "x"});
            server.post(WALLETS, &key, &order).refused(404, "user_not_found", "User does not exist");
        }
        let order = json!({"user_id": wallet.user, "wallet_name": "x", "admin_id": wallet.user});
        server.post(WALLETS, &key, &order).refused(403, "not_the_caller", "admin_id");
    }

    fn keys_are_rotated(server) {
        let key = server.manager.admin.clone();
        let wallet = server.wallet("rotated", 10);
        let path = format!("{WALLETS}/{}/keys", wallet.id);
        let renewed = server.put(&path, &key, &json!({})).expect(200);
        assert_eq!((&renewed["id"], &renewed["balance_msat"]), (&json!(wallet.id), &json!(10_000)));
        let renewed = Wallet::from_json(&renewed);
        for old in [&wallet.admin, &wallet.invoice] {
            server.get("/api/v1/wallet", old).refused(401, "bad_auth", "Bad auth");
            server.post("/api/v1/payments", old, &json!({"amount": 1})).refused(401, "bad_auth", "Bad auth");
        }
        assert_eq!(server.balance(&renewed), 10);
        server.pay(&renewed, &server.invoice(&server.manager, 1)).expect(201);
        assert_eq!(Wallet::from_json(&server.get(WALLETS, &key).expect(200)[0]).admin, renewed.admin);
    }

    fn the_transactions_of_a_wallet_are_listed(server) {
        let wallet = server.wallet("watched", 30);
        server.invoice(&wallet, 5);
        let path = format!("/usermanager/api/v1/transactions/{}", wallet.id);
        for key in [&server.manager.admin, &server.manager.invoice] {
            let list = server.get(&path, key).expect(200);
            let amounts: Vec<_> = list.as_array().unwrap().iter().map(|t| t["amount_sat"].as_i64().unwrap()).collect();
            assert_eq!(amounts, [5, 30]);
            assert_eq!(list, server.get("/api/v1/payments", &wallet.invoice).expect(200));
        }
        let path = "/usermanager/api/v1/transactions/00000000000000000000000000000000";
        server.get(path, &server.manager.admin).refused(404, "wallet_not_found", "Wallet does not exist");
    }

    fn an_extension_can_be_enabled_by_old_scripts(server) {
        let key = server.manager.admin.clone();
        let user = server.wallet("x", 0).user;
        let path = |user: &str| format!("/usermanager/api/v1/extensions?extension=usermanager&userid={user}&active=1");
        for user in [&user, &server.manager.user] {
            assert_eq!(server.post(&path(user), &key, &json!({})).expect(200), json!({"extension": "updated"}));
        }
        let updated = json!({"extension": "updated"});
        let wallet = server.wallet("y", 0);
        let invoice_key = server.manager.invoice.clone();
        // Either key, of the user itself or of its manager; in the query or in the body.
        for (key, user) in [
            (&invoice_key, &user), (&invoice_key, &server.manager.user), (&key, &wallet.user),
            (&wallet.invoice, &wallet.user), (&wallet.admin, &wallet.user),
        ] {
            assert_eq!(server.post(&path(user), key, &json!({})).expect(200), updated);
            let order = json!({"extension": "usermanager", "userid": user, "active": "true"});
            assert_eq!(server.post("/usermanager/api/v1/extensions", key, &order).expect(200), updated);
            assert_eq!(server.send("POST", &path(user), &[("X-Api-Key", key)], "").expect(200), updated);
        }
        let other = server.new_manager("other", 0);
        for (key, user) in [
            (&key, "00000000000000000000000000000000"), (&key, "x"), (&key, &other.user), (&other.admin, &user),
            (&wallet.invoice, &user), (&wallet.admin, &server.manager.user),
        ] {
            server.post(&path(user), key, &json!({})).refused(404, "user_not_found", "User does not exist");
            let answer = server.post("/usermanager/api/v1/extensions", key, &json!({"userid": user}));
            answer.refused(404, "user_not_found", "User does not exist");
        }
        server.send("POST", &path(&user), &[], "").refused(401, "no_api_key", "");
        let odd = format!("{}&active=maybe", path(&user));
        server.post(&odd, &key, &json!({})).refused(400, "invalid_request", "active");
        let answer = server.send("POST", "/usermanager/api/v1/extensions", &[("X-Api-Key", &key)], "{bad");
        answer.refused(400, "invalid_json", "");
    }
}
