//! `/api/v1/wallet`

use serde_json::json;

use crate::harness::{Wallet, both_stores};

both_stores! {
    fn a_wallet_is_shown_to_both_of_its_keys(server) {
        for key in [&server.manager.admin, &server.manager.invoice] {
            let wallet = server.get("/api/v1/wallet", key).expect(200);
            assert_eq!(wallet, json!({
                "id": server.manager.id,
                "name": "manager",
                "balance": 1_000_000_000i64,
                "balance_held": 0,
                "balance_total": 1_000_000_000i64,
                "user": server.manager.user,
                "currency": "sat",
            }));
        }
    }

    fn a_wallet_is_renamed_by_its_admin_key(server) {
        let wallet = server.wallet("old", 0);
        let renamed = server.put("/api/v1/wallet/new%20n%C3%A4me", &wallet.admin, &json!({})).expect(200);
        assert_eq!(renamed["name"], "new näme");
        let headers = [("X-Api-Key", wallet.admin.as_str())];
        let renamed = server.send("PATCH", "/api/v1/wallet", &headers, r#"{"name": "newer"}"#).expect(200);
        assert_eq!(renamed["name"], "newer");
        assert_eq!(server.get("/api/v1/wallet", &wallet.invoice).expect(200)["name"], "newer");

        let headers = [("X-Api-Key", wallet.invoice.as_str())];
        for (method, path) in [("PUT", "/api/v1/wallet/mine"), ("PATCH", "/api/v1/wallet")] {
            let answer = server.send(method, path, &headers, r#"{"name": "mine"}"#);
            answer.refused(403, "admin_key_required", "Admin key required");
        }
        let headers = [("X-Api-Key", wallet.admin.as_str())];
        for body in ["{}", r#"{"name": ""}"#, r#"{"name": "  "}"#, &json!({"name": "x".repeat(256)}).to_string()] {
            server.send("PATCH", "/api/v1/wallet", &headers, body).refused(400, "invalid_request", "name");
        }
        assert_eq!(server.get("/api/v1/wallet", &wallet.invoice).expect(200)["name"], "newer");
    }

    fn an_admin_key_creates_further_wallets_of_its_user(server) {
        let wallet = server.wallet("first", 0);
        let order = json!({"name": "second"});
        let made = server.post("/api/v1/wallet", &wallet.admin, &order).expect(200);
        let second = Wallet::from_json(&made);
        assert_eq!((&made["name"], &made["balance_msat"], &second.user), (&json!("second"), &json!(0), &wallet.user));
        assert_eq!(server.get("/api/v1/wallet", &second.invoice).expect(200)["id"], second.id);
        let of_user = server.get(&format!("/usermanager/api/v1/wallets/{}", wallet.user), &server.manager.admin).expect(200);
        assert_eq!(of_user.as_array().unwrap().len(), 2);
        server.post("/api/v1/wallet", &wallet.invoice, &order).refused(403, "admin_key_required", "");
        server.post("/api/v1/wallet", &wallet.admin, &json!({})).refused(400, "invalid_request", "name");
        // A manager's own wallet is of nobody's tenant.
        let own = Wallet::from_json(&server.post("/api/v1/wallet", &server.manager.admin, &order).expect(200));
        assert_eq!(own.user, server.manager.user);
        let send = |name: &str| {
            let headers = [("X-Api-Key", wallet.admin.as_str()), ("Idempotency-Key", "one")];
            server.send("POST", "/api/v1/wallet", &headers, &json!({"name": name}).to_string())
        };
        assert_eq!(send("third").expect(200), send("third").expect(200));
        send("fourth").refused(409, "idempotency_conflict", "");
    }

    fn who_is_held_to_something_is_not_let_out_by_another_wallet(server) {
        let wallet = server.wallet("first", 0);
        let path = format!("/usermanager/api/v1/wallets/{}", wallet.id);
        let limit = |limits: &serde_json::Value| {
            server.put(&format!("{path}/limits"), &server.manager.admin, limits).expect(200);
        };
        limit(&json!({"payment_max_sat": 5}));
        let second = server.post("/api/v1/wallet", &wallet.admin, &json!({"name": "second"})).expect(200);
        assert_eq!((&second["payment_max_sat"], &second["day_max_sat"]), (&json!(5), &json!(null)));
        limit(&json!({"day_max_sat": 50}));
        server.post("/api/v1/wallet", &wallet.admin, &json!({"name": "third"})).refused(403, "wallet_limited", "each day");
        limit(&json!({}));
        server.put(&format!("{path}/freeze"), &server.manager.admin, &json!({"scope": "spending"})).expect(200);
        server.post("/api/v1/wallet", &wallet.admin, &json!({"name": "third"})).refused(403, "key_frozen", "");
        server.delete("/api/v1/wallet", &wallet.admin).refused(400, "wallet_frozen", "");
    }

    fn an_empty_wallet_is_deleted_by_its_admin_key(server) {
        let (wallet, other) = (server.wallet("first", 10), server.wallet("other", 10));
        let open = server.invoice(&wallet, 5);
        server.delete("/api/v1/wallet", &wallet.invoice).refused(403, "admin_key_required", "");
        server.delete("/api/v1/wallet", &wallet.admin).refused(409, "wallet_holds_money", "empty it first");
        server.pay(&wallet, &server.invoice(&other, 10)).expect(201);
        assert_eq!(server.delete("/api/v1/wallet", &wallet.admin).expect(200), json!(null));
        for key in [&wallet.admin, &wallet.invoice] {
            server.get("/api/v1/wallet", key).refused(401, "bad_auth", "");
        }
        server.delete("/api/v1/wallet", &wallet.admin).refused(401, "bad_auth", "");
        server.pay(&other, &open).refused(400, "", "");
        // Its user stays.
        server.get(&format!("/usermanager/api/v1/users/{}", wallet.user), &server.manager.admin).expect(200);
        assert_eq!(server.balance(&other), 20);
        server.audit();
    }

    fn keys_are_renewed_by_those_whose_wallet_it_is(server) {
        let operator = server.operator("root");
        let log_in = |user: &str, username: &str| {
            let login = json!({"username": username, "password": "correct horse"});
            server.as_session("PUT", &format!("/users/api/v1/user/{user}"), &operator, &login).expect(200);
            server.log_in(username, "correct horse").expect(200)["access_token"].as_str().unwrap().to_owned()
        };
        let stranger = server.new_manager("stranger", 0);
        let (manager_token, stranger_token) = (log_in(&server.manager.user, "game"), log_in(&stranger.user, "stranger"));
        let (first, other) = (server.wallet("first", 3), server.wallet("other", 0));
        let path = format!("/api/v1/wallet/reset/{}", first.id);
        let by_key = |key: &str| server.put(&path, key, &json!({}));
        let by_session = |token: &str, path: &str| server.as_session("PUT", path, token, &json!(null));
        for key in [&other.admin, &server.manager.admin, &stranger.admin] {
            by_key(key).refused(404, "wallet_not_found", "");
        }
        by_key(&first.invoice).refused(403, "admin_key_required", "");
        for token in [&stranger_token, &operator] {
            by_session(token, &path).refused(404, "wallet_not_found", "");
        }
        server.send("PUT", &path, &[], "").refused(401, "no_api_key", "");
        let second = Wallet::from_json(&by_key(&first.admin).expect(200));
        assert_eq!((&second.id, server.balance(&second)), (&first.id, 3));
        for key in [&first.admin, &first.invoice] {
            by_key(key).refused(401, "bad_auth", "");
        }
        // Its manager, and whose own it is.
        let third = Wallet::from_json(&by_session(&manager_token, &path).expect(200));
        server.get("/api/v1/wallet", &second.admin).refused(401, "bad_auth", "");
        assert_eq!(server.balance(&third), 3);
        // An operator who has frozen a manager's wallet has stopped its session's hold on others' as well.
        let freeze = format!("/users/api/v1/wallet/{}/freeze", server.manager.id);
        server.as_session("PUT", &freeze, &operator, &json!({"scope": "everything"})).expect(200);
        by_session(&manager_token, &path).refused(403, "key_frozen", "");
        server.as_session("DELETE", &freeze, &operator, &json!(null)).expect(200);
        let own = format!("/api/v1/wallet/reset/{}", server.manager.id);
        by_session(&manager_token, &own).expect(200);
        server.get("/api/v1/wallet", &server.manager.admin).refused(401, "bad_auth", "");
        by_session(&manager_token, "/api/v1/wallet/reset/x").refused(404, "wallet_not_found", "");
    }

    fn extensions_are_enabled_in_vain(server) {
        for key in [&server.manager.admin, &server.manager.invoice] {
            for change in ["enable", "disable"] {
                let path = format!("/api/v1/extension/lnurlp/{change}");
                assert_eq!(server.put(&path, key, &json!({})).expect(200)["success"], true);
            }
        }
        let operator = server.operator("root");
        server.as_session("PUT", "/api/v1/extension/x/enable", &operator, &json!(null)).expect(200);
        server.send("PUT", "/api/v1/extension/x/enable", &[], "").refused(401, "no_api_key", "");
        let status = server.send("GET", "/api/v1/status", &[], "").expect(200);
        assert_eq!(status["up_time"], status["up_time_seconds"]);
        assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    }
}
