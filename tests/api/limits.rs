//! What the edge of the server lets through: how many requests a second, how large a head,
//! how many connections.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use crate::harness::{Answer, Options, Server, StoreKind, at_once, both_stores};

/// More requests at once than any limit of these tests lets through.
const MANY: usize = 60;

fn with(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(ToString::to_string).collect(), ..Options::default() }
}

/// Asserts that some were served and some were refused, and answers one of the refused.
#[track_caller]
fn some_refused(answers: Vec<Answer>) -> Answer {
    let (refused, served): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 429);
    assert!(!served.is_empty(), "all of them are refused");
    for answer in &served {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    for answer in &refused {
        answer.refused(429, "rate_limited", "Too many requests; try again later");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    refused.into_iter().next().expect("some are refused")
}

both_stores! {
    fn a_key_makes_only_so_many_requests(server, with(&["--rate-limit", "5"])) {
        let wallet = server.wallet("player", 0);
        some_refused(at_once(MANY, |_| server.get("/api/v1/wallet", &wallet.invoice)));
        // By the other key of the same wallet, by any other one, and by none.
        server.get("/api/v1/wallet", &wallet.admin).expect(200);
        server.get("/api/v1/wallet", &server.manager.invoice).expect(200);
        for answer in at_once(MANY, |_| server.send("GET", "/api/v1/health", &[], "")) {
            answer.expect(200);
        }
    }

    fn a_request_counts_wherever_its_key_is(server, with(&["--rate-limit", "5"])) {
        let wallet = server.wallet("player", 0);
        let path = format!("/api/v1/payments/fee-reserve?invoice={}", server.invoice(&wallet, 1));
        let by_query = format!("/api/v1/wallet?api-key={}", wallet.admin);
        some_refused(at_once(MANY, |_| server.send("GET", &by_query, &[], "")));
        // A path that takes no key does not look at one.
        server.get(&path, &wallet.admin).expect(200);
    }

    fn an_unknown_key_is_told_so_and_not_counted(server, with(&["--rate-limit", "5"])) {
        for answer in at_once(MANY, |_| server.get("/api/v1/wallet", "00000000000000000000000000000000")) {
            answer.refused(401, "bad_auth", "Bad auth");
        }
    }

    fn without_limits_there_are_none(server) {
        for answer in at_once(MANY, |_| server.get("/api/v1/wallet", &server.manager.invoice)) {
            answer.expect(200);
        }
    }

    fn a_client_makes_only_so_many_requests(server, with(&["--rate-limit-address", "5"])) {
        // Nobody is trusted, so whatever stands in the header is of no use.
        let refused = some_refused(at_once(MANY, |index| {
            let claimed = format!("203.0.113.{index}");
            let headers = [("X-Forwarded-For", claimed.as_str()), ("Origin", "https://game.example")];
            server.send("GET", "/api/v1/health", &headers, "")
        }));
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
        assert!(server.logged().contains(refused.header("x-request-id").unwrap()));
    }

    fn clients_behind_a_trusted_proxy_are_counted_apart(
        server,
        with(&["--rate-limit-address", "5", "--trusted-proxies", "::1,127.0.0.0/8"])
    ) {
        let health = |forwarded: &str| server.send("GET", "/api/v1/health", &[("X-Forwarded-For", forwarded)], "");
        some_refused(at_once(MANY, |_| health("203.0.113.1")));
        health("203.0.113.2").expect(200);
        health("203.0.113.1, 203.0.113.3").expect(200);
        for answer in at_once(MANY, |index| health(&format!("198.51.100.{index}"))) {
            answer.expect(200);
        }
        // A client that claims to be others is itself.
        some_refused(at_once(MANY, |index| health(&format!("198.51.100.{index}, 203.0.113.4"))));
        // A client may have a whole /64, and is one client.
        some_refused(at_once(MANY, |index| health(&format!("2001:db8::{index:x}"))));
        for answer in at_once(MANY, |index| health(&format!("2001:db8:0:{:x}::1", index + 1))) {
            answer.expect(200);
        }
    }

    fn a_head_has_a_largest_size(server) {
        let health = |length: usize| {
            let path = format!("{:x<length$}", "/api/v1/health?x=");
            server.send("GET", &path, &[], "")
        };
        health(16 * 1024).expect(200);
        for length in [16 * 1024 + 1, 60_000] {
            health(length).refused(414, "uri_too_long", "16 KiB");
        }
        let path = format!("/{}", "x".repeat(16 * 1024));
        server.get(&path, &server.manager.admin).refused(414, "uri_too_long", "16 KiB");
        let (half, most) = ("x".repeat(16 * 1024), "x".repeat(31 * 1024));
        server.send("GET", "/api/v1/health", &[("X-Padding", &most)], "").expect(200);
        for headers in [&[("X-Padding", half.as_str()), ("X-Padding", &half)][..], &[("X-Padding", &half.repeat(5))]] {
            let answer = server.send("POST", "/api/v1/payments", headers, r#"{"amount": 7}"#);
            answer.refused(431, "headers_too_large", "32 KiB");
        }
    }

    fn a_connection_too_many_waits(server, with(&["--connections-max", "1"])) {
        // The client that has read the manager's wallet holds the only connection still.
        let mut second = server.connect();
        second.write_all(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let waiting = second.read(&mut [0]).unwrap_err();
        assert!(matches!(waiting.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waiting}");
        server.send("GET", "/api/v1/health", &[("Connection", "close")], "").expect(200);
        second.set_read_timeout(None).unwrap();
        let mut answer = String::new();
        second.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[test]
fn a_head_that_does_not_end_is_given_up() {
    let server = Server::start(StoreKind::Sqlite, Options::default()).unwrap();
    let mut connection = server.connect();
    connection.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    connection.write_all(b"GET /api/v1/health HTTP/1.1\r\n").unwrap();
    let mut answer = [0; 1024];
    // A line now and then is no way around.
    for _ in 0..100 {
        if connection.write_all(b"X-Padding: x\r\n").is_err() {
            return;
        }
        match connection.read(&mut answer) {
            Ok(length) => {
                let answer = String::from_utf8_lossy(&answer[..length]);
                assert!(
                    answer.starts_with("HTTP/1.1 408") && answer.contains("\"code\":\"head_too_slow\""),
                    "{answer}"
                );
                assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
                return;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // The line and the answer have crossed.
            Err(error) => return assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    panic!("the server still waits");
}
