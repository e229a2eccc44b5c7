//! Health, QR codes, the document and Swagger UI.

use serde_json::{Value, json};

use crate::harness::both_stores;

both_stores! {
    fn drawing_pictures_keeps_nobody_waiting(server) {
        let text = "a".repeat(2300);
        let drawn = std::sync::atomic::AtomicUsize::new(0);
        let waited = crate::harness::at_once(25, |index| {
            let began = std::time::Instant::now();
            if index > 0 {
                let answer = server.send("GET", &format!("/api/v1/qrcode/{text}"), &[], "");
                assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
                drawn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                return None;
            }
            server.get("/api/v1/wallet", &server.manager.admin).expect(200);
            Some((began.elapsed(), drawn.load(std::sync::atomic::Ordering::SeqCst)))
        });
        // Whoever has a key does not stand in the line of those who want pictures.
        let (_, before) = waited.into_iter().flatten().next().unwrap();
        assert!(before < 12, "{before} of 24 pictures came first");
    }

    fn the_server_tells_how_it_is(server) {
        for path in ["/api/v1/health", "/api/v1/health/ready"] {
            let health = server.send("GET", path, &[], "").expect(200);
            assert!(health["server_time"].as_i64().unwrap() > 1_700_000_000);
            assert!(health["up_time"].as_i64().unwrap() >= 0);
            assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
        }
    }

    fn a_text_becomes_a_qr_code(server) {
        let invoice = server.invoice(&server.manager, 1);
        let picture = server.send("GET", &format!("/api/v1/qrcode/{invoice}"), &[], "");
        assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/svg+xml")));
        assert!(picture.text.contains("<svg"), "{}", picture.text);
        let long = "x".repeat(3_000);
        server.send("GET", &format!("/api/v1/qrcode/{long}"), &[], "").refused(400, "invalid_request", "QR");
    }

    fn the_document_and_swagger_ui_are_served(server) {
        let document = server.send("GET", "/openapi.json", &[], "");
        assert_eq!(document.header("content-type"), Some("application/json"));
        let document: Value = document.expect(200);
        assert_eq!(document["openapi"], "3.1.0");
        for path in ["/docs", "/docs/"] {
            let moved = server.send("GET", path, &[], "");
            assert_eq!((moved.status, moved.header("location")), (302, Some("/docs/index.html")));
        }
        let page = server.send("GET", "/docs/index.html", &[], "");
        assert_eq!(page.status, 200);
        assert!(page.text.contains("swagger-ui"));
        for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
            let asset = server.send("GET", &format!("/docs/{asset}"), &[], "");
            assert_eq!(asset.status, 200);
            assert!(!asset.text.is_empty());
        }
        let setup = server.send("GET", "/docs/swagger-initializer.js", &[], "").text;
        assert!(setup.contains("/openapi.json"), "{setup}");
        server.send("GET", "/docs/nothing.html", &[], "").refused(404, "not_found", "Not found");
    }

    fn the_document_lists_what_the_server_answers(server) {
        // Every operation that needs a key refuses a request without one.
        let document = server.send("GET", "/openapi.json", &[], "").expect(200);
        let mut checked = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let keys = operation["security"].as_array().cloned().unwrap_or_default();
                // What a socket is opened for may be a key as well; this one is a hash.
                let path = path.replace("{payment_hash}", &"0".repeat(64)).replace("{item}", &"0".repeat(64));
                let path = with_some_ids(&path);
                let answer = server.send(&method.to_uppercase(), &path, &[], "");
                if keys.is_empty() || keys.contains(&json!({})) {
                    assert_ne!(answer.status, 401, "{method} {path}");
                } else if keys[0].get("Session").or(keys[0].get("Operator")).is_some() {
                    answer.refused(401, "no_token", "No access token provided");
                } else if keys[0].get("LndHub").is_some() {
                    let refusal = answer.expect(401);
                    assert_eq!((&refusal["code"], &refusal["message"]), (&json!(1), &json!("bad auth")), "{path}");
                } else {
                    answer.refused(401, "no_api_key", "No Api Key provided");
                }
                let documented = operation["responses"].as_object().unwrap();
                assert!(documented.contains_key(&answer.status.to_string()), "{method} {path}: {}", answer.status);
                checked += 1;
            }
        }
        assert!(checked >= 48, "{checked}");
    }
}

/// The path with every parameter replaced by an id.
fn with_some_ids(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "00000000000000000000000000000000" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}
