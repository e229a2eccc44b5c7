//! Sources that answer, stall, lie, and lead astray.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::with;
use crate::harness::{Hook, Options, Receiver, Reply, Server, StoreKind, at_once, both_stores};

/// A source that answers this.
fn saying(status: u16, body: &str) -> Receiver {
    let body = body.to_owned();
    Receiver::answering(move |_| Reply { body: body.clone(), ..Reply::status(status) })
}

/// A source that says what a dollar is.
fn priced(price: &str) -> Receiver {
    saying(200, &format!(r#"{{"data": {{"USD": {price}, "EUR": "60000"}}}}"#))
}

/// A server that asks these, by the names a, b, c …
fn asking(sources: &[&Receiver], more: &[&str]) -> Options {
    let named = ('a'..).zip(sources).map(|(name, source)| format!("{name}={}/?key=5eed#/data/{{CUR}}", source.url));
    let sources = named.collect::<Vec<_>>().join(",");
    let mut arguments = vec!["--outgoing-allow", "127.0.0.1", "--rate-currencies", "USD,EUR", "--rates", &sources];
    arguments.extend(more);
    with(&arguments)
}

fn start(sources: &[&Receiver], more: &[&str]) -> Server {
    Server::start(StoreKind::Sqlite, asking(sources, more)).unwrap()
}

/// Asserts that there is no rate, and no trace of whoever wanted one.
#[track_caller]
fn refuses(server: &Server, code: &str) {
    let player = server.wallet("player", 0);
    let order = json!({"out": false, "amount": 30.5, "unit": "USD"});
    let answer = server.post("/api/v1/payments", &player.invoice, &order);
    answer.refused(503, code, "");
    assert_eq!(answer.header("retry-after"), Some("5"));
    server.get("/api/v1/rate/USD", "").refused(503, code, "");
    server.post("/api/v1/conversion", "", &json!({"amount": 1, "to": "usd"})).refused(503, code, "");
    let transfer = json!({"from_wallet": server.manager.id, "to_wallet": player.id, "amount": 1, "unit": "USD"});
    server.post("/usermanager/api/v1/transfers", &server.manager.admin, &transfer).refused(503, code, "");
    assert_eq!(server.get("/api/v1/payments", &player.invoice).expect(200), json!([]));
    assert_eq!(server.balance(&player), 0);
}

both_stores! {
    fn sources_that_agree_make_a_rate(server, asking(&[&priced("64900.00"), &priced("\"65100\""), &priced("1")], &["--metrics-listen", "127.0.0.1:0"])) {
        let log = server.logged();
        let metrics = log.split_once("metrics are at ").unwrap().1.split(';').next().unwrap().to_owned();
        let order = json!({"out": false, "amount": 65, "unit": "USD"});
        let invoice = server.post("/api/v1/payments", &server.manager.invoice, &order).expect(201);
        // The third one lies; perhaps it was not heard yet.
        assert_eq!(invoice["amount_sat"], 100_000);
        assert_eq!(invoice["extra"]["rate_sources"], json!(["a", "b"]));
        let rate = server.get("/api/v1/rate/usd", "").expect(200);
        assert_eq!((&rate["price"], &rate["sources"]), (&json!(65000), &json!(["a", "b"])));
        assert!(rate["age_s"].as_i64().unwrap() < 60);
        let text = server.agent.get(&metrics).call().unwrap().body_mut().read_to_string().unwrap();
        assert!(text.contains("satkeep_rate_sources{currency=\"USD\"} 2\n"), "{text}");
        assert!(text.contains("satkeep_rate_age_seconds{currency=\"USD\"} "), "{text}");
        assert!(text.contains("satkeep_rate_refusals_total{reason=\"unavailable\"} 0\n"), "{text}");
    }
}

#[test]
fn what_is_no_price_is_no_rate() {
    for body in [
        r#"{"data": {"USD": 0}}"#,
        r#"{"data": {"USD": -65000}}"#,
        r#"{"data": {"USD": NaN}}"#,
        r#"{"data": {"USD": "NaN"}}"#,
        r#"{"data": {"USD": null}}"#,
        r#"{"error": "limited"}"#,
        "<html>",
        "",
    ] {
        let source = saying(200, body);
        let server = start(&[&source], &[]);
        refuses(&server, "rate_unavailable");
        assert!(!source.hooks().is_empty(), "{body}");
    }
}

#[test]
fn a_source_that_fails_is_none() {
    let long = format!(r#"{{"data": {{"USD": 65000}}, "x": "{}"}}"#, "y".repeat(1024 * 1024));
    let elsewhere = priced("65000");
    let location: &'static str = format!("Location: {}/\r\n", elsewhere.url).leak();
    let leading = Receiver::answering(move |_: &Hook| Reply { headers: location, ..Reply::status(302) });
    for source in [saying(200, &long), saying(500, r#"{"data": {"USD": 65000}}"#), saying(404, ""), leading] {
        refuses(&start(&[&source], &[]), "rate_unavailable");
    }
    assert!(elsewhere.hooks().is_empty(), "no redirect is followed");
    // One that is not allowed is not asked.
    let source = priced("65000");
    let named = format!("a={}/#/data/{{CUR}}", source.url);
    let server = Server::start(StoreKind::Sqlite, with(&["--rates", &named])).unwrap();
    refuses(&server, "rate_unavailable");
    assert!(source.hooks().is_empty());
    let log = server.logged();
    assert!(log.contains("source=a") && log.contains("--outgoing-allow") && !log.contains("127.0.0.1:"), "{log}");
}

#[test]
fn two_that_disagree_are_no_rate_and_one_alone_is_none() {
    let server = start(&[&priced("65000"), &priced("70000")], &[]);
    let began = Instant::now();
    server.get("/api/v1/rate/USD", "").refused(503, "rate_divergent", "disagree");
    assert!(began.elapsed() < Duration::from_millis(2_900), "all have answered: {:?}", began.elapsed());
    refuses(&server, "rate_divergent");
    refuses(&start(&[&priced("65000"), &saying(500, "")], &[]), "rate_unavailable");
    // Unless the operator says otherwise.
    let server = start(&[&priced("65000"), &priced("70000")], &["--rate-divergence", "10"]);
    assert_eq!(server.get("/api/v1/rate/USD", "").expect(200)["price"], 67500);
    let server = start(&[&priced("65000"), &saying(500, "")], &["--rate-quorum", "1"]);
    assert_eq!(server.get("/api/v1/rate/USD", "").expect(200)["price"], 65000);
}

#[test]
fn one_that_stalls_keeps_nobody_waiting_who_need_not() {
    let stalling = Receiver::answering(|_| Reply { after: Duration::from_secs(20), ..Reply::status(200) });
    // The others are enough.
    let server = start(&[&priced("65000"), &priced("65000"), &stalling], &[]);
    let began = Instant::now();
    assert_eq!(server.get("/api/v1/rate/USD", "").expect(200)["price"], 65000);
    assert!(began.elapsed() < Duration::from_millis(2_900), "{:?}", began.elapsed());
    // Where they are not, whoever is first waits, and nobody after that.
    let server = start(&[&priced("65000"), &stalling], &[]);
    let answers = at_once(8, |_| server.get("/api/v1/rate/USD", ""));
    for answer in answers {
        answer.refused(503, "rate_unavailable", "");
    }
    let began = Instant::now();
    server.get("/api/v1/rate/USD", "").refused(503, "rate_unavailable", "");
    assert!(began.elapsed() < Duration::from_millis(2_900), "{:?}", began.elapsed());
    // Others are served meanwhile.
    server.wallet("player", 1);
}

#[test]
fn one_answer_serves_all_and_the_log_tells_no_url() {
    let (a, b) = (priced("65000"), priced("0"));
    let server = start(&[&a, &b], &["--rate-quorum", "1"]);
    let prices = at_once(16, |index| {
        let code = if index % 2 == 0 { "USD" } else { "EUR" };
        server.get(&format!("/api/v1/rate/{code}"), "").expect(200)["price"].as_i64().unwrap()
    });
    assert!(prices.iter().all(|price| [65_000, 60_000].contains(price)), "{prices:?}");
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(a.hooks().len(), 1, "once a minute");
    assert_eq!(a.hooks()[0].headers["accept"], "application/json");
    let log = server.logged();
    assert!(log.contains("a source of rates says what cannot be") && log.contains("source=b"), "{log}");
    assert!(!log.contains("5eed"), "{log}");
}
