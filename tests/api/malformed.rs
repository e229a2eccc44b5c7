//! What is no request as it must be: the refusal is in the shape that all have, although it is
//! the HTTP library that has found it.

use crate::harness::{Answer, Raw, both_stores};

/// Asserts a refusal in the one shape, with what every answer has, after which the connection
/// ends.
#[track_caller]
fn refused(raw: &mut Raw, status: u16, code: &str, detail: &str) -> Answer {
    let answer = raw.answer();
    answer.refused(status, code, detail);
    for (name, value) in [
        ("content-type", "application/json"),
        ("access-control-allow-origin", "*"),
        ("cache-control", "no-store"),
        ("connection", "close"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("date").is_some());
    assert!(raw.is_closed());
    answer
}

const ENCODED: &str = "must be percent-encoded";
const HTTP: &str = "not well-formed HTTP";

both_stores! {
    fn a_target_that_is_not_encoded_is_told_so(server) {
        for target in [
            "/api/v1/payments?search=\"coffee\"", "/api/v1/payments?search=two words", "/api/v1/payments?search=café",
            "/api/v1/qrcode/дом", "/api/v1/wallet/a b", "/api/v1/payments?search=<b>",
        ] {
            let mut raw = server.raw();
            raw.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\nOrigin: https://game.example\r\n\r\n"));
            let answer = refused(&mut raw, 400, "malformed_request", ENCODED);
            assert!(server.logged().contains(answer.header("x-request-id").unwrap()), "{target}");
        }
        let mut raw = server.raw();
        raw.send(b"GET /api/v1/payments?search=caf\xe9 HTTP/1.1\r\nHost: x\r\n\r\n");
        refused(&mut raw, 400, "malformed_request", ENCODED);
        // Asked for with HEAD, it has no body either.
        let mut raw = server.raw();
        raw.send("HEAD /a b HTTP/1.1\r\nHost: x\r\n\r\n");
        let head = raw.head();
        assert!((head.status, head.header("content-length") > Some("0")) == (400, true));
        assert!(raw.is_closed());
    }

    fn what_is_not_http_is_told_so(server) {
        let post = |headers: &str, rest: &str| format!("POST /api/v1/payments HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{rest}");
        let cases = [
            "GET /api/v1/health HTTP/1.1\r\n\r\n".to_owned(),
            "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n".to_owned(),
            "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX Y: z\r\n\r\n".to_owned(),
            "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n".to_owned(),
            "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: a\u{1}b\r\n\r\n".to_owned(),
            "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n".to_owned(),
            "GET /api/v1/health HTTP/3.1\r\nHost: x\r\n\r\n".to_owned(),
            "GET\r\n\r\n".to_owned(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}".to_owned(),
            post("Content-Length: abc", ""),
            post("Content-Length: -1", ""),
            post("Content-Length: 2\r\nContent-Length: 3", "{}"),
            post("Content-Length: 2\r\nTransfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"),
            post("Transfer-Encoding: gzip", ""),
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
            "POST /api/v1/payments HTTP/1.0\r\n\r\n".to_owned(),
            "POST /api/v1/payments HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        ];
        for case in cases {
            let mut raw = server.raw();
            raw.send(&case);
            let answer = raw.answer();
            assert_eq!(answer.status, 400, "{case}");
            answer.refused(400, "malformed_request", HTTP);
            assert!(raw.is_closed(), "{case}");
        }
    }

    fn a_head_that_is_too_large_is_told_so(server) {
        let head = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let mut raw = server.raw();
        raw.send(head("/api/v1/health", &"X: y\r\n".repeat(100)));
        refused(&mut raw, 431, "headers_too_large", "no more than 96");
        for kib in [129, 200, 1000] {
            let mut raw = server.raw();
            raw.send(head("/api/v1/health", &format!("X: {}\r\n", "y".repeat(kib * 1024))));
            refused(&mut raw, 431, "headers_too_large", "32 KiB");
        }
        let mut raw = server.raw();
        raw.send(head(&format!("/{}", "x".repeat(70_000)), ""));
        refused(&mut raw, 414, "uri_too_long", "16 KiB");
    }

    fn what_came_before_is_answered_first(server) {
        let health = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
        let wallet = format!("GET /api/v1/wallet HTTP/1.1\r\nHost: x\r\nX-Api-Key: {}\r\n\r\n", server.manager.invoice);
        for before in [health, &wallet] {
            let mut raw = server.raw();
            raw.send(format!("{before}{before}GET /api/v1/payments?search=a b HTTP/1.1\r\nHost: x\r\n\r\n{before}"));
            raw.answer().expect(200);
            raw.answer().expect(200);
            refused(&mut raw, 400, "malformed_request", ENCODED);
            // One after the other as well.
            let mut raw = server.raw();
            raw.send(before);
            raw.answer().expect(200);
            raw.send("GET /api/v1/health HTTP/1.1\r\n\r\n");
            refused(&mut raw, 400, "malformed_request", HTTP);
        }
    }

    fn a_body_that_cannot_be_read_is_answered_once_at_most(server) {
        for key in ["", server.manager.invoice.as_str()] {
            let head = format!("POST /api/v1/payments HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nTransfer-Encoding: chunked\r\n\r\n");
            for body in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}xx0\r\n\r\n", "fffffffffffffffff\r\n"] {
                let mut raw = server.raw();
                raw.send(format!("{head}{body}"));
                // The library may give the connection up before the handler has answered.
                if !raw.is_at_end() {
                    raw.answer().refused(if key.is_empty() { 401 } else { 400 }, "", "");
                    assert!(raw.is_closed(), "{body}");
                }
            }
        }
    }
}
