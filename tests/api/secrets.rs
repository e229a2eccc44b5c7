//! Promise I10, as far as it goes without an attacker's patience: a dump of the database
//! and the log hold no key, no password and no preimage of an open invoice.

use bitcoin_hashes::hex::DisplayHex;
use bitcoin_hashes::{Hash, sha256};
use serde_json::json;

use crate::harness::{StoreKind, both_stores};

/// Every value of every table, bytes in hex.
fn dump(server: &crate::harness::Server) -> String {
    let binary = match server.store {
        StoreKind::Sqlite => "lower(hex(%))",
        StoreKind::Postgres => "encode(%, 'hex')",
    };
    let columns = [
        ("users", vec!["%id", "%manager_id", "name", "email", "password_hash", "extra"]),
        ("wallets", vec!["%id", "%user_id", "name"]),
        ("wallet_keys", vec!["%digest", "%wallet_id", "kind", "%sealed"]),
        ("invoices", vec!["%id", "%payment_hash", "%preimage_sealed", "bolt11", "memo", "extra"]),
        ("transfers", vec!["%id", "%invoice_id", "extra"]),
        ("idempotency", vec!["%account_id", "%key_digest", "%request_digest", "%payment_ids", "%answer_sealed"]),
        ("settings", vec!["name", "%value"]),
    ];
    let mut all = Vec::new();
    for (table, columns) in columns {
        for column in columns {
            let expression = match column.strip_prefix('%') {
                Some(column) => binary.replace('%', column),
                None => column.to_owned(),
            };
            all.extend(server.database.texts(&format!("SELECT COALESCE({expression}, '') AS text FROM {table}")));
        }
    }
    all.join("\n")
}

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
        let hex_of = |text: &str| text.as_bytes().to_lower_hex_string();
        let dump = dump(server);
        assert!(dump.contains(paid["payment_hash"].as_str().unwrap()), "the dump is not whole");
        assert!(dump.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{dump}");
        // Nor a plain digest, against which guesses could be tested.
        let body = order.to_string();
        for guess in ["secret-order-1", "correct horse battery", &body] {
            let digest = sha256::Hash::hash(guess.as_bytes()).to_string();
            assert!(!dump.contains(&digest), "the digest of {guess} is in the database");
        }
        let log = server.logged();
        assert!(log.contains("/api/v1/wallet"));
        let secrets = [
            &server.manager.admin, &server.manager.invoice, &wallet.admin, &wallet.invoice,
            "secret-order-1", "correct horse battery", "not-a-key-but-shown-as-one", paid["preimage"].as_str().unwrap(),
        ];
        for secret in secrets {
            for form in [secret.to_owned(), hex_of(secret)] {
                assert!(!dump.contains(&form), "{form} is in the database");
                assert!(!log.contains(&form), "{form} is in the log");
            }
        }
    }
}
