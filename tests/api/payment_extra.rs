//! `PATCH /api/v1/payments/extra`

use serde_json::{Value, json};

use crate::harness::{Answer, Server, Wallet, at_once, both_stores};

fn append(server: &Server, key: &str, hash: &Value, extra: &Value) -> Answer {
    let body = json!({"payment_hash": hash, "extra": extra}).to_string();
    server.send("PATCH", "/api/v1/payments/extra", &[("X-Api-Key", key)], &body)
}

fn paid(server: &Server, wallet: &Wallet, extra: &Value) -> Value {
    let invoice = server
        .post("/api/v1/payments", &wallet.invoice, &json!({"out": false, "amount": 5, "extra": extra}))
        .expect(201);
    server.pay(&server.manager, invoice["bolt11"].as_str().unwrap()).expect(201);
    invoice["payment_hash"].clone()
}

both_stores! {
    fn members_are_added_to_what_came_in(server) {
        let shop = server.wallet("shop", 0);
        let hash = paid(server, &shop, &json!({"order": 7}));
        let payment = append(server, &shop.admin, &hash, &json!({"shipped": true, "tag": "done"})).expect(200);
        let expected = json!({"order": 7, "shipped": true, "tag": "done"});
        assert_eq!((&payment["extra"], &payment["tag"], &payment["status"]), (&expected, &json!("done"), &json!("success")));
        let found = server.get("/api/v1/payments?tag=done", &shop.invoice).expect(200);
        assert_eq!((&found[0]["extra"], &found[0]["payment_hash"]), (&expected, &hash));
        // The payer's own data is the payer's.
        let path = format!("/api/v1/payments/{}", hash.as_str().unwrap());
        assert_eq!(server.get(&path, &server.manager.invoice).expect(200)["details"]["extra"], json!({}));
        append(server, &shop.admin, &hash, &json!({})).expect(200);
        append(server, &shop.admin, &hash, &json!({"order": 8, "tag": 1, "new": 2})).refused(400, "invalid_request", "order, tag");
        let large = json!({"large": "x".repeat(8170)});
        append(server, &shop.admin, &hash, &large).refused(400, "invalid_request", "8192 bytes");
        append(server, &shop.admin, &hash, &json!([])).refused(400, "invalid_request", "extra");
        append(server, &shop.admin, &Value::Null, &json!({})).refused(400, "invalid_request", "payment_hash");
        assert_eq!(server.get(&path, &shop.invoice).expect(200)["details"]["extra"], expected);
        server.audit();
    }

    fn nothing_else_is_changed(server) {
        let shop = server.wallet("shop", 100);
        let hash = paid(server, &shop, &Value::Null);
        append(server, &shop.invoice, &hash, &json!({"a": 1})).refused(403, "admin_key_required", "");
        // A payment that went out is an entry of the ledger.
        append(server, &server.manager.admin, &hash, &json!({"a": 1})).refused(400, "invalid_request", "went out");
        let open = server.post("/api/v1/payments", &shop.invoice, &json!({"amount": 5})).expect(201);
        append(server, &shop.admin, &open["payment_hash"], &json!({"a": 1})).refused(400, "invalid_request", "not succeeded");
        let stranger = server.wallet("stranger", 0);
        for hash in [hash, open["payment_hash"].clone(), json!("0".repeat(64)), json!("x")] {
            append(server, &stranger.admin, &hash, &json!({"a": 1})).refused(404, "payment_not_found", "Payment does not exist.");
        }
    }

    fn a_request_that_is_repeated_is_answered_as_before(server) {
        let shop = server.wallet("shop", 0);
        for (key, extra) in [("with", json!({"order": 7})), ("without", Value::Null)] {
            let order = json!({"out": false, "amount": 5, "extra": extra}).to_string();
            let headers = [("X-Api-Key", shop.invoice.as_str()), ("Idempotency-Key", key)];
            let create = || server.send("POST", "/api/v1/payments", &headers, &order);
            let first = create().expect(201);
            server.pay(&server.manager, first["bolt11"].as_str().unwrap()).expect(201);
            for more in [json!({"tag": "done"}), json!({"shipped": true})] {
                append(server, &shop.admin, &first["payment_hash"], &more).expect(200);
                let again = create();
                assert_eq!((again.expect(201), again.header("idempotent-replayed")), (first.clone(), Some("true")));
            }
            // Everything else shows what was added.
            let path = format!("/api/v1/payments/{}", first["payment_hash"].as_str().unwrap());
            let now = server.get(&path, &shop.invoice).expect(200)["details"]["extra"].clone();
            assert_eq!((&now["shipped"], &now["tag"]), (&json!(true), &json!("done")));
        }
        assert_eq!(server.get("/api/v1/payments?tag=done", &shop.invoice).expect(200).as_array().unwrap().len(), 2);
    }

    fn additions_at_once_are_all_kept(server) {
        let shop = server.wallet("shop", 0);
        let hash = paid(server, &shop, &Value::Null);
        let answers = at_once(8, |index| append(server, &shop.admin, &hash, &json!({ format!("member {index}"): index })));
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        let path = format!("/api/v1/payments/{}", hash.as_str().unwrap());
        let extra = server.get(&path, &shop.invoice).expect(200)["details"]["extra"].clone();
        assert_eq!(extra.as_object().unwrap().len(), 8, "{extra}");
    }
}
