//! Which path is served, and by which methods.

use serde_json::{Value, json};

use crate::harness::both_stores;

/// The methods that a path may have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

both_stores! {
    fn a_slash_too_many_is_served_directly(server) {
        let key = server.manager.invoice.clone();
        let headers = [("X-Api-Key", key.as_str())];
        server.send("POST", "/api/v1/payments/", &headers, r#"{"amount": 7}"#).expect(201);
        server.send("POST", "//api/v1/payments", &headers, r#"{"amount": 7}"#).expect(201);
        server.send("GET", "//api/v1/wallet/", &headers, "").expect(200);
        server.send("GET", "///api/v1/wallet//?limit=1", &headers, "").expect(200);
        server.send("GET", "/usermanager/api/v1/users/", &headers, "").expect(200);
    }

    fn an_empty_segment_leads_nowhere(server) {
        let manager = server.manager.clone();
        let player = server.wallet("player", 5);
        let document: Value = serde_json::from_str(&server.send("GET", "/openapi.json", &[], "").text).unwrap();
        let (user, wallet) = (player.user.as_str(), player.id.as_str());
        for path in document["paths"].as_object().unwrap().keys() {
            let segments: Vec<_> = path.split('/').skip(1).collect();
            for place in 1..segments.len() - 1 {
                let filled = segments.iter().enumerate().map(|(index, segment)| match *segment {
                    _ if index == place => "",
                    "{user_id}" => user,
                    "{wallet_id}" => wallet,
                    segment if segment.starts_with('{') => "x",
                    segment => segment,
                });
                let path = format!("/{}", filled.collect::<Vec<_>>().join("/"));
                for method in METHODS {
                    let answer = server.send(method, &path, &[("X-Api-Key", &manager.admin)], "{}");
                    answer.refused(404, "not_found", "Not found");
                }
            }
        }
        assert_eq!(server.balance(&player), 5);
        server.get("/api/v1/wallet", &manager.admin).expect(200);
    }

    fn a_zero_character_leads_nowhere(server) {
        let manager = server.manager.clone();
        let document: Value = serde_json::from_str(&server.send("GET", "/openapi.json", &[], "").text).unwrap();
        for (pattern, operations) in document["paths"].as_object().unwrap() {
            let segments: Vec<_> = pattern.split('/').skip(1).collect();
            for place in (0..segments.len()).filter(|place| segments[*place].contains('{')) {
                for zero in ["%00", "a%00", "%00a%00b"] {
                    let filled = segments.iter().enumerate().map(|(index, segment)| match *segment {
                        _ if index == place => zero,
                        segment if segment.contains('{') => "true",
                        segment => segment,
                    });
                    let path = format!("/{}", filled.collect::<Vec<_>>().join("/"));
                    for method in operations.as_object().unwrap().keys().filter(|name| METHODS.contains(&name.to_uppercase().as_str())) {
                        let answer = server.send(&method.to_uppercase(), &path, &[("X-Api-Key", &manager.admin)], "{}");
                        answer.refused(404, "not_found", "Not found");
                    }
                }
            }
        }
        server.get("/api/v1/wallet", &manager.admin).expect(200);
    }

    fn what_only_looks_like_an_empty_segment_reaches_no_other_operation(server) {
        let key = server.manager.admin.clone();
        let player = server.wallet("player", 5);
        for segment in ["%20", "%2F", "%2f%2F", ".", "..", "%2E%2E", "%09", "+", "./.", "%00"] {
            for (method, rest) in [
                ("PUT", "wallets/{}/keys"), ("PUT", "wallets/{}/freeze"), ("DELETE", "wallets/{}/freeze"),
                ("DELETE", "wallets/{}"), ("DELETE", "users/{}"), ("POST", "users/{}/verify"), ("PUT", "users/{}"),
                ("PUT", "webhooks/{}/secret"), ("GET", "transactions/{}"),
            ] {
                let path = format!("/usermanager/api/v1/{}", rest.replace("{}", segment));
                let answer = server.send(method, &path, &[("X-Api-Key", &key)], r#"{"password": "x", "scope": "all"}"#);
                assert!([400, 404, 405].contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text);
            }
        }
        for path in ["/usermanager/api/v1/wallets/./keys", "/usermanager/api/v1/users/../rotate-all-keys"] {
            server.put(path, &key, &json!({})).refused(404, "", "");
        }
        assert_eq!(server.balance(&player), 5);
        server.get("/api/v1/wallet", &key).expect(200);
    }

    fn all_keys_are_renewed_at_a_path_that_no_empty_variable_reaches(server) {
        let manager = server.manager.clone();
        let player = server.wallet("player", 0);
        for path in ["wallets//keys", "wallets/keys", "wallets/keys/", "/wallets//keys", "wallets///keys"] {
            let answer = server.put(&format!("/usermanager/api/v1/{path}"), &manager.admin, &json!({}));
            assert!([404, 405].contains(&answer.status), "{path}: {}", answer.text);
        }
        server.get("/api/v1/wallet", &player.admin).expect(200);
        let renewed = server.put("/usermanager/api/v1/rotate-all-keys", &manager.admin, &json!({})).expect(200);
        assert_eq!(renewed.as_array().unwrap().len(), 2);
        server.get("/api/v1/wallet", &player.admin).refused(401, "bad_auth", "");
    }

    fn a_method_is_refused_with_those_of_the_path_itself(server) {
        let key = server.manager.admin.clone();
        let hash = "a".repeat(64);
        let cases = [
            ("GET", "/api/v1/payments/decode", "POST, OPTIONS"),
            ("GET", "/api/v1/payments/%64ecode", "POST, OPTIONS"),
            ("HEAD", "/api/v1/payments/decode", "POST, OPTIONS"),
            ("POST", "/api/v1/payments/sse", "GET, HEAD, OPTIONS"),
            ("PUT", "/api/v1/payments/paginated/", "GET, HEAD, OPTIONS"),
            ("DELETE", "/api/v1/payments/history", "GET, HEAD, OPTIONS"),
            ("POST", "/api/v1/payments/fee-reserve", "GET, HEAD, OPTIONS"),
            ("DELETE", "/api/v1/payments", "GET, HEAD, POST, OPTIONS"),
            ("PUT", "/api/v1/wallet", "GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
            ("POST", &format!("/api/v1/payments/{hash}"), "GET, HEAD, OPTIONS"),
            ("PUT", "/usermanager/api/v1/wallets/keys", "GET, HEAD, DELETE, OPTIONS"),
            ("PATCH", "/usermanager/api/v1/users/x", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
            ("GET", "/usermanager/api/v1/rotate-all-keys", "PUT, OPTIONS"),
            ("TRACE", "/api/v1/health", "GET, HEAD, OPTIONS"),
            ("POST", "/docs", "GET, HEAD, OPTIONS"),
            ("POST", "/docs/index.html", "GET, HEAD, OPTIONS"),
            ("POST", "/openapi.json", "GET, HEAD, OPTIONS"),
        ];
        for (method, path, allow) in cases {
            let answer = server.send(method, path, &[("X-Api-Key", &key)], "");
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
            if method != "HEAD" {
                answer.refused(405, "method_not_allowed", "Method not allowed");
            }
            let options = server.send("OPTIONS", path, &[], "");
            assert_eq!((options.status, options.header("allow")), (204, Some(allow)), "{path}");
        }
        server.send("OPTIONS", "/nothing", &[], "").refused(404, "not_found", "Not found");
    }

    fn a_path_or_method_that_is_not_there_is_refused_in_the_same_shape(server) {
        let key = server.manager.admin.clone();
        let paths = [
            "/", "/nothing", "/api/v1/auths", "/users/api/v1/users", "/api/v1/ws", "/api/v1/wallet/%ff",
        ];
        for path in paths {
            for method in ["GET", "POST"] {
                let answer = server.send(method, path, &[("X-Api-Key", &key)], "");
                assert!(matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.text);
                answer.refused(answer.status, "", "");
            }
        }
        let answer = server.send("DELETE", "/api/v1/payments", &[], "");
        answer.refused(405, "method_not_allowed", "Method not allowed");
        let allow = answer.header("allow").unwrap();
        assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    }
}
