//! Requests that come before the one before is answered: each answer is framed for its own.

use std::time::Duration;

use crate::harness::{Answer, Raw, Server, both_stores};

const WALLET: &str = "/api/v1/wallet";

/// A request without a body.
fn request(server: &Server, method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {}\r\n{headers}\r\n", server.manager.invoice)
}

/// An order, with its length and in chunks.
fn orders(server: &Server, headers: &str) -> [String; 2] {
    let body = r#"{"out": false, "amount": 1}"#;
    let head = |framing: &str| request(server, "POST", "/api/v1/payments", &format!("{headers}{framing}\r\n"));
    [
        format!("{}{body}", head(&format!("Content-Length: {}", body.len()))),
        format!("{}{:x}\r\n{body}\r\n0\r\n\r\n", head("Transfer-Encoding: chunked"), body.len()),
    ]
}

/// Asserts that the answer keeps the connection, and speaks of no upgrade.
#[track_caller]
fn is_kept(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.header("connection")), (status, None), "{answer:?}");
}

/// The next answer, which is the wallet.
#[track_caller]
fn wallet(raw: &mut Raw) {
    let answer = raw.answer();
    is_kept(&answer, 200);
    assert!(answer.json()["balance"].is_number(), "{answer:?}");
}

/// The next answer, which is the wallet's head.
#[track_caller]
fn wallet_head(raw: &mut Raw) {
    let head = raw.head();
    is_kept(&head, 200);
    assert!(head.header("content-length").is_some_and(|length| length != "0"), "{head:?}");
}

/// The next answer, which is a new invoice.
#[track_caller]
fn created(raw: &mut Raw) {
    let answer = raw.answer();
    is_kept(&answer, 201);
    assert!(answer.json()["bolt11"].is_string(), "{answer:?}");
}

