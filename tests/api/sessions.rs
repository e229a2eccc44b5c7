//! Logging in and out, and guessing passwords.

use serde_json::{Value, json};

use crate::harness::{Answer, Options, Server, at_once, both_stores};

const NONE: Value = Value::Null;

/// A manager that can log in.
fn manager(server: &Server, operator: &str, username: &str) -> Value {
    let order = json!({"username": username, "password": "correct horse"});
    server.as_session("POST", "/users/api/v1/user", operator, &order).expect(200)
}

/// A server that believes what the tests say of where they come from.
fn behind_proxy() -> Options {
    Options { arguments: vec!["--trusted-proxies".into(), "127.0.0.1".into()], ..Options::default() }
}

fn log_in_from(server: &Server, address: &str, name: &str, password: &str) -> Answer {
    let order = json!({"username": name, "password": password}).to_string();
    server.send("POST", "/api/v1/auth", &[("X-Forwarded-For", address)], &order)
}

both_stores! {
    fn a_manager_logs_in_and_out(server) {
        let operator = server.operator("root");
        let made = manager(server, &operator, "Game.1");
        let session = server.log_in("GAME.1", "correct horse");
        assert_eq!(session.header("cache-control"), Some("no-store"));
        let session = session.expect(200);
        assert_eq!(session["token_type"], "bearer");
        let token = session["access_token"].as_str().unwrap();
        let me = server.as_session("GET", "/api/v1/auth", token, &NONE).expect(200);
        assert_eq!((&me["id"], &me["username"], &me["admin"]), (&made["id"], &json!("game.1"), &json!(false)));
        assert_eq!(me["wallets"], made["wallets"]);
        server.get("/api/v1/wallet", me["wallets"][0]["adminkey"].as_str().unwrap()).expect(200);
        // A manager is no operator, and a token is no key.
        server.as_session("GET", "/users/api/v1/audit", token, &NONE).refused(403, "operator_required", "");
        server.as_session("GET", "/api/v1/wallet", token, &NONE).refused(401, "no_api_key", "");
        server.get("/api/v1/wallet", token).refused(401, "bad_auth", "");
        let other = server.log_in("game.1", "correct horse").expect(200);
        server.as_session("POST", "/api/v1/auth/logout", token, &NONE).expect(200);
        server.as_session("GET", "/api/v1/auth", token, &NONE).refused(401, "bad_auth", "Bad auth");
        server.as_session("POST", "/api/v1/auth/logout", token, &NONE).refused(401, "bad_auth", "");
        server.as_session("GET", "/api/v1/auth", other["access_token"].as_str().unwrap(), &NONE).expect(200);
    }

    fn a_login_may_be_a_form(server) {
        let operator = server.operator("root");
        manager(server, &operator, "game@example.org");
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = "grant_type=password&username=game%40example.org&password=correct+horse";
        server.send("POST", "/api/v1/auth", &form, body).expect(200);
        server.send("POST", "/api/v1/auth", &form, "username=game%40example.org").refused(400, "invalid_request", "password");
        server.send("POST", "/api/v1/auth", &[], "").refused(400, "invalid_request", "username");
        server.send("POST", "/api/v1/auth", &[], "[]").refused(400, "invalid_request", "object");
    }

    fn what_is_not_known_looks_like_what_is_wrong(server) {
        let operator = server.operator("root");
        manager(server, &operator, "game");
        // One that cannot log in, because it has no password.
        server.as_session("POST", "/users/api/v1/user", &operator, &json!({"username": "mute"})).expect(200);
        let shape = |answer: crate::harness::Answer| {
            answer.refused(401, "invalid_credentials", "Invalid credentials");
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("request_id");
            body
        };
        let wrong = shape(server.log_in("game", "wrong"));
        for name in ["nobody", "mute", "\u{0}", "no such name at all, with spaces"] {
            assert_eq!(shape(server.log_in(name, "wrong")), wrong, "{name}");
        }
        for header in ["Bearer", "Bearer x", "Basic Z2FtZTpjb3JyZWN0IGhvcnNl", ""] {
            server.send("GET", "/api/v1/auth", &[("Authorization", header)], "").refused(401, "bad_auth", "");
        }
        server.send("GET", "/api/v1/auth", &[], "").refused(401, "no_token", "No access token provided");
    }

    fn guesses_are_slowed_down_by_name(server) {
        let operator = server.operator("root");
        manager(server, &operator, "game");
        // Both are counted, whether or not there is anybody of the name.
        for name in ["game", "nobody"] {
            server.log_in(name, "wrong").refused(401, "invalid_credentials", "");
        }
        server.database.execute("UPDATE login_attempts SET failures = 12 WHERE failures = 1").unwrap();
        for name in ["game", "nobody"] {
            let answer = server.log_in(name, "wrong");
            answer.refused(429, "too_many_guesses", "");
            assert!(answer.header("retry-after").unwrap().parse::<i64>().unwrap() >= 1);
        }
        // The right one has to wait as well, also after a restart, and on another replica.
        let replica = server.replica();
        replica.log_in("Game", "correct horse").refused(429, "too_many_guesses", "");
        server.database.execute("UPDATE login_attempts SET last_at_ms = last_at_ms - 3000000").unwrap();
        server.log_in("game", "correct horse").expect(200);
        server.log_in("game", "wrong").refused(401, "invalid_credentials", "");
    }

    fn guesses_are_slowed_down_by_address(server, behind_proxy()) {
        let operator = server.operator("root");
        manager(server, &operator, "game");
        let from = |address: &str, name: &str, password: &str| log_in_from(server, address, name, password);
        from("192.0.2.1", "somebody", "wrong").refused(401, "invalid_credentials", "");
        // What has gone right is taken back, so that its address can log in as often as it likes.
        for _ in 0..3 {
            from("192.0.2.1", "game", "correct horse").expect(200);
        }
        assert_eq!(server.database.texts("SELECT CAST(max(failures) AS TEXT) AS text FROM login_attempts"), ["1"]);
        server.database.execute("UPDATE login_attempts SET failures = 60").unwrap();
        from("192.0.2.1", "game", "correct horse").refused(429, "too_many_guesses", "");
        from("192.0.2.1", "another", "wrong").refused(429, "too_many_guesses", "");
        from("198.51.100.7", "game", "correct horse").expect(200);
    }

    fn a_burst_at_one_name_uses_up_nothing_of_its_address(server, behind_proxy()) {
        let operator = server.operator("root");
        manager(server, &operator, "game");
        let from = |address: &str, name: &str, password: &str| log_in_from(server, address, name, password);
        // At a manager, an operator, and a name that nobody has.
        let mut heard = 0;
        for name in ["other", "root", "nobody"] {
            let answers = at_once(40, |_| from("192.0.2.1", name, "wrong"));
            heard += answers.iter().filter(|answer| answer.status == 401).count();
        }
        let counted = server.database.texts("SELECT CAST(max(failures) AS TEXT) AS text FROM login_attempts");
        assert_eq!(counted, [heard.to_string()]);
        from("192.0.2.1", "game", "correct horse").expect(200);
        from("198.51.100.7", "root", "wrong").refused(401, "invalid_credentials", "");
    }

    fn who_goes_on_failing_at_a_name_keeps_no_newcomer_out(server, behind_proxy()) {
        let operator = server.operator("root");
        manager(server, &operator, "game");
        let from = |address: &str, password: &str| log_in_from(server, address, "game", password);
        // Three tries make of a newcomer one of those who go on failing: from then on these alone
        // are counted together.
        let attackers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
        for address in attackers {
            for _ in 0..5 {
                from(address, "wrong").refused(401, "invalid_credentials", "");
            }
        }
        let counted = server.database.texts("SELECT CAST(failures AS TEXT) AS text FROM login_attempts WHERE failures > 0 ORDER BY failures");
        // By address and by address and name; of newcomers three by each, and of others the rest.
        assert_eq!(counted, ["5", "5", "5", "5", "5", "5", "6", "9"]);
        // Hundreds of addresses later.
        server.database.execute("UPDATE login_attempts SET failures = 300 WHERE failures = 6").unwrap();
        from(attackers[0], "correct horse").refused(429, "too_many_guesses", "");
        from("198.51.100.7", "wrong").refused(401, "invalid_credentials", "");
        from("198.51.100.7", "correct horse").expect(200);
    }

    fn a_session_ends_with_its_time_its_password_and_its_user(server) {
        let operator = server.operator("root");
        let path = format!("/users/api/v1/user/{}", manager(server, &operator, "game")["id"].as_str().unwrap());
        let log_in = |password: &str| server.log_in("game", password).expect(200)["access_token"].as_str().unwrap().to_owned();
        let token = log_in("correct horse");
        server.as_session("PUT", &path, &operator, &json!({"password": "battery staple"})).expect(200);
        server.as_session("GET", "/api/v1/auth", &token, &NONE).refused(401, "bad_auth", "");
        server.log_in("game", "correct horse").refused(401, "invalid_credentials", "");
        let token = log_in("battery staple");
        server.as_session("DELETE", &path, &operator, &NONE).expect(200);
        server.as_session("GET", "/api/v1/auth", &token, &NONE).refused(401, "bad_auth", "");
        server.log_in("game", "battery staple").refused(401, "invalid_credentials", "");
        server.database.execute("UPDATE sessions SET expires_at_ms = 1").unwrap();
        server.as_session("GET", "/users/api/v1/user", &operator, &NONE).refused(401, "bad_auth", "");
    }

    fn operators_are_made_at_the_command_line(server) {
        let token = server.operator("root");
        assert!(server.cli(&["operator", "create", "--username", "ROOT"]).unwrap_err().contains("taken"));
        assert!(server.cli(&["operator", "create", "--username", "x"]).unwrap_err().contains("--username"));
        assert_eq!(server.cli(&["operator", "list"]).unwrap()[0]["username"], "root");
        assert_eq!(server.cli(&["manager", "list"]).unwrap().as_array().unwrap().len(), 1);
        let changed = server.cli(&["operator", "set-password", "--username", "root"]).unwrap();
        server.as_session("GET", "/api/v1/auth", &token, &NONE).refused(401, "bad_auth", "");
        let session = server.log_in("root", changed["password"].as_str().unwrap()).expect(200);
        let token = session["access_token"].as_str().unwrap();
        let me = server.as_session("GET", "/api/v1/auth", token, &NONE).expect(200);
        assert_eq!((&me["admin"], &me["wallets"]), (&json!(true), &json!([])));
        server.cli(&["operator", "remove", "--username", "root"]).unwrap();
        server.as_session("GET", "/api/v1/auth", token, &NONE).refused(401, "bad_auth", "");
        assert!(server.cli(&["operator", "remove", "--username", "root"]).unwrap_err().contains("no operator"));
        server.operator("root");
    }

    fn sign_up_is_off(server) {
        let refused = server.send("POST", "/api/v1/account", &[], &json!({"name": "x"}).to_string());
        refused.refused(400, "signup_disabled", "Account creation is disabled.");
        assert_eq!(server.cli(&["manager", "list"]).unwrap().as_array().unwrap().len(), 1);
    }

    fn sign_up_opens_a_manager_account(server, Options { arguments: vec!["--allow-signup".into()], ..Options::default() }) {
        let wallet = server.send("POST", "/api/v1/account", &[], &json!({"name": "New game"}).to_string()).expect(200);
        let wallet = crate::harness::Wallet::from_json(&wallet);
        assert_eq!(server.balance(&wallet), 0);
        let user = server.wallet_of(&wallet.admin, "player");
        server.get(&format!("/usermanager/api/v1/users/{}", user.user), &server.manager.admin).refused(404, "user_not_found", "");
        server.send("POST", "/api/v1/account", &[], "{}").refused(400, "invalid_request", "name");
        // The first ones from an address may come at once; too many of them wait.
        server.database.execute("DELETE FROM login_attempts").unwrap();
        let answers = at_once(20, |_| server.send("POST", "/api/v1/account", &[], &json!({"name": "x"}).to_string()));
        let opened = answers.iter().filter(|answer| answer.status == 200).count();
        assert!((10..=12).contains(&opened), "{opened}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(429, "rate_limited", "");
        }
    }

    fn who_has_logged_in_changes_the_password(server) {
        let operator = server.operator("root");
        let made = manager(server, &operator, "game");
        let log_in = |password: &str| server.log_in("game", password).expect(200)["access_token"].as_str().unwrap().to_owned();
        let (token, other) = (log_in("correct horse"), log_in("correct horse"));
        let change = |token: &str, body: Value| server.as_session("PUT", "/api/v1/auth/password", token, &body);
        let order = |old: &str, new: &str| json!({
            "user_id": made["id"], "username": "Game", "password_old": old, "password": new, "password_repeat": new,
        });
        change(&token, order("wrong horse", "battery staple")).refused(400, "invalid_request", "password_old");
        change(&token, order("correct horse", "short")).refused(400, "invalid_request", "password must be at least 8");
        for (field, value) in [("user_id", "0".repeat(32)), ("username", "root".into()), ("password_repeat", "another".into())] {
            let mut order = order("correct horse", "battery staple");
            order[field] = value.into();
            change(&token, order).refused(400, "invalid_request", field);
        }
        change(&token, json!({"password": "battery staple"})).refused(400, "invalid_request", "password_old");
        let me = change(&token, order("correct horse", "battery staple"));
        assert_eq!(me.header("cache-control"), Some("no-store"));
        assert_eq!(me.expect(200)["username"], "game");
        // The session goes on; those of others who know the old password do not.
        server.as_session("GET", "/api/v1/auth", &token, &NONE).expect(200);
        server.as_session("GET", "/api/v1/auth", &other, &NONE).refused(401, "bad_auth", "");
        server.log_in("game", "correct horse").refused(401, "invalid_credentials", "");
        log_in("battery staple");
        // An operator changes its own as well.
        let password = server.cli(&["operator", "set-password", "--username", "root"]).unwrap();
        let password = password["password"].as_str().unwrap();
        let session = server.log_in("root", password).expect(200);
        let body = json!({"password_old": password, "password": "battery staple"});
        change(session["access_token"].as_str().unwrap(), body).expect(200);
        server.log_in("root", "battery staple").expect(200);
    }

    fn who_has_a_session_does_not_find_out_the_password(server) {
        let operator = server.operator("root");
        manager(server, &operator, "game");
        let token = server.log_in("game", "correct horse").expect(200)["access_token"].as_str().unwrap().to_owned();
        let guess = |old: &str| {
            let order = json!({"password_old": old, "password": "battery staple"});
            server.as_session("PUT", "/api/v1/auth/password", &token, &order)
        };
        for _ in 0..5 {
            guess("wrong horse").refused(400, "invalid_request", "password_old is not your password");
        }
        server.database.execute("UPDATE login_attempts SET failures = 12 WHERE failures = 5").unwrap();
        guess("correct horse").refused(429, "too_many_guesses", "");
        // Whoever does not have it logs in as before.
        server.log_in("game", "correct horse").expect(200);
    }
}
