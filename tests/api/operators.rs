//! Operators: managers and their money.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Server, StoreKind, Wallet, both_stores, satkeep};

const NONE: Value = Value::Null;

/// Runs `satkeep operator` with a password on its standard input; answers what it complains of.
fn operator_with(server: &Server, command: &str, username: &str, password: &str) -> Result<(), String> {
    let mut child = satkeep(&server.database)
        .args(["operator", command, "--username", username, "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8(output.stderr).unwrap()) }
}
const USER: &str = "/users/api/v1/user";

both_stores! {
    fn a_manager_has_no_more_wallets_than_any_user(server) {
        let operator = server.operator("root");
        let path = format!("{USER}/{}/wallet", server.manager.user);
        server.as_session("POST", &path, &operator, &json!({"name": "second"})).expect(200);
        let id = match server.store {
            StoreKind::Sqlite => "CAST(printf('%016d', i) AS BLOB)",
            StoreKind::Postgres => "convert_to(lpad(i::text, 16, '0'), 'UTF8')",
        };
        let fill = |table: &str, columns: &str, values: &str| {
            server.database.execute(&format!(
                "INSERT INTO {table} ({columns})
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) SELECT {values} FROM n"
            )).unwrap();
        };
        fill("accounts", "id, kind", &format!("{id}, 'wallet'"));
        let manager = server.store.bytes(&server.manager.user);
        fill("wallets", "id, user_id, name, created_at_ms, updated_at_ms", &format!("{id}, {manager}, 'more', 1, 1"));
        let refused = server.as_session("POST", &path, &operator, &json!({"name": "one more"}));
        refused.refused(409, "too_many_wallets", "1000");
        let seen = server.as_session("GET", &format!("{USER}/{}", server.manager.user), &operator, &NONE).expect(200);
        assert_eq!((&seen["wallet_count"], &seen["balance_msat"]), (&json!(1000), &json!(1_000_000_000)));
        let wallets = server.as_session("GET", &path, &operator, &NONE).expect(200);
        assert_eq!(wallets.as_array().unwrap().len(), 1000);
    }

    fn managers_are_created_listed_changed_and_deleted(server) {
        let operator = server.operator("root");
        let order = json!({"username": "Game", "password": "correct horse", "email": "a@example.org", "extra": {"plan": 1}});
        let made = server.as_session("POST", USER, &operator, &order).expect(200);
        let wallet = Wallet::from_json(&made["wallets"][0]);
        assert_eq!((&made["name"], &made["admin"], server.balance(&wallet)), (&json!("game"), &NONE, 0));
        let player = server.wallet_of(&wallet.admin, "player");

        let page = server.as_session("GET", USER, &operator, &NONE).expect(200);
        assert_eq!((&page["total"], page["data"].as_array().unwrap().len()), (&json!(2), 2));
        let found = server.as_session("GET", &format!("{USER}?search=GAM&limit=1"), &operator, &NONE).expect(200);
        assert_eq!((&found["total"], &found["data"][0]["id"]), (&json!(1), &made["id"]));
        let by_email = server.as_session("GET", &format!("{USER}?search=example.org"), &operator, &NONE).expect(200);
        assert_eq!(by_email["total"], 1);
        let none = server.as_session("GET", &format!("{USER}?search=100%25"), &operator, &NONE).expect(200);
        assert_eq!(none, json!({"data": [], "total": 0}));

        let path = format!("{USER}/{}", wallet.user);
        let seen = server.as_session("GET", &path, &operator, &NONE).expect(200);
        assert_eq!((&seen["username"], &seen["wallet_count"], &seen["extra"]), (&json!("game"), &json!(1), &json!({"plan": 1})));
        let changed = server.as_session("PUT", &path, &operator, &json!({"name": "Big game", "extra": {"vip": true}})).expect(200);
        assert_eq!((&changed["name"], &changed["username"]), (&json!("Big game"), &json!("game")));
        assert_eq!(changed["extra"], json!({"plan": 1, "vip": true}));
        server.as_session("POST", USER, &operator, &json!({"username": "gAME"})).refused(409, "username_taken", "taken");
        server.as_session("POST", USER, &operator, &json!({})).refused(400, "invalid_request", "name");
        server.as_session("PUT", &path, &operator, &json!({"username": "a b"})).refused(400, "invalid_request", "username");

        // No keys, once the manager is made.
        for path in [path.clone(), format!("{path}/wallet"), USER.to_owned()] {
            let text = server.as_session("GET", &path, &operator, &NONE).text;
            assert!(!text.contains(&wallet.admin) && !text.contains(&wallet.invoice), "{text}");
        }
        server.as_session("DELETE", &path, &operator, &NONE).refused(409, "user_has_users", "");
        server.delete(&format!("/usermanager/api/v1/users/{}", player.user), &wallet.admin).expect(200);
        server.cli(&["credit", "--wallet", &wallet.id, "--amount-sat", "5"]).unwrap();
        server.as_session("DELETE", &path, &operator, &NONE).refused(409, "wallet_holds_money", "");
        let empty = json!({"id": wallet.id, "amount": -5});
        server.as_session("PUT", "/users/api/v1/balance", &operator, &empty).expect(200);
        assert_eq!(server.as_session("DELETE", &path, &operator, &NONE).expect(200), NONE);
        server.get("/api/v1/wallet", &wallet.admin).refused(401, "bad_auth", "");
        server.as_session("GET", &path, &operator, &NONE).refused(404, "user_not_found", "");
        // A manager's user and an operator are no managers.
        let users_user = server.wallet("x", 0).user;
        let me = server.as_session("GET", "/api/v1/auth", &operator, &NONE).expect(200)["id"].as_str().unwrap().to_owned();
        for id in [users_user, me, "0".repeat(32), "x".to_owned()] {
            for (method, rest) in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/wallet"), ("POST", "/wallet"), ("PUT", "/keys")] {
                let body = if method == "GET" { NONE } else { json!({"name": "n"}) };
                server.as_session(method, &format!("{USER}/{id}{rest}"), &operator, &body).refused(404, "user_not_found", "");
            }
        }
        server.audit();
    }

    fn managers_are_found_by_every_filter_that_users_are(server) {
        let operator = server.operator("root");
        let make = |name: &str| {
            let order = json!({"username": name, "password": "correct horse", "email": format!("{name}@example.org")});
            Wallet::from_json(&server.as_session("POST", USER, &operator, &order).expect(200)["wallets"][0])
        };
        let [chess, poker] = ["chess", "poker"].map(make);
        let player = server.wallet_of(&chess.admin, "player");
        let found = |query: &str| {
            let page = server.as_session("GET", &format!("{USER}?{query}"), &operator, &NONE).expect(200);
            let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
            assert_eq!(page["total"], ids.len(), "{query}");
            ids
        };
        for query in [
            format!("id={}", chess.user), "username=chess".to_owned(), "username=CHESS".to_owned(),
            "email=chess@example.org".to_owned(), format!("wallet_id={}", chess.id), "search=ches".to_owned(),
            format!("search={}", chess.user), "username=chess&email=chess@example.org".to_owned(),
        ] {
            assert_eq!(found(&query), std::slice::from_ref(&chess.user), "{query}");
        }
        assert_eq!(found("username=chess&username=poker"), [chess.user.clone(), poker.user.clone()]);
        assert_eq!(found("search=example.org&sortby=username&direction=desc"), [poker.user.clone(), chess.user.clone()]);
        for query in [
            "external_id=x".to_owned(), "id=x".to_owned(), format!("id={}", player.user), "username=nobody".to_owned(),
            format!("wallet_id={}", player.id), "email=x".to_owned(), "search=player".to_owned(),
            "username=chess&email=poker@example.org".to_owned(), "search=root".to_owned(),
        ] {
            assert_eq!(found(&query), Vec::<String>::new(), "{query}");
        }
        server.as_session("GET", &format!("{USER}?sortby=x"), &operator, &NONE).refused(400, "invalid_request", "sortby");
    }

    fn balances_are_changed_against_issuance(server) {
        let operator = server.operator("root");
        let player = server.wallet("player", 10);
        let change = |amount: Value, key: &str| {
            let authorization = format!("Bearer {operator}");
            let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", key)];
            server.send("PUT", "/users/api/v1/balance", &headers, &json!({"id": player.id, "amount": amount}).to_string())
        };
        assert_eq!(change(json!(90), "1").expect(200), json!({"success": true, "message": "Balance updated."}));
        assert_eq!(change(json!(90), "1").header("idempotent-replayed"), Some("true"));
        change(json!(91), "1").refused(409, "idempotency_conflict", "");
        assert_eq!(server.balance(&player), 100);
        change(json!("-30"), "2").expect(200);
        change(json!(-71), "3").refused(400, "insufficient_balance", "Insufficient balance");
        for bad in [json!(0), json!(0.5), json!(i64::MIN), json!(i64::MAX), NONE] {
            change(bad, "4").refused(400, "invalid_request", "amount");
        }
        assert_eq!(server.balance(&player), 70);
        let payments = server.get("/api/v1/payments?limit=2", &player.invoice).expect(200);
        assert_eq!((&payments[0]["amount_sat"], &payments[0]["memo"]), (&json!(-30), &json!("Debit")));
        assert_eq!((&payments[1]["amount_sat"], &payments[1]["memo"]), (&json!(90), &json!("Credit")));
        let nobody = json!({"id": "0".repeat(32), "amount": 1});
        server.as_session("PUT", "/users/api/v1/balance", &operator, &nobody).refused(404, "wallet_not_found", "");
        let audit = server.as_session("GET", "/users/api/v1/audit", &operator, &NONE).expect(200);
        assert_eq!((&audit["holds"], audit["invariants"].as_array().unwrap().len()), (&json!(true), 7));
    }

    fn wallets_are_created_frozen_and_given_new_keys(server) {
        let operator = server.operator("root");
        let user = format!("{USER}/{}", server.manager.user);
        let second = server.as_session("POST", &format!("{user}/wallet"), &operator, &NONE).expect(200);
        assert_eq!(second["name"], "manager");
        let second = Wallet::from_json(&second);
        let wallets = server.as_session("GET", &format!("{user}/wallet"), &operator, &NONE).expect(200);
        assert_eq!(wallets.as_array().unwrap().len(), 2);
        assert_eq!(wallets[1]["id"], second.id);

        let freeze = format!("/users/api/v1/wallet/{}/freeze", second.id);
        let frozen = server.as_session("PUT", &freeze, &operator, &json!({"scope": "everything"})).expect(200);
        assert_eq!((&frozen["frozen_by_operator"], &frozen["frozen_by_manager"]), (&json!("everything"), &NONE));
        server.get("/api/v1/wallet", &second.admin).refused(403, "key_frozen", "");
        // An operator moves money all the same.
        server.as_session("PUT", "/users/api/v1/balance", &operator, &json!({"id": second.id, "amount": 7})).expect(200);
        let thawed = server.as_session("DELETE", &freeze, &operator, &NONE).expect(200);
        assert_eq!((&thawed["frozen_by_operator"], &thawed["balance_msat"]), (&NONE, &json!(7_000)));
        server.get("/api/v1/wallet", &second.admin).expect(200);
        server.as_session("PUT", &freeze, &operator, &json!({})).refused(400, "invalid_request", "scope");

        let rotated = server.as_session("PUT", &format!("{user}/keys"), &operator, &NONE).expect(200);
        assert_eq!(rotated, json!({"wallets": 2}));
        for wallet in [&server.manager, &second] {
            for key in [&wallet.admin, &wallet.invoice] {
                server.get("/api/v1/wallet", key).refused(401, "bad_auth", "");
            }
        }
        // The manager has no password yet; with one it sees its new keys.
        server.as_session("PUT", &user, &operator, &json!({"username": "boss", "password": "long enough"})).expect(200);
        let token = server.log_in("boss", "long enough").expect(200)["access_token"].as_str().unwrap().to_owned();
        let me = server.as_session("GET", "/api/v1/auth", &token, &NONE).expect(200);
        server.get("/api/v1/wallet", me["wallets"][1]["inkey"].as_str().unwrap()).expect(200);
    }

    fn passwords_that_are_easily_guessed_are_not_set(server) {
        let operator = server.operator("root");
        let words = "password must be at least 8 characters long";
        let made = server.as_session("POST", USER, &operator, &json!({"username": "game"})).expect(200);
        let path = format!("{USER}/{}", made["id"].as_str().unwrap());
        for short in ["p", "1234567", "äöüß🎮é1"] {
            let order = json!({"username": "other", "password": short});
            server.as_session("POST", USER, &operator, &order).refused(400, "invalid_request", words);
            let refused = server.as_session("PUT", &path, &operator, &json!({ "password": short }));
            refused.refused(400, "invalid_request", words);
            assert_eq!(refused.json()["errors"][0]["field"], "password");
            server.log_in("game", short).refused(401, "invalid_credentials", "");
            // What a game asks of its players is for the game to say.
            let player = json!({"user_name": "player", "password": short});
            let player = server.post("/usermanager/api/v1/users", &server.manager.admin, &player).expect(201);
            let verify = format!("/usermanager/api/v1/users/{}/verify", player["id"].as_str().unwrap());
            server.post(&verify, &server.manager.admin, &json!({ "password": short })).expect(200);
        }
        server.as_session("PUT", &path, &operator, &json!({"password": "12345678"})).expect(200);
        server.log_in("game", "12345678").expect(200);
        server.as_session("PUT", &path, &operator, &json!({"password": "äöüß🎮é12"})).expect(200);
        server.log_in("game", "äöüß🎮é12").expect(200);
        // At the command line as well.
        for (command, short) in [("create", "1234567\n"), ("set-password", "p"), ("set-password", "\n"), ("create", "")] {
            let username = if command == "create" { "second" } else { "root" };
            let error = operator_with(server, command, username, short).unwrap_err();
            assert!(error.contains("8 characters") || error.contains("must not be empty"), "{error}");
        }
        server.as_session("GET", "/api/v1/auth", &operator, &NONE).expect(200);
        operator_with(server, "set-password", "root", "12345678\n").unwrap();
        server.log_in("root", "12345678").expect(200);
        operator_with(server, "create", "second", "long enough").unwrap();
        server.log_in("second", "long enough").expect(200);
    }

    fn a_manager_gives_all_of_its_wallets_new_keys(server) {
        let wallets: Vec<_> = (0..3).map(|index| server.wallet(&format!("user {index}"), 1)).collect();
        let stranger = server.new_manager("stranger", 0);
        server.put("/usermanager/api/v1/rotate-all-keys", &server.manager.invoice, &NONE).refused(403, "admin_key_required", "");
        let renewed = server.put("/usermanager/api/v1/rotate-all-keys", &server.manager.admin, &NONE).expect(200);
        let renewed: Vec<_> = renewed.as_array().unwrap().iter().map(Wallet::from_json).collect();
        assert_eq!(renewed.len(), 4);
        assert_eq!(renewed[0].id, server.manager.id, "the calling wallet comes first");
        for old in wallets.iter().chain([&server.manager]) {
            server.get("/api/v1/wallet", &old.admin).refused(401, "bad_auth", "");
            let new = renewed.iter().find(|wallet| wallet.id == old.id).unwrap();
            server.get("/api/v1/wallet", &new.admin).expect(200);
            server.get("/api/v1/wallet", &new.invoice).expect(200);
        }
        server.get("/api/v1/wallet", &stranger.admin).expect(200);
        // Without users, it is the calling wallet alone.
        let alone = server.put("/usermanager/api/v1/rotate-all-keys", &stranger.admin, &NONE).expect(200);
        assert_eq!((alone.as_array().unwrap().len(), &alone[0]["id"]), (1, &json!(stranger.id)));
    }

    fn many_wallets_are_given_new_keys_page_by_page(server) {
        let made = crate::harness::at_once(8, |_| (0..30).map(|_| server.wallet_of(&server.manager.admin, "u").id).collect::<Vec<_>>());
        let renewed = server.put("/usermanager/api/v1/rotate-all-keys", &server.manager.admin, &NONE).expect(200);
        let renewed: Vec<_> = renewed.as_array().unwrap().iter().map(Wallet::from_json).collect();
        let ids: std::collections::HashSet<_> = renewed.iter().map(|wallet| &wallet.id).collect();
        assert_eq!(ids.len(), 241);
        assert!(made.iter().flatten().all(|id| ids.contains(id)));
        server.get("/api/v1/wallet", &server.manager.admin).refused(401, "bad_auth", "");
        let list = server.get("/usermanager/api/v1/wallets", &renewed[0].admin).expect(200);
        assert_eq!(list.as_array().unwrap().len(), 240);
    }

    fn one_wallet_is_no_way_to_another_one_of_the_same_user(server) {
        let first = server.wallet("user", 0);
        let order = json!({"user_id": first.user, "wallet_name": "second"});
        let second = server.post("/usermanager/api/v1/wallets", &server.manager.admin, &order).expect(201);
        let second = Wallet::from_json(&second);
        let path = format!("/usermanager/api/v1/users/{}", first.user);
        server.put(&path, &server.manager.admin, &json!({"may_create_users": true})).expect(200);
        let renewed = server.put("/usermanager/api/v1/rotate-all-keys", &first.admin, &NONE).expect(200);
        assert_eq!((renewed.as_array().unwrap().len(), &renewed[0]["id"]), (1, &json!(first.id)));
        server.get("/api/v1/wallet", &second.admin).expect(200);
    }
}