both_stores! {
    fn an_answer_before_one_to_head_has_its_body(server) {
        let (head, get) = (request(server, "HEAD", WALLET, ""), request(server, "GET", WALLET, ""));
        for order in orders(server, "") {
            let mut raw = server.raw();
            raw.send(format!("{order}{head}{get}"));
            created(&mut raw);
            wallet_head(&mut raw);
            wallet(&mut raw);
        }
    }

    fn an_answer_to_head_is_no_more_than_its_head(server) {
        let mut raw = server.raw();
        for (method, path) in [("HEAD", WALLET), ("HEAD", "/api/v1/payments"), ("HEAD", "/api/v1/nowhere"), ("HEAD", "/openapi.json")] {
            raw.send(format!("{}{}", request(server, method, path, ""), request(server, "GET", WALLET, "")));
            assert!(raw.head().header("content-length").is_some(), "{path}");
            wallet(&mut raw);
        }
    }

    fn heads_and_bodies_alternate(server) {
        let pair = format!("{}{}", request(server, "HEAD", WALLET, ""), request(server, "GET", WALLET, ""));
        let mut raw = server.raw();
        raw.send(pair.repeat(100));
        for _ in 0..100 {
            wallet_head(&mut raw);
            wallet(&mut raw);
        }
        // And heads alone.
        raw.send(request(server, "HEAD", WALLET, "").repeat(200));
        for _ in 0..200 {
            wallet_head(&mut raw);
        }
    }

    fn requests_that_come_in_pieces_are_answered_in_a_row(server) {
        let [with_length, chunked] = orders(server, "");
        let (head, get) = (request(server, "HEAD", WALLET, ""), request(server, "GET", WALLET, ""));
        let all = format!("{head}{chunked}\r\n{head}{with_length}{get}");
        for size in [1, 7, 100] {
            let mut raw = server.raw();
            for piece in all.as_bytes().chunks(size) {
                raw.send(piece);
            }
            wallet_head(&mut raw);
            created(&mut raw);
            wallet_head(&mut raw);
            created(&mut raw);
            wallet(&mut raw);
        }
    }

    fn a_long_answer_is_whole_before_the_next(server) {
        let text = server.send("GET", "/openapi.json", &[], "").text;
        let (long, head) = (request(server, "GET", "/openapi.json", ""), request(server, "HEAD", WALLET, ""));
        let mut raw = server.raw();
        raw.send(format!("{long}{head}").repeat(20));
        // More than the system takes on its own.
        std::thread::sleep(Duration::from_millis(200));
        for _ in 0..20 {
            assert_eq!(raw.answer().text, text);
            wallet_head(&mut raw);
        }
    }

    fn an_answer_before_a_socket_speaks_of_no_upgrade(server) {
        let offer = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let socket = request(server, "GET", &format!("/api/v1/ws/{}", server.manager.invoice), offer);
        let mut raw = server.raw();
        raw.send(format!("{}{}{socket}", request(server, "GET", "/api/v1/payments", ""), request(server, "GET", WALLET, "")));
        is_kept(&raw.answer(), 200);
        wallet(&mut raw);
        let answer = raw.answer();
        assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")));
    }

    fn what_follows_the_last_request_is_dropped(server) {
        let payments = |server: &Server| server.get("/api/v1/payments/paginated", &server.manager.invoice).expect(200)["total"].as_u64();
        let before = payments(server);
        let [order, _] = orders(server, "");
        for path in [WALLET, "/api/v1/health", "/openapi.json", "/api/v1/nowhere"] {
            for last in [
                request(server, "GET", path, "Connection: close\r\n"),
                request(server, "GET", path, "").replace("HTTP/1.1", "HTTP/1.0"),
            ] {
                let mut raw = server.raw();
                raw.send(format!("{last}{order}{}", request(server, "GET", WALLET, "").repeat(50)));
                let answer = raw.answer();
                assert_eq!(answer.status, if path.ends_with("nowhere") { 404 } else { 200 });
                assert_eq!(answer.header("connection"), last.contains("close").then_some("close"));
                assert!(raw.is_closed(), "{last}");
            }
        }
        for last in orders(server, "Connection: close\r\n") {
            let mut raw = server.raw();
            raw.send(format!("{last}{order}"));
            let answer = raw.answer();
            assert_eq!((answer.status, answer.header("connection")), (201, Some("close")));
            assert!(raw.is_closed());
        }
        assert_eq!(payments(server), before.map(|before| before + 2));
    }

    fn an_older_request_does_not_change_the_answer_before(server) {
        let old = request(server, "GET", WALLET, "Connection: keep-alive\r\n").replace("HTTP/1.1", "HTTP/1.0");
        let mut raw = server.raw();
        raw.send(format!("{0}{old}{0}", request(server, "GET", WALLET, "")));
        wallet(&mut raw);
        assert_eq!(raw.answer().header("connection"), Some("keep-alive"));
        wallet(&mut raw);
    }

    fn a_client_that_sends_no_more_is_answered_to_the_end(server) {
        let [order, chunked] = orders(server, "");
        let mut raw = server.raw();
        raw.send(format!("{order}{}{chunked}", request(server, "HEAD", WALLET, "").repeat(3)));
        raw.end();
        created(&mut raw);
        for _ in 0..3 {
            wallet_head(&mut raw);
        }
        created(&mut raw);
        assert!(raw.is_closed());
    }

    fn a_refusal_before_the_end_of_its_request_is_its_answer(server) {
        let head = request(server, "HEAD", WALLET, "");
        // Nobody reads the body of a request without a key.
        let [_, chunked] = orders(server, "").map(|order| order.replace(&server.manager.invoice, "0"));
        let (start, rest) = chunked.split_at(chunked.len() - 20);
        let mut raw = server.raw();
        raw.send(start);
        let refusal = raw.answer();
        refusal.refused(401, "", "");
        is_kept(&refusal, 401);
        raw.send(format!("{rest}{head}"));
        wallet_head(&mut raw);
    }

    fn a_body_that_is_asked_for_comes(server) {
        for order in orders(server, "Expect: 100-continue\r\n") {
            let (head, body) = order.split_at(order.find("\r\n\r\n").unwrap() + 4);
            let mut raw = server.raw();
            raw.send(format!("{}{head}", request(server, "HEAD", WALLET, "")));
            wallet_head(&mut raw);
            assert_eq!(raw.answer().status, 100);
            raw.send(format!("{body}{}", request(server, "HEAD", WALLET, "")));
            created(&mut raw);
            wallet_head(&mut raw);
        }
    }
}
