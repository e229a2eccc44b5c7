//! What API.md says of every request and of every error.

use serde_json::json;

use crate::harness::both_stores;

both_stores! {
    fn a_key_comes_in_a_header_of_any_case_or_in_the_query(server) {
        let key = server.manager.invoice.clone();
        for header in ["X-Api-Key", "x-api-key", "X-API-KEY"] {
            server.send("GET", "/api/v1/wallet", &[(header, &key)], "").expect(200);
        }
        server.send("GET", &format!("/api/v1/wallet?api-key={key}"), &[], "").expect(200);
        assert!(!server.logged().contains(&key), "a key in the log");
    }

    fn a_missing_or_unknown_key_is_told_before_a_bad_body(server) {
        let cases: [(&str, &str); 5] = [
            ("POST", "/api/v1/payments"),
            ("POST", "/usermanager/api/v1/users"),
            ("POST", "/usermanager/api/v1/transfers"),
            ("PATCH", "/api/v1/wallet"),
            ("PUT", "/usermanager/api/v1/users/00000000000000000000000000000000"),
        ];
        for (method, path) in cases {
            server.send(method, path, &[], "{bad").refused(401, "no_api_key", "No Api Key provided");
            server.send(method, path, &[("X-Api-Key", "")], "{bad").refused(401, "no_api_key", "No Api Key provided");
            let unknown = [("X-Api-Key", "00000000000000000000000000000000")];
            server.send(method, path, &unknown, "{bad").refused(401, "bad_auth", "Bad auth");
            let large = "x".repeat(100_000);
            server.send(method, path, &unknown, &large).refused(401, "bad_auth", "Bad auth");
        }
        let odd = [("X-Api-Key", "schlüssel")];
        server.send("GET", "/api/v1/wallet", &odd, "").refused(401, "", "");
    }

    fn a_body_is_json_whatever_its_content_type(server) {
        let key = server.manager.invoice.clone();
        for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"] {
            let headers = [("X-Api-Key", key.as_str()), ("Content-Type", content_type)];
            let body = r#"{"amount": 5, "memo": "m", "surprise": [1, {"x": null}]}"#;
            server.send("POST", "/api/v1/payments", &headers, body).expect(201);
        }
        server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], r#"{"amount": 5}"#).expect(201);
    }

    fn a_body_is_read_leniently(server) {
        let key = server.manager.invoice.clone();
        let accepted = [
            r#"{"out": "false", "amount": "7"}"#,
            r#"{"out": "False", "amount": 7.0, "memo": null}"#,
            r#"{"out": null, "amount": 7, "memo": "", "webhook": "", "extra": null, "bolt11": ""}"#,
            r#"{"out": "", "amount": " 7 ", "expiry": "", "extra": "", "unit": "sat", "internal": "true"}"#,
        ];
        for body in accepted {
            let invoice = server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], body).expect(201);
            assert_eq!(invoice["amount"], 7_000, "{body}");
            assert_eq!(invoice["memo"], "", "{body}");
            assert_eq!(invoice["webhook"], json!(null), "{body}");
            assert_eq!(invoice["extra"], json!({}), "{body}");
        }
        let refused = [
            (r#"{"amount": 0.5}"#, "amount"),
            (r#"{"amount": "0.5"}"#, "amount"),
            (r#"{"amount": 1e30}"#, "amount"),
            (r#"{"amount": 18446744073709551615}"#, "amount"),
            (r#"{"amount": [7]}"#, "amount"),
            (r#"{"amount": true}"#, "amount"),
            (r#"{"amount": 7, "out": "maybe"}"#, "out"),
            (r#"{"amount": 7, "memo": {"a": 1}}"#, "memo"),
            (r#"{"amount": 7, "extra": [1]}"#, "extra"),
            (r#"{"amount": 7, "extra": "text"}"#, "extra"),
            (r#"{"amount": 7, "memo": "\u0000"}"#, "memo"),
            (r#"{"amount": 7, "amount": 8}"#, "amount"),
        ];
        for (body, field) in refused {
            let answer = server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], body);
            answer.refused(400, "invalid_request", field);
            let told = answer.json();
            assert!(told["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{body}: {told}");
        }
    }

    fn a_body_that_is_not_json_is_refused(server) {
        let key = server.manager.admin.clone();
        let deep = format!(r#"{{"amount": 7, "extra": {}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        for body in ["{bad", "{\"amount\": 7", "amount=7", "{\"amount\": 7} x", "\u{feff}{}"] {
            server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], body).refused(400, "invalid_json", "JSON");
        }
        for body in ["[]", "7", "\"text\"", "null", "true"] {
            let answer = server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], body);
            answer.refused(400, "invalid_request", "");
        }
        server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], &deep).refused(400, "invalid_request", "extra");
        // None at all is an object without fields.
        server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], "").refused(400, "invalid_request", "amount");
    }

    fn a_body_has_a_largest_size(server) {
        let key = server.manager.invoice.clone();
        let body = |padding: usize| format!(r#"{{"amount": 7, "surprise": "{}"}}"#, "x".repeat(padding));
        server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], &body(60_000)).expect(201);
        let answer = server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], &body(65_536));
        answer.refused(413, "body_too_large", "64 KiB");
    }

    fn every_answer_has_a_request_id_that_is_logged(server) {
        let own = server.send("GET", "/api/v1/health", &[("X-Request-Id", "my-id_1.2")], "");
        assert_eq!(own.header("x-request-id"), Some("my-id_1.2"));
        assert!(server.logged().contains("my-id_1.2"));
        for odd in ["", "a b", "x;y", &"x".repeat(129), "ümlaut"] {
            let answer = server.send("GET", "/api/v1/nothing", &[("X-Request-Id", odd)], "");
            let id = answer.header("x-request-id").unwrap().to_owned();
            assert_eq!(id.len(), 16, "{odd} gave {id}");
            answer.refused(404, "not_found", "Not found");
        }
    }

    fn a_text_that_no_store_can_keep_is_refused(server) {
        let key = server.manager.admin.clone();
        let paths = [
            "/api/v1/payments?search=%00", "/api/v1/payments?memo=a%00b", "/api/v1/payments?sortby=%00",
            "/usermanager/api/v1/users?name=%00", "/usermanager/api/v1/users?extra=%00",
        ];
        for path in paths {
            server.get(path, &key).refused(400, "invalid_request", "U+0000");
        }
        server.put("/api/v1/wallet/a%00b", &key, &json!({})).refused(404, "not_found", "");
    }
}
