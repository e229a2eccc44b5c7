//! What browsers, and what asks for heads alone, are told.

use crate::harness::{Answer, both_stores};

/// What a request is told anew each time.
const CHANGING: [&str; 2] = ["date", "x-request-id"];

/// What every answer says to caches and browsers, unless it may be kept.
#[track_caller]
fn is_kept_by_nobody(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    is_for_browsers(answer);
}

#[track_caller]
fn is_for_browsers(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(answer.header("x-request-id").is_some());
}

both_stores! {
    fn a_script_may_send_any_header_by_any_method_to_any_path(server) {
        let wanted = [
            "x-api-key, authorization, idempotency-key, content-type",
            "cache-control,x-requested-with,sentry-trace,baggage,ngrok-skip-browser-warning,pragma,traceparent",
            "X-Whatever-Comes-Next",
        ];
        for path in ["/api/v1/payments", "/api/v1/payments/decode", "/usermanager/api/v1/users", "/nothing", "/docs", "//a//b"] {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
                for wanted in wanted {
                    let answer = server.send("OPTIONS", path, &[
                        ("Origin", "https://game.example"),
                        ("Access-Control-Request-Method", method),
                        ("Access-Control-Request-Headers", wanted),
                    ], "");
                    assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{method} {path}");
                    assert_eq!(answer.header("access-control-allow-headers"), Some(wanted));
                    let methods = answer.header("access-control-allow-methods").unwrap();
                    assert!(method == "PROPFIND" || methods.split(", ").any(|name| name == method), "{methods}");
                    assert_eq!(answer.header("access-control-max-age"), Some("3600"));
                    is_kept_by_nobody(&answer);
                }
            }
        }
    }

    fn a_script_reads_answers_and_refusals_alike(server) {
        let key = server.manager.invoice.clone();
        let large = "x".repeat(70_000);
        let long = format!("/{}", "x".repeat(17_000));
        let cases = [
            ("GET", "/api/v1/wallet", key.as_str(), "", 200), ("GET", "/api/v1/wallet", "", "", 401),
            ("GET", "/nothing", "", "", 404), ("GET", "/a//b", "", "", 404), ("GET", long.as_str(), "", "", 414),
            ("DELETE", "/api/v1/payments", &key, "", 405), ("POST", "/api/v1/payments", &key, &large, 413),
            ("POST", "/api/v1/payments", &key, "{", 400), ("GET", "/docs", "", "", 302),
            ("POST", "/usermanager/api/v1/users", &key, r#"{"user_name": "u"}"#, 201),
        ];
        for (method, path, key, body, status) in cases {
            let answer = server.send(method, path, &[("X-Api-Key", key), ("Origin", "https://game.example")], body);
            assert_eq!(answer.status, status, "{method} {path}");
            is_kept_by_nobody(&answer);
            let exposed = answer.header("access-control-expose-headers").unwrap();
            for header in ["x-request-id", "retry-after", "idempotent-replayed", "allow", "location"] {
                assert!(exposed.split(", ").any(|name| name == header), "{header} in {exposed}");
            }
            // And the same without a browser, but for what only a script needs to be told.
            let answer = server.send(method, path, &[("X-Api-Key", key)], body);
            assert_eq!(answer.status, status, "{method} {path}");
            is_kept_by_nobody(&answer);
            assert_eq!(answer.header("access-control-expose-headers"), None);
        }
    }

    fn what_is_the_same_for_long_may_be_kept(server) {
        for path in ["/docs/index.html", "/docs/swagger-ui.css", "/api/v1/qrcode/lnbc1"] {
            let answer = server.send("GET", path, &[], "");
            assert!(answer.header("cache-control").unwrap().contains("max-age="), "{path}");
            assert_eq!(answer.status, 200);
            is_for_browsers(&answer);
        }
    }

    fn swagger_ui_loads_nothing_from_elsewhere_and_keeps_no_key(server) {
        for path in ["/docs/index.html", "/docs/swagger-initializer.js", "/docs/swagger-ui-bundle.js"] {
            let page = server.send("GET", path, &[], "");
            let policy = page.header("content-security-policy").unwrap();
            for part in [
                "default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.split("; ").any(|told| told == part), "{part} in {policy}");
            }
            assert_eq!(page.header("x-frame-options"), Some("DENY"));
        }
        let settings = server.send("GET", "/docs/swagger-initializer.js", &[], "").text;
        assert!(!settings.contains("\"persistAuthorization\": true"), "{settings}");
        let page = server.send("GET", "/docs/index.html", &[], "").text;
        assert!(!page.contains("<script>") && !page.contains("http:") && !page.contains("https:"), "{page}");
    }

    fn the_first_page_is_for_browsers(server) {
        let accept = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        let page = server.send("GET", "/", &[accept], "");
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.text.contains("href=\"docs/index.html\"") && page.header("content-security-policy").is_some());
        is_for_browsers(&page);
        assert_eq!(server.send("HEAD", "/", &[accept], "").status, 200);
        // Scripts are told, as ever, that nothing is here.
        for accept in ["*/*", "application/json"] {
            server.send("GET", "/", &[("Accept", accept)], "").refused(404, "not_found", "");
        }
        server.send("POST", "/", &[accept], "").refused(405, "method_not_allowed", "");
    }

    fn a_head_is_that_of_the_answer_to_get(server) {
        let player = server.wallet("player", 5);
        let (manager, none) = (server.manager.admin.clone(), String::new());
        let hash = server.get("/api/v1/payments", &player.invoice).expect(200)[0]["payment_hash"].as_str().unwrap().to_owned();
        let cases = [
            ("/api/v1/wallet", &player.invoice), ("/api/v1/wallet", &none), ("/api/v1/payments?limit=1", &player.invoice),
            ("/api/v1/payments/paginated", &player.invoice), ("/api/v1/payments/history?group=day", &player.invoice),
            (&format!("/api/v1/payments/{hash}"), &player.invoice), (&format!("/api/v1/payments/{hash}"), &none),
            ("/usermanager/api/v1/users", &manager), ("/usermanager/api/v1/wallets", &manager),
            (&format!("/usermanager/api/v1/transactions/{}", player.id), &manager),
            ("/api/v1/health", &none), ("/api/v1/health/ready", &none), ("/api/v1/qrcode/lnbc1", &none),
            ("/docs", &none), ("/docs/", &none), ("/docs/index.html", &none), ("/docs/swagger-ui.css", &none),
            ("/openapi.json", &none), ("/nothing", &none), ("/a//b", &none), ("/api/v1/payments/decode", &none),
            (&format!("/api/v1/ws/{hash}"), &none), ("/api/v1/ws/x", &none), ("/api/v1/payments/sse", &none),
        ];
        for (path, key) in cases {
            let [get, head] = ["GET", "HEAD"].map(|method| server.send(method, path, &[("X-Api-Key", key)], ""));
            assert_eq!(head.text, "", "{path}");
            assert_eq!(get.status, head.status, "{path}");
            let headers = |answer: &Answer| {
                let mut headers = answer.headers.clone();
                for name in CHANGING {
                    headers.remove(name);
                }
                headers
            };
            assert_eq!(headers(&get), headers(&head), "{path}");
        }
    }

    fn the_head_of_a_stream_opens_none(server) {
        let wallet = server.wallet("listener", 0);
        let key = wallet.invoice.as_str();
        let mut streams = Vec::new();
        while let stream = server.events(key, None) && stream.status == 200 {
            streams.push(stream);
        }
        // There is no place left, and none is needed.
        for _ in 0..3 {
            let head = server.send("HEAD", "/api/v1/payments/sse", &[("X-Api-Key", key)], "");
            assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
            assert_eq!(head.header("cache-control"), Some("no-store"));
            assert_eq!(server.send("HEAD", "/api/v1/payments/sse", &[], "").status, 401);
        }
    }
}
