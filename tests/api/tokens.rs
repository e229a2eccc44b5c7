//! Tokens that managers make for their programs.

use std::time::{Duration, Instant};

use satkeep::domain::time::Moment;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, both_stores};

const NONE: Value = Value::Null;
const TOKENS: &str = "/api/v1/auth/tokens";

/// A token of the first manager's, made at the command line.
fn made(server: &Server, scopes: &[&str]) -> String {
    let mut arguments = vec!["manager", "token", "create", "--user", &server.manager.user, "--name", "made"];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    server.cli(&arguments).unwrap()["token"].as_str().unwrap().to_owned()
}

/// Asks who it is, with these headers.
fn who(server: &Server, headers: &[(&str, &str)]) -> Answer {
    server.send("GET", "/api/v1/auth", headers, "")
}

both_stores! {
    fn a_manager_makes_lists_and_revokes_tokens(server) {
        let all = made(server, &[]);
        let order = json!({"name": "game server", "scopes": ["users", "payments"], "expires_in": "3600"});
        let new = server.as_session("POST", TOKENS, &all, &order);
        assert_eq!(new.header("cache-control"), Some("no-store"));
        let new = new.expect(201);
        assert_eq!((&new["name"], &new["scopes"]), (&json!("game server"), &json!(["users", "payments"])));
        let token = new["token"].as_str().unwrap();
        assert_eq!(token.len(), 64);
        let seconds = |text: &Value| Moment::parse(text.as_str().unwrap()).unwrap().from().get() / 1000;
        assert_eq!(seconds(&new["expires_at"]) - seconds(&new["created_at"]), 3600);

        let list = server.as_session("GET", TOKENS, &all, &NONE).expect(200);
        assert_eq!((list.as_array().unwrap().len(), &list[0]["scopes"]), (2, &json!(["all"])));
        assert_eq!((&list[1]["id"], &list[1]["last_used_at"]), (&new["id"], &NONE));
        assert_eq!(seconds(&list[0]["expires_at"]) - seconds(&list[0]["created_at"]), 90 * 24 * 3600);
        assert!(!list.to_string().contains(token) && list[1].get("token").is_none());
        assert_eq!(server.cli(&["manager", "token", "list", "--user", &server.manager.user]).unwrap().as_array().unwrap().len(), 2);

        // It stops on every replica.
        let replica = server.replica();
        replica.as_session("GET", TOKENS, token, &NONE).refused(403, "scope_required", "all");
        let path = format!("{TOKENS}/{}", new["id"].as_str().unwrap());
        server.as_session("DELETE", &path, token, &NONE).refused(403, "scope_required", "");
        assert_eq!(server.as_session("DELETE", &path, &all, &NONE).expect(200), NONE);
        for server in [&*server, &replica] {
            server.as_session("GET", TOKENS, token, &NONE).refused(401, "bad_auth", "");
        }
        server.as_session("DELETE", &path, &all, &NONE).refused(404, "token_not_found", "");
        server.as_session("DELETE", &format!("{TOKENS}/x"), &all, &NONE).refused(404, "token_not_found", "");
        // The command line revokes whosever.
        let id = list[0]["id"].as_str().unwrap();
        assert_eq!(server.cli(&["manager", "token", "revoke", "--id", id]).unwrap(), json!({ "revoked": id }));
        replica.as_session("GET", TOKENS, &all, &NONE).refused(401, "bad_auth", "");
        assert!(server.cli(&["manager", "token", "revoke", "--id", id]).unwrap_err().contains("no token"));
    }

    fn a_token_is_made_once_and_says_what_is_wrong(server) {
        let all = made(server, &["all"]);
        let authorization = format!("Bearer {all}");
        let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", "token-1")];
        let order = json!({"name": "x", "scopes": ["read"]}).to_string();
        let first = server.send("POST", TOKENS, &headers, &order).expect(201);
        let again = server.send("POST", TOKENS, &headers, &order);
        assert_eq!((again.header("idempotent-replayed"), &again.expect(201)), (Some("true"), &first));
        for (bad, field) in [
            (json!({"scopes": ["read"]}), "name"),
            (json!({"name": "x"}), "scopes"),
            (json!({"name": "x", "scopes": []}), "scopes"),
            (json!({"name": "x", "scopes": ["write"]}), "scopes"),
            (json!({"name": "x", "scopes": "read"}), "scopes"),
            (json!({"name": "x", "scopes": ["read"], "expires_in": 0}), "expires_in"),
            (json!({"name": "x", "scopes": ["read"], "expires_in": 63_072_001}), "expires_in"),
            (json!({"name": "x", "scopes": ["read"], "expires_in": 1.5}), "expires_in"),
        ] {
            let refused = server.as_session("POST", TOKENS, &all, &bad);
            refused.refused(400, "invalid_request", field);
            assert_eq!(refused.json()["errors"][0]["field"], field);
        }
        let create = |user: &str, more: &[&str]| {
            let arguments = [&["manager", "token", "create", "--user", user, "--name", "x"], more].concat();
            server.cli(&arguments).unwrap_err()
        };
        let users_user = server.wallet("x", 0).user;
        assert!(create(&users_user, &[]).contains("no manager"));
        assert!(create(&"0".repeat(32), &[]).contains("no manager"));
        assert!(create(&server.manager.user, &["--scope", "write"]).contains("--scope"));
        assert!(create(&server.manager.user, &["--days", "731"]).contains("--days"));
        assert!(create(&server.manager.user, &["--days=-1"]).contains("--days"));
        assert!(server.cli(&["manager", "token", "list", "--user", &users_user]).is_err());
    }

    fn there_are_so_many_tokens_at_most(server) {
        let all = made(server, &[]);
        let user = server.store.bytes(&server.manager.user);
        for index in 0..99 {
            let id = server.store.bytes(&format!("{index:064x}"));
            server.database.execute(&format!(
                "INSERT INTO tokens (id, token_digest, user_id, name, scopes, created_at_ms, expires_at_ms)
                 VALUES ({}, {id}, {user}, 'x', 1, 1, 4102444800000)",
                server.store.bytes(&format!("{index:032x}"))
            )).unwrap();
        }
        let order = json!({"name": "one more", "scopes": ["read"]});
        server.as_session("POST", TOKENS, &all, &order).refused(409, "too_many_tokens", "100");
        assert!(server.cli(&["manager", "token", "create", "--user", &server.manager.user, "--name", "x"]).is_err());
        // One that has ended is in nobody's way, and in no list.
        server.database.execute("UPDATE tokens SET expires_at_ms = 1 WHERE created_at_ms = 1").unwrap();
        server.as_session("POST", TOKENS, &all, &order).expect(201);
        assert_eq!(server.as_session("GET", TOKENS, &all, &NONE).expect(200).as_array().unwrap().len(), 2);
    }

    fn a_token_ends_with_its_time_and_its_manager_and_not_with_a_password(server) {
        let operator = server.operator("root");
        let path = format!("/users/api/v1/user/{}", server.manager.user);
        let token = made(server, &[]);
        server.as_session("PUT", &path, &operator, &json!({"username": "game", "password": "long enough"})).expect(200);
        let me = server.as_session("GET", "/api/v1/auth", &token, &NONE).expect(200);
        assert_eq!((&me["id"], &me["admin"]), (&json!(server.manager.user), &json!(false)));
        // What is no login cannot be logged out.
        server.as_session("POST", "/api/v1/auth/logout", &token, &NONE).refused(403, "login_required", "");
        // An operator has no tokens, and a token is no operator's.
        server.as_session("GET", TOKENS, &operator, &NONE).refused(403, "manager_required", "");
        server.as_session("PUT", "/users/api/v1/balance", &token, &json!({})).refused(403, "operator_required", "");
        let session = server.log_in("game", "long enough").expect(200)["access_token"].as_str().unwrap().to_owned();
        let short = json!({"name": "short", "scopes": ["all"], "expires_in": 1});
        let short = server.as_session("POST", TOKENS, &session, &short).expect(201);
        let began = Instant::now();
        let is_good = || server.as_session("GET", TOKENS, short["token"].as_str().unwrap(), &NONE).status == 200;
        while is_good() {
            assert!(began.elapsed() < Duration::from_secs(30));
        }
        let empty = json!({"id": server.manager.id, "amount": -1_000_000});
        server.as_session("PUT", "/users/api/v1/balance", &operator, &empty).expect(200);
        server.as_session("DELETE", &path, &operator, &NONE).expect(200);
        server.as_session("GET", "/api/v1/auth", &token, &NONE).refused(401, "bad_auth", "");
        assert!(server.database.texts("SELECT name AS text FROM tokens").is_empty());
    }

    fn what_a_frozen_manager_has_made_reaches_its_tenant_no_more(server) {
        let operator = server.operator("root");
        let user = server.wallet("player", 0).user;
        let token = made(server, &[]);
        let of_user = format!("/users/api/v1/user/{user}");
        let (users, freeze) = ("/users/api/v1/user", format!("/users/api/v1/wallet/{}/freeze", server.manager.id));
        let calls = [
            ("GET", users, NONE),
            ("GET", of_user.as_str(), NONE),
            ("POST", users, json!({"username": "other"})),
            ("PUT", of_user.as_str(), json!({"username": "renamed"})),
            ("DELETE", of_user.as_str(), NONE),
            ("GET", TOKENS, NONE),
        ];
        for scope in ["everything", "spending"] {
            server.as_session("PUT", &freeze, &operator, &json!({"scope": scope})).expect(200);
            for (method, path, body) in &calls {
                let answer = server.as_session(method, path, &token, body);
                if scope == "everything" {
                    answer.refused(403, "key_frozen", "");
                } else {
                    assert!(answer.status < 300, "{method} {path}: {}", answer.text);
                }
            }
            server.as_session("GET", "/api/v1/auth", &token, &NONE).expect(200);
        }
    }

    fn the_last_use_is_noted_once_a_minute(server) {
        let token = made(server, &[]);
        let last_used = || server.database.texts("SELECT CAST(last_used_at_ms AS TEXT) AS text FROM tokens WHERE last_used_at_ms IS NOT NULL");
        assert!(last_used().is_empty());
        let noted = || {
            let began = Instant::now();
            loop {
                server.as_session("GET", TOKENS, &token, &NONE).expect(200);
                if let [at] = last_used().as_slice() && at != "1" {
                    return at.clone();
                }
                assert!(began.elapsed() < Duration::from_secs(30), "the use is not noted");
            }
        };
        let at = noted();
        for _ in 0..20 {
            server.as_session("GET", TOKENS, &token, &NONE).expect(200);
        }
        let replica = server.replica();
        replica.as_session("GET", TOKENS, &token, &NONE).expect(200);
        assert_eq!(last_used(), [at]);
        let list = server.as_session("GET", TOKENS, &token, &NONE).expect(200);
        assert!(list[0]["last_used_at"].as_str().unwrap().ends_with('Z'));
        // Another process notes it again, as soon as the minute is over.
        server.database.execute("UPDATE tokens SET last_used_at_ms = 1").unwrap();
        let third = server.replica();
        third.as_session("GET", TOKENS, &token, &NONE).expect(200);
        let began = Instant::now();
        while last_used() == ["1"] {
            assert!(began.elapsed() < Duration::from_secs(30));
        }
    }

    fn a_cookie_counts_only_where_no_browser_sends_it(server) {
        let operator = server.operator("root");
        let path = format!("/users/api/v1/user/{}", server.manager.user);
        server.as_session("PUT", &path, &operator, &json!({"username": "game", "password": "long enough"})).expect(200);
        let session = server.log_in("game", "long enough").expect(200)["access_token"].as_str().unwrap().to_owned();
        for token in [session, made(server, &[])] {
            for cookie in [
                format!("cookie_access_token={token}"),
                format!("is_lnbits_user_authorized=true; cookie_access_token={token}; theme=dark"),
                format!("x;cookie_access_token=\"{token}\""),
            ] {
                who(server, &[("Cookie", &cookie)]).expect(200);
                who(server, &[("Cookie", "a=b"), ("Cookie", &cookie)]).expect(200);
                for of_browser in [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"), ("sec-fetch-site", "none")] {
                    who(server, &[("Cookie", &cookie), of_browser]).refused(401, "no_token", "");
                }
                // What is in the header counts, good or bad.
                who(server, &[("Cookie", &cookie), ("Authorization", "Bearer x")]).refused(401, "bad_auth", "");
                let bearer = format!("Bearer {token}");
                who(server, &[("Origin", "https://game.example"), ("Authorization", &bearer)]).expect(200);
            }
            who(server, &[("Cookie", &format!("other_cookie_access_token={token}"))]).refused(401, "no_token", "");
            who(server, &[("Cookie", &format!("cookie_access_token={token}x"))]).refused(401, "bad_auth", "");
        }
        who(server, &[("Cookie", "cookie_access_token=")]).refused(401, "bad_auth", "");
    }
}
