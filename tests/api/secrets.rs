//! Promise I10, as far as it goes without an attacker's patience: a dump of the database
//! and the log hold no key, no password and no preimage of an open invoice.

use bitcoin_hashes::hex::DisplayHex;
use bitcoin_hashes::{Hash, sha256};
use serde_json::json;

use crate::harness::both_stores;

both_stores! {
    fn a_dump_and_the_log_hold_no_secrets(server) {
        let order = json!({"user_name": "alice", "password": "correct horse battery"});
        let headers = [("X-Api-Key", server.manager.admin.as_str()), ("Idempotency-Key", "secret-order-1")];
        let user = server.send("POST", "/usermanager/api/v1/users", &headers, &order.to_string()).expect(201);
        let wallet = crate::harness::Wallet::from_json(&user["wallets"][0]);
        server.cli(&["credit", "--wallet", &wallet.id, "--amount-sat", "10"]).unwrap();
        let paid = server.pay(&wallet, &server.invoice(&server.manager, 5)).expect(201);
        server.invoice(&wallet, 6);
        server.send("GET", &format!("/api/v1/wallet?api-key={}", wallet.admin), &[], "").expect(200);
        server.get("/api/v1/wallet", "not-a-key-but-shown-as-one").refused(401, "", "");
        let operator = server.operator("root");
        let order_of_operator = json!({"username": "game", "password": "battery staple"});
        server.as_session("POST", "/users/api/v1/user", &operator, &order_of_operator).expect(200);
        let token = server.log_in("game", "battery staple").expect(200)["access_token"].as_str().unwrap().to_owned();
        server.log_in("game", "wrong guess").refused(401, "", "");
        let order_of_token = json!({"name": "x", "scopes": ["all"]}).to_string();
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", "token-order-1")];
        let made = server.send("POST", "/api/v1/auth/tokens", &headers, &order_of_token).expect(201)["token"].as_str().unwrap().to_owned();
        let cookie = format!("cookie_access_token={made}");
        server.send("GET", "/api/v1/auth", &[("Cookie", &cookie)], "").expect(200);
        let own_secret = server.get("/api/v1/webhooks/secret", &wallet.admin).expect(200)["secret"].as_str().unwrap().to_owned();
        let endpoint_order = json!({"url": "https://game.example/"});
        let endpoint = server.post("/usermanager/api/v1/webhooks", &server.manager.admin, &endpoint_order).expect(201);
        let endpoint_secret = endpoint["secret"].as_str().unwrap().to_owned();
        let prize = json!({
            "title": "Prize", "min_withdrawable": 1, "max_withdrawable": 9, "uses": 2, "wait_time": 1, "is_unique": true,
            "webhook_url": "https://game.example/x", "webhook_headers": "{\"X-Key\": \"key of the hook\"}"
        });
        let prize = server.post("/withdraw/api/v1/links", &wallet.admin, &prize).expect(201);
        let link_secret = prize["unique_hash"].as_str().unwrap().to_owned();
        let of_use = prize["lnurl_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        server.send("GET", &format!("/withdraw/api/v1/lnurl/{link_secret}/{of_use}"), &[], "").expect(200);
        let hex_of = |text: &str| text.as_bytes().to_lower_hex_string();
        let dump = server.database.dump(&[]).join("\n");
        assert!(dump.contains(paid["payment_hash"].as_str().unwrap()), "the dump is not whole");
        assert!(dump.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{dump}");
        // Nor a plain digest, against which guesses could be tested.
        let body = order.to_string();
        for guess in ["secret-order-1", "correct horse battery", "battery staple", "game", &body] {
            let digest = sha256::Hash::hash(guess.as_bytes()).to_string();
            assert!(!dump.contains(&digest), "the digest of {guess} is in the database");
        }
        let log = server.logged();
        assert!(log.contains("/api/v1/wallet"));
        let secrets = [
            &server.manager.admin, &server.manager.invoice, &wallet.admin, &wallet.invoice,
            "secret-order-1", "correct horse battery", "not-a-key-but-shown-as-one", paid["preimage"].as_str().unwrap(), "battery staple", "wrong guess", &token, &made, &operator, &own_secret, &endpoint_secret, &link_secret,
            &of_use, "key of the hook",
        ];
        for secret in secrets {
            for form in [secret.to_owned(), hex_of(secret)] {
                assert!(!dump.contains(&form), "{form} is in the database");
                assert!(!log.contains(&form), "{form} is in the log");
            }
        }
    }
}
