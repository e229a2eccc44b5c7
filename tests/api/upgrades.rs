//! Offers to upgrade that are no web socket's are ignored, and the connection is kept.

use std::io::Write;
use std::process::Command;

use crate::harness::{Answer, Server, both_stores};

/// What clients and proxies send along: every JVM's client, nginx as set up for LNbits, and
/// what asks for a web socket where there is none.
const OFFERS: [&str; 9] = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n",
    "Connection: upgrade\r\n",
    "Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n",
    "Connection: UPGRADE\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Upgrade: websocket\r\n",
    "Upgrade:websocket\r\nConnection:upgrade\r\n",
    "connection: \t upgrade \r\nupgrade: \t websocket \r\n",
    "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: foo/2, h2c\r\n",
    "Upgrade: h2c\r\n",
];

/// A Java program that posts with the client of the JDK.
const MANY_POSTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/ManyPosts.java");

/// Asserts that an answer does not speak of upgrading, and keeps the connection.
#[track_caller]
fn is_kept(answer: &Answer) {
    let connection = answer.header("connection").unwrap_or_default();
    assert!(connection.is_empty() || connection == "keep-alive", "{connection}: {answer:?}");
    assert_eq!(answer.header("upgrade"), None);
}

/// An order, with these headers: with its length, and in chunks.
fn orders(server: &Server, headers: &str) -> [String; 2] {
    let head =
        format!("POST /api/v1/payments HTTP/1.1\r\nHost: x\r\nX-Api-Key: {}\r\n{headers}", server.manager.invoice);
    let body = r#"{"amount": 7, "memo": "\nUpgrade: websocket, upgrade\n"}"#;
    let (start, rest) = body.split_at(10);
    let chunks = format!("{:x}\r\n{start}\r\n{:X};a=b\r\n{rest}\r\n0\r\n\r\n", start.len(), rest.len());
    [
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}"),
    ]
}

both_stores! {
    fn an_offer_is_ignored_and_the_connection_kept(server) {
        for offer in OFFERS {
            let mut raw = server.raw();
            for order in orders(server, offer) {
                raw.send(order);
                let answer = raw.answer();
                assert_eq!(answer.expect(201)["memo"], "\nUpgrade: websocket, upgrade\n", "{offer}");
                is_kept(&answer);
            }
            for (method, path, status) in [("GET", "/api/v1/health", 200), ("GET", "/api/v1/ws", 404), ("DELETE", "/api/v1/ws/x", 405)] {
                raw.send(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{offer}\r\n"));
                let answer = raw.answer();
                assert_eq!(answer.status, status, "{offer}");
                is_kept(&answer);
            }
            raw.send(format!("HEAD /api/v1/health HTTP/1.1\r\nHost: x\r\n{offer}\r\n"));
            is_kept(&raw.head());
            raw.send("GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            raw.answer().expect(200);
            assert!(raw.is_closed(), "{offer}");
        }
    }

    fn offers_in_a_row_are_answered_in_a_row(server) {
        for offer in OFFERS {
            let mut raw = server.raw();
            let [with_length, chunked] = orders(server, offer);
            raw.send(format!("{chunked}{with_length}{chunked}\r\n{with_length}"));
            for _ in 0..4 {
                let answer = raw.answer();
                answer.expect(201);
                is_kept(&answer);
            }
        }
    }

    fn an_offer_that_comes_in_pieces_is_ignored(server) {
        for offer in OFFERS {
            let mut raw = server.raw();
            for order in orders(server, offer) {
                for piece in order.as_bytes().chunks(11) {
                    raw.send(piece);
                }
                let answer = raw.answer();
                answer.expect(201);
                is_kept(&answer);
            }
        }
    }

    fn an_older_client_keeps_its_connection_if_it_says_so(server) {
        let request = |headers: &str| format!("GET /api/v1/ws/x HTTP/1.0\r\n{headers}\r\n");
        for offer in OFFERS.into_iter().chain([""]).filter(|offer| !offer.contains("keep-alive")) {
            let mut raw = server.raw();
            let kept = format!("Connection: keep-alive\r\n{offer}");
            for _ in 0..2 {
                raw.send(request(&kept));
                let answer = raw.answer();
                assert_eq!(answer.header("connection"), Some("keep-alive"), "{offer}");
            }
            raw.send(request(offer));
            assert_eq!(raw.answer().header("connection"), None, "{offer}");
            assert!(raw.is_closed(), "{offer}");
        }
    }

    fn what_is_asked_to_end_ends(server) {
        for connection in ["close", "upgrade, close", "close, upgrade"] {
            let mut raw = server.raw();
            raw.send(format!("GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nUpgrade: h2c\r\n\r\n"));
            assert_eq!(raw.answer().header("connection"), Some("close"));
            assert!(raw.is_closed());
        }
        // A tunnel is nothing that is done here, and what follows is nothing that is read.
        let mut raw = server.raw();
        raw.send("CONNECT x:80 HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        let answer = raw.answer();
        answer.refused(404, "not_found", "");
        assert_eq!(answer.header("connection"), Some("close"));
        // Neither is a socket that is refused, or asked for in another way.
        for headers in [OFFERS[0], OFFERS[1], OFFERS[3]] {
            let mut raw = server.raw();
            raw.send(format!("GET /api/v1/ws/{} HTTP/1.1\r\nHost: x\r\n{headers}\r\n", "0".repeat(32)));
            let answer = raw.answer();
            answer.refused(401, "bad_auth", "");
            assert_eq!(answer.header("connection"), Some("close"));
        }
    }

    fn a_java_client_loses_nothing(server) {
        let Ok(output) = Command::new("java").arg(MANY_POSTS).args([&server.url, &server.manager.invoice]).output() else {
            // Past the test runner's capture.
            let message = "\n*** NO JAVA FOUND: its client, which offers HTTP/2, is not tested. ***\n\
                           *** Install it (on Debian: apt-get install default-jdk-headless). ***\n\n";
            std::io::stderr().write_all(message.as_bytes()).unwrap();
            assert!(std::env::var_os("CI").is_none(), "CI must test with Java");
            return;
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(printed.trim(), "800 created");
        let listed = server.get("/api/v1/payments/paginated?memo=java&limit=1", &server.manager.invoice).expect(200);
        assert_eq!(listed["total"], 800);
    }
}
