//! `/api/v1/wallet`

use serde_json::json;

use crate::harness::both_stores;

both_stores! {
    fn a_wallet_is_shown_to_both_of_its_keys(server) {
        for key in [&server.manager.admin, &server.manager.invoice] {
            let wallet = server.get("/api/v1/wallet", key).expect(200);
            assert_eq!(wallet, json!({
                "id": server.manager.id,
                "name": "manager",
                "balance": 1_000_000_000i64,
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
}
