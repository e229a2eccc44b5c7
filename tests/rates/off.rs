//! Off by default: nothing is offered, and nothing leaves the machine.

use satkeep::rates::settings::{Divergence, MaxAge, Settings};
use satkeep::services::rates::Rates;
use serde_json::json;

use super::with;
use crate::harness::{Silent, StoreKind, TestDatabase, both_stores, satkeep};

both_stores! {
    fn without_settings_there_are_no_rates(server) {
        assert_eq!(server.get("/api/v1/currencies", "").expect(200), json!([]));
        for path in ["/api/v1/rate/USD", "/api/v1/rate/RRR", "/api/v1/rate/history", "/api/v1/rate/history?currency=EUR"] {
            server.get(path, "").refused(400, "rates_disabled", "not enabled");
        }
        let conversion = server.post("/api/v1/conversion", "", &json!({"from_": "usd", "amount": "1"}));
        conversion.refused(400, "rates_disabled", "not enabled");
        let invoice = server.post("/api/v1/payments", &server.manager.invoice, &json!({"amount": 1.5, "unit": "USD"}));
        invoice.refused(400, "unsupported_unit", "The provided unit is not supported");
        let headers = [("X-Api-Key", server.manager.admin.as_str())];
        let change = server.send("PATCH", "/api/v1/wallet", &headers, r#"{"currency": "USD"}"#);
        change.refused(400, "invalid_request", "currency must be sat");
        // What an amount in sat must be is as ever.
        for amount in [json!(1.5), json!("x"), json!([1]), json!(true)] {
            for unit in ["sat", ""] {
                let order = json!({"out": false, "amount": amount, "unit": unit});
                server.post("/api/v1/payments", &server.manager.invoice, &order).refused(400, "invalid_request", "amount must be");
            }
            let order = json!({"out": true, "bolt11": server.invoice(&server.manager, 1), "amount": amount});
            server.post("/api/v1/payments", &server.manager.admin, &order).refused(400, "invalid_request", "amount must be");
        }
    }

    fn nobody_is_asked_before_somebody_wants_to_know(server, with(&[
        "--outgoing-allow", "127.0.0.1", "--rates", "a=http://127.0.0.1:9/#/{CUR}", "--rate-fixed", "USD=65000", "--rate-quorum", "1",
    ])) {
        server.wallet("player", 10);
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        let log = server.logged();
        assert!(!log.contains("source of rates"), "{log}");
        server.get("/api/v1/rate/EUR", "").refused(503, "rate_unavailable", "");
        let log = server.logged();
        // By its name, and not by its URL.
        assert!(log.contains("a source of rates has failed") && log.contains("source=a"), "{log}");
        assert!(!log.contains("127.0.0.1:9"), "{log}");
    }
}

fn rates(sources: &str, fixed: &str) -> Rates {
    let (currencies, age, divergence) = ("".parse().unwrap(), MaxAge::default(), Divergence::default());
    Rates::new(
        Settings::new(sources.parse().unwrap(), currencies, fixed.parse().unwrap(), age, divergence, None).unwrap(),
    )
}

#[test]
fn nothing_asks_where_there_is_nobody_to_be_asked() {
    assert!(!rates("", "").is_on() && rates("", "").asking().is_none());
    assert!(rates("", "USD=1").is_on() && rates("", "USD=1").asking().is_none());
    assert!(rates("coinbase", "").asking().is_some());
}

#[test]
fn more_sources_cannot_have_to_agree_than_there_are() {
    let database = TestDatabase::create(StoreKind::Sqlite).unwrap();
    let serve = |sources: &str| {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--rates", sources, "--rate-quorum", "2"];
        satkeep(&database).args(arguments).output().unwrap()
    };
    let output = serve("coinbase");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("--rate-quorum: must be"), "{error}");
}

#[test]
fn a_rate_of_nobody_is_no_connection() {
    // A source that is allowed, and a server that is never asked: what it would connect to hears nothing.
    let silent = Silent::start(1);
    let source = format!("a={}#/{{CUR}}", silent.urls()[0]);
    let server = crate::harness::Server::start(
        StoreKind::Sqlite,
        with(&["--outgoing-allow", "127.0.0.1", "--rates", &source, "--rate-currencies", "USD"]),
    );
    let server = server.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(silent.connections(), 0);
    server.get("/api/v1/rate/USD", "").refused(503, "rate_unavailable", "");
    assert!(silent.connections() > 0);
}
