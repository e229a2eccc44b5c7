//! The users API: managers see their own users, operators see managers.

use serde_json::{Value, json};

use crate::harness::{Server, Wallet, at_once, both_stores};

const NONE: Value = Value::Null;
const USER: &str = "/users/api/v1/user";

/// A token of a manager's.
pub(crate) fn token(server: &Server, manager: &Wallet, scopes: &[&str]) -> String {
    let mut arguments = vec!["manager", "token", "create", "--user", &manager.user, "--name", "game"];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    server.cli(&arguments).unwrap()["token"].as_str().unwrap().to_owned()
}

/// Calls as a program that was written for LNbits does: with a cookie.
fn by_cookie(server: &Server, method: &str, path: &str, token: &str, body: &Value) -> crate::harness::Answer {
    let cookie = format!("is_lnbits_user_authorized=true; cookie_access_token={token}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.send(method, path, &[("Cookie", &cookie), ("Content-Type", "application/json")], &body)
}

/// The ids of a list.
fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect()
}

both_stores! {
    fn a_game_finds_its_players_by_its_own_ids(server) {
        let token = token(server, &server.manager, &["users", "payments"]);
        let call = |method: &str, path: &str, body: Value| by_cookie(server, method, path, &token, &body);
        // As a plugin of a Minecraft server does it.
        let uuid = "069a79f4-44e9-4726-a5be-fca90e38aaf5";
        let by_uuid = format!("{USER}?external_id={uuid}");
        assert_eq!(call("GET", &by_uuid, NONE).expect(200), json!({"data": [], "total": 0}));
        let player = json!({
            "username": "Steve", "password": "correct horse", "password_repeat": "correct horse", "external_id": uuid,
            "extensions": ["lnurlp"], "email": null, "pubkey": null, "extra": {"level": 1},
        });
        let made = call("POST", USER, player.clone()).expect(201);
        assert_eq!((&made["username"], &made["name"], &made["external_id"]), (&json!("steve"), &json!("Steve"), &json!(uuid)));
        assert_eq!((&made["activated"], &made["pubkey"], &made["wallet_count"]), (&json!(true), &NONE, &json!(1)));
        let found = call("GET", &by_uuid, NONE).expect(200);
        assert_eq!((&found["total"], &found["data"][0]), (&json!(1), &made));
        let path = format!("{USER}/{}", made["id"].as_str().unwrap());
        assert_eq!(call("GET", &path, NONE).expect(200), made);
        let wallet = call("POST", &format!("{path}/wallet"), json!({"name": "Steve's purse", "currency": null})).expect(201);
        let wallets = call("GET", &format!("{path}/wallet"), NONE).expect(200);
        assert_eq!((wallets.as_array().unwrap().len(), &wallets[1]), (2, &wallet));
        let purse = Wallet::from_json(&wallet);
        server.pay(&server.manager, &server.invoice(&purse, 21)).expect(201);
        server.pay(&purse, &server.invoice(&server.manager, 1)).expect(201);
        let seen = call("GET", &path, NONE).expect(200);
        assert_eq!((&seen["balance_msat"], &seen["transaction_count"], &seen["wallet_count"]), (&json!(20_000), &json!(2), &json!(2)));
        assert!(seen["last_payment"].as_str().unwrap().ends_with('Z'));
        // Once more under the same names, and they are taken.
        call("POST", USER, player).refused(409, "username_taken", "");
        call("POST", USER, json!({ "external_id": uuid })).refused(409, "external_id_exists", "");
        server.audit();
    }

    fn names_and_ids_are_unique_within_a_tenant_only(server) {
        let operator = server.operator("root");
        let stranger = server.new_manager("stranger", 0);
        let tokens = [token(server, &server.manager, &[]), token(server, &stranger, &[])];
        let order = json!({"username": "root", "password": "x", "external_id": "1", "email": "a@example.org"});
        let made: Vec<_> = tokens.iter().map(|token| server.as_session("POST", USER, token, &order).expect(201)).collect();
        assert_ne!(made[0]["id"], made[1]["id"]);
        for (field, value, code) in [
            ("username", "ROOT", "username_taken"), ("external_id", "1", "external_id_exists"), ("email", "A@example.org", "email_taken"),
        ] {
            server.as_session("POST", USER, &tokens[0], &json!({"name": "x", (field): value})).refused(409, code, "");
            let other = server.as_session("POST", USER, &tokens[0], &json!({ "name": "x" })).expect(201);
            let path = format!("{USER}/{}", other["id"].as_str().unwrap());
            server.as_session("PUT", &path, &tokens[0], &json!({ (field): value })).refused(409, code, "");
            // One's own is no other's.
            let own = format!("{USER}/{}", made[0]["id"].as_str().unwrap());
            server.as_session("PUT", &own, &tokens[0], &json!({ (field): value, "name": "y" })).expect(200);
            server.as_session("DELETE", &path, &tokens[0], &NONE).expect(200);
        }
        // It is no login, and in no manager's or operator's way.
        server.log_in("root", "x").refused(401, "invalid_credentials", "");
        server.as_session("POST", USER, &operator, &json!({"username": "player", "password": "long enough"})).expect(200);
        let player = json!({"username": "player", "password": "long enough"});
        server.as_session("POST", USER, &tokens[0], &player).expect(201);
        let token = server.log_in("player", "long enough").expect(200)["access_token"].as_str().unwrap().to_owned();
        let me = server.as_session("GET", "/api/v1/auth", &token, &NONE).expect(200);
        assert_eq!(me["username"], "player");
        assert_eq!(server.as_session("GET", USER, &token, &NONE).expect(200)["total"], 0);
        // What a deleted user was called is free again, and of many at once one gets it.
        let own = format!("{USER}/{}", made[0]["id"].as_str().unwrap());
        server.as_session("DELETE", &own, &tokens[0], &NONE).expect(200);
        let answers = at_once(6, |_| server.as_session("POST", USER, &tokens[0], &json!({ "external_id": "1" })));
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "external_id_exists", "");
        }
        // The user manager knows the same ids.
        let manager = "/usermanager/api/v1/users";
        let admin = &server.manager.admin;
        server.post(manager, admin, &json!({"user_name": "x", "external_id": "1"})).refused(409, "external_id_exists", "");
        let other = server.post(manager, admin, &json!({"user_name": "x", "external_id": 2})).expect(201);
        assert_eq!((&other["external_id"], &other["activated"]), (&json!("2"), &json!(true)));
        let path = format!("{manager}/{}", other["id"].as_str().unwrap());
        server.put(&path, admin, &json!({"external_id": "1"})).refused(409, "external_id_exists", "");
        assert_eq!(server.put(&path, admin, &json!({"external_id": "zwei"})).expect(200)["external_id"], "zwei");
        let list = server.get(&format!("{manager}?external_id[in]=1,zwei,3"), admin).expect(200);
        assert_eq!(list.as_array().unwrap().len(), 2);
        for bad in ["a b", "a\n", "a\u{7f}", "\u{2003}", &"x".repeat(257)] {
            server.post(manager, admin, &json!({"user_name": "x", "external_id": bad})).refused(400, "invalid_request", "external_id");
            server.as_session("POST", USER, &tokens[0], &json!({ "external_id": bad })).refused(400, "invalid_request", "external_id");
        }
        server.as_session("POST", USER, &tokens[0], &json!({ "external_id": "ß🎮".repeat(128) })).expect(201);
    }

    fn users_are_listed_in_any_order(server) {
        let token = token(server, &server.manager, &["read"]);
        let (low, high) = (server.wallet("low", 5), server.wallet("high", 50));
        let none = server.wallet_of(&server.manager.admin, "none");
        let all = self::token(server, &server.manager, &["users"]);
        let change = |user: &Wallet, body: Value| server.as_session("PUT", &format!("{USER}/{}", user.user), &all, &body).expect(200);
        change(&low, json!({"username": "zoe", "email": "zoe@example.org", "external_id": "3"}));
        change(&high, json!({"username": "Adam", "external_id": "1"}));
        let list = |query: &str| server.as_session("GET", &format!("{USER}?{query}"), &token, &NONE).expect(200);
        let (low, high, none) = (low.user.as_str(), high.user.as_str(), none.user.as_str());
        for (query, expected) in [
            ("", vec![low, high, none]),
            ("direction=desc", vec![none, high, low]),
            ("sortby=username", vec![high, low, none]),
            ("sortby=username&direction=desc", vec![low, high, none]),
            ("sortby=external_id", vec![high, low, none]),
            ("sortby=email", vec![low, high, none]),
            ("sortby=balance_msat&direction=desc", vec![high, low, none]),
            ("sortby=balance_msat", vec![none, low, high]),
            ("sortby=last_payment&direction=desc", vec![high, low, none]),
            ("sortby=transaction_count", vec![none, low, high]),
            ("sortby=wallet_count", vec![low, high, none]),
            ("sortby=name&limit=1&offset=1", vec![low]),
            ("username=ADAM", vec![high]),
            ("username[in]=adam,zoe&direction=desc", vec![high, low]),
            ("email=zoe@example.org", vec![low]),
            ("search=EXAMPLE.org", vec![low]),
            ("search=Lo", vec![low]),
            ("external_id=1&username=zoe", vec![]),
            ("external_id=", vec![low, high, none]),
            ("id=x", vec![]),
            ("wallet_id=x", vec![]),
            ("nothing=known", vec![low, high, none]),
        ] {
            let found = list(query);
            assert_eq!(ids(&found), expected, "{query}");
            if !query.contains("limit") {
                assert_eq!(found["total"], expected.len(), "{query}");
            }
        }
        assert_eq!(list("limit=1&offset=1")["total"], 3);
        let wallets = server.as_session("GET", &format!("{USER}/{high}/wallet"), &token, &NONE).expect(200);
        let wallet = wallets[0]["id"].as_str().unwrap();
        assert_eq!(ids(&list(&format!("wallet_id={wallet}"))), [high]);
        assert_eq!(ids(&list(&format!("id={low}&id={high}"))), [low, high]);
        assert_eq!(ids(&list(&format!("search={none}"))), [none]);
        // A token that reads is shown no key, and one for users none that spends.
        assert_eq!((&wallets[0]["adminkey"], &wallets[0]["inkey"]), (&NONE, &NONE));
        let wallets = server.as_session("GET", &format!("{USER}/{high}/wallet"), &all, &NONE).expect(200);
        assert!(wallets[0]["adminkey"].is_null() && wallets[0]["inkey"].is_string());
        for bad in ["sortby=password", "direction=up", "limit=-1", "offset=x", "username[gt]=a", &format!("search={}", "x".repeat(129))] {
            server.as_session("GET", &format!("{USER}?{bad}"), &token, &NONE).refused(400, "invalid_request", "");
        }
    }

    fn a_deactivated_user_is_frozen_with_all_wallets(server) {
        let token = token(server, &server.manager, &[]);
        let first = server.wallet("player", 10);
        let path = format!("{USER}/{}", first.user);
        let call = |method: &str, rest: &str, body: Value| server.as_session(method, &format!("{path}{rest}"), &token, &body);
        let second = Wallet::from_json(&call("POST", "/wallet", json!({"name": "second"})).expect(201));
        let freeze = format!("/usermanager/api/v1/wallets/{}/freeze", second.id);
        server.put(&freeze, &server.manager.admin, &json!({"scope": "spending"})).expect(200);
        let open = server.invoice(&first, 3);
        assert_eq!(call("PUT", "/activate", NONE).expect(200)["activated"], false);
        let third = Wallet::from_json(&call("POST", "/wallet", json!({"name": "third"})).expect(201));
        let replica = server.replica();
        for wallet in [&first, &second, &third] {
            for server in [&*server, &replica] {
                server.get("/api/v1/wallet", &wallet.invoice).refused(403, "key_frozen", "");
                server.get("/api/v1/wallet", &wallet.admin).refused(403, "key_frozen", "");
                server.pay(wallet, &open).refused(403, "key_frozen", "");
            }
        }
        server.pay(&server.manager, &open).refused(400, "receiver_frozen", "");
        let transfer = json!({"from_wallet": first.id, "to_wallet": server.manager.id, "amount": 1});
        server.post("/usermanager/api/v1/transfers", &server.manager.admin, &transfer).refused(400, "wallet_frozen", "");
        let seen = call("GET", "/wallet", NONE).expect(200);
        assert!(seen.as_array().unwrap().iter().all(|wallet| wallet["frozen"] == "everything"), "{seen}");
        let managed = server.get(&format!("/usermanager/api/v1/users/{}", first.user), &server.manager.admin).expect(200);
        assert_eq!((&managed["activated"], &managed["wallets"][1]["frozen"]), (&json!(false), &json!("everything")));
        // Neither a freeze of one wallet nor its end changes that.
        server.delete(&format!("/usermanager/api/v1/wallets/{}/freeze", third.id), &server.manager.admin).expect(200);
        server.get("/api/v1/wallet", &third.admin).refused(403, "key_frozen", "");
        call("DELETE", "", NONE).refused(409, "wallet_holds_money", "");
        call("DELETE", &format!("/wallet/{}", third.id), NONE).refused(400, "wallet_frozen", "");
        // Said outright it may be said again.
        for _ in 0..2 {
            assert_eq!(call("PUT", "/activate?active=false", NONE).expect(200)["activated"], false);
        }
        for _ in 0..2 {
            assert_eq!(call("PUT", "/activate?active=true", NONE).expect(200)["activated"], true);
        }
        assert_eq!(call("GET", "/wallet", NONE).expect(200)[1]["frozen"], "spending", "its own freeze stays");
        server.get("/api/v1/wallet", &third.admin).expect(200);
        server.pay(&server.manager, &open).expect(201);
        call("PUT", "/activate?active=perhaps", NONE).refused(400, "invalid_request", "active");
        server.audit();
    }

    fn users_and_wallets_are_changed_and_deleted(server) {
        let token = token(server, &server.manager, &["users"]);
        let call = |method: &str, path: &str, body: Value| server.as_session(method, path, &token, &body);
        for (bad, field) in [
            (json!({}), "name"), (json!({"password": "x"}), "name"), (json!({"username": "a b"}), "username"), (json!({"username": "x"}), "username"),
            (json!({"name": "x", "password": "a", "password_repeat": "b"}), "password_repeat"), (json!({"name": "x", "pubkey": "02"}), "pubkey"),
            (json!({"name": "x", "email": "x"}), "email"), (json!({"name": "x", "extra": []}), "extra"), (json!({"name": "x", "id": "0"}), "id"),
        ] {
            call("POST", USER, bad).refused(400, "invalid_request", field);
        }
        let made = call("POST", USER, json!({"email": "only@example.org", "extra": {"a": 1}})).expect(201);
        assert_eq!((&made["name"], &made["username"]), (&json!("only@example.org"), &NONE));
        let id = made["id"].as_str().unwrap();
        let path = format!("{USER}/{id}");
        let changed = call("PUT", &path, json!({"username": "only", "password": "pw", "password_repeat": "pw", "extra": {"b": 2}, "id": id})).expect(200);
        assert_eq!((&changed["username"], &changed["extra"]), (&json!("only"), &json!({"a": 1, "b": 2})));
        let verify = format!("/usermanager/api/v1/users/{id}/verify");
        server.post(&verify, &server.manager.admin, &json!({"password": "pw"})).expect(200);
        call("PUT", &path, json!({"id": "0".repeat(32)})).refused(400, "invalid_request", "id");
        // A wallet is found with its user only, and stays while it holds money.
        let wallet = call("POST", &format!("{path}/wallet"), NONE).expect(201);
        assert_eq!(wallet["name"], "only@example.org");
        call("POST", &format!("{path}/wallet"), json!({"currency": "xyz"})).refused(400, "invalid_request", "currency");
        let id = wallet["id"].as_str().unwrap();
        let other = server.wallet("other", 0);
        call("DELETE", &format!("{USER}/{}/wallet/{id}", other.user), NONE).refused(404, "wallet_not_found", "");
        server.cli(&["credit", "--wallet", id, "--amount-sat", "5"]).unwrap();
        call("DELETE", &format!("{path}/wallet/{id}"), NONE).refused(409, "wallet_holds_money", "");
        call("DELETE", &path, NONE).refused(409, "wallet_holds_money", "");
        let back = json!({"from_wallet": id, "to_wallet": server.manager.id, "amount": 5});
        server.post("/usermanager/api/v1/transfers", &server.manager.admin, &back).expect(201);
        assert_eq!(call("DELETE", &format!("{path}/wallet/{id}"), NONE).expect(200), NONE);
        call("DELETE", &format!("{path}/wallet/{id}"), NONE).refused(404, "wallet_not_found", "");
        let left = call("GET", &format!("{path}/wallet"), NONE).expect(200);
        let inkey = left[0]["inkey"].as_str().unwrap();
        server.get("/api/v1/wallet", inkey).expect(200);
        assert_eq!(call("DELETE", &path, NONE).expect(200), NONE);
        server.get("/api/v1/wallet", inkey).refused(401, "bad_auth", "");
        for (method, rest) in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/wallet"), ("POST", "/wallet"), ("PUT", "/activate")] {
            call(method, &format!("{path}{rest}"), NONE).refused(404, "user_not_found", "");
            // The manager is no user of its own.
            call(method, &format!("{USER}/{}{rest}", server.manager.user), NONE).refused(404, "user_not_found", "");
        }
        // Under an idempotency key a user is made once.
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", "player-1")];
        let order = json!({"external_id": "once"}).to_string();
        let first = server.send("POST", USER, &headers, &order).expect(201);
        let again = server.send("POST", USER, &headers, &order);
        assert_eq!((again.header("idempotent-replayed"), &again.expect(201)), (Some("true"), &first));
        server.audit();
    }

    fn a_token_is_revoked_while_its_request_waits(server) {
        let all = token(server, &server.manager, &[]);
        let user = server.wallet_of(&server.manager.admin, "x");
        let list = server.as_session("GET", "/api/v1/auth/tokens", &all, &NONE).expect(200);
        let id = list[0]["id"].as_str().unwrap().to_owned();
        // What the ledger deletes asks again whether the token holds.
        let answers = at_once(4, |index| match index {
            0 => server.as_session("DELETE", &format!("/api/v1/auth/tokens/{id}"), &all, &NONE),
            _ => server.as_session("DELETE", &format!("{USER}/{}", user.user), &all, &NONE),
        });
        for answer in &answers[1..] {
            assert!([200, 401, 404].contains(&answer.status), "{}", answer.text);
        }
        server.as_session("GET", USER, &all, &NONE).refused(401, "bad_auth", "");
        // An operator has no users.
        let operator = server.operator("root");
        let path = format!("{USER}/{}", server.manager.user);
        for (method, rest) in [("PUT", "/activate".to_owned()), ("DELETE", format!("/wallet/{}", server.manager.id))] {
            server.as_session(method, &format!("{path}{rest}"), &operator, &NONE).refused(403, "manager_required", "");
        }
        server.as_session("POST", USER, &operator, &json!({"name": "x", "external_id": "1"})).refused(400, "invalid_request", "external_id");
    }
}
