//! Metrics for Prometheus, the dashboard that shows them, and the log as JSON.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Options, Receiver, Reply, Server, both_stores};
use crate::webhooks::delivery::invoice;

fn with_metrics() -> Options {
    Options { arguments: vec!["--metrics-listen".into(), "127.0.0.1:0".into()], ..Options::default() }
}

/// Where the metrics are, as the log says.
fn address(server: &Server) -> String {
    let log = server.logged();
    let (_, address) = log.split_once("metrics are at ").expect("the log tells the address");
    address.split(';').next().unwrap().trim_end_matches("/metrics").to_owned()
}

fn get(server: &Server, url: &str) -> (String, String) {
    let mut answer = server.agent.get(url).call().unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    (kind, answer.body_mut().read_to_string().unwrap())
}

/// The value of a series; `None` where there is none.
fn value(text: &str, series: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    // A sum is written as 7.0.
    Some(line.trim_end_matches(".0").parse().unwrap())
}

fn requests(method: &str, route: &str, status: &str) -> String {
    format!("satkeep_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}")
}

/// A node that is not there.
fn silent_node() -> String {
    let key = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("key of a node");
    std::fs::write(&key, "5eed5eed").unwrap();
    format!("lnbits+http://127.0.0.1:1?key={}", key.display().to_string().replace(' ', "%20"))
}

both_stores! {
    fn what_happens_is_counted(server, with_metrics()) {
        let metrics = address(server) + "/metrics";
        let payee = server.wallet("payee", 0);
        let (_, before) = get(server, &metrics);
        for _ in 0..3 {
            server.pay(&server.manager, &server.invoice(&payee, 1)).expect(201);
        }
        server.pay(&payee, &server.invoice(&payee, 100)).refused(400, "insufficient_balance", "");
        let stream = server.events(&payee.invoice, None);
        let socket = server.socket(&payee.admin).unwrap();
        server.get("/api/v1/no-such-path", &payee.admin).refused(404, "not_found", "");
        server.get("/api/v1/ws/5eed5eed5eed5eed5eed5eed5eed5eed", "").refused(401, "bad_auth", "");

        let (kind, text) = get(server, &metrics);
        assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
        assert!(text.ends_with("# EOF\n"));
        let grown = |series: &str| value(&text, series).unwrap_or_default() - value(&before, series).unwrap_or_default();
        assert_eq!(grown(&requests("POST", "/api/v1/payments", "201")), 7);
        assert_eq!(grown(&requests("POST", "/api/v1/payments", "400")), 1);
        assert_eq!(grown(&requests("GET", "/api/v1/ws/{item}", "101")), 1);
        assert_eq!(grown(&requests("GET", "/api/v1/ws/{item}", "401")), 1);
        assert_eq!(grown(&requests("GET", "/api/v1/payments/sse", "200")), 1);
        assert_eq!(grown(&requests("other", "other", "404")), 1);
        let paying = "method=\"POST\",route=\"/api/v1/payments\"";
        assert_eq!(grown(&format!("satkeep_http_request_duration_seconds_count{{{paying}}}")), 8);
        // Eight orders one after another: seven of them wrote something, each alone.
        assert_eq!(grown("satkeep_settlement_batches_total{ended=\"committed\"}"), 7);
        assert_eq!(grown("satkeep_settlement_batches_total{ended=\"given_up\"}"), 1);
        assert_eq!(grown("satkeep_settlement_batch_size_sum"), 7);
        assert_eq!(grown("satkeep_settlement_duration_seconds_count"), 8);
        assert_eq!(value(&text, "satkeep_streams_open"), Some(2));
        assert_eq!(value(&text, "satkeep_queue_depth"), Some(0));
        assert!(value(&text, "satkeep_pool_connections{state=\"idle\"}").is_some_and(|idle| idle >= 1));
        // Neither keys nor ids are in it.
        for secret in [&payee.admin, &payee.invoice, &payee.id, &server.manager.admin] {
            assert!(!text.contains(secret.as_str()), "{secret}");
        }
        drop((stream, socket));
        while value(&get(server, &metrics).1, "satkeep_streams_open") != Some(0) {
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn webhooks_are_counted(server, Options {
        arguments: ["--metrics-listen", "127.0.0.1:0", "--webhook-allow-private"].map(Into::into).into(),
        ..Options::default()
    }) {
        let metrics = address(server) + "/metrics";
        let is_first = AtomicBool::new(true);
        let receiver = Receiver::answering(move |_| {
            Reply::status(if is_first.swap(false, Ordering::SeqCst) { 500 } else { 200 })
        });
        let issued = invoice(server, &server.manager, 5, &receiver.url);
        server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
        let count = |text: &str, result: &str| {
            value(text, &format!("satkeep_outbox_attempts_total{{result=\"{result}\"}}")).unwrap()
        };
        let text = loop {
            let (_, text) = get(server, &metrics);
            if count(&text, "delivered") > 0 {
                break text;
            }
            thread::sleep(Duration::from_millis(50));
        };
        assert_eq!((count(&text, "delivered"), count(&text, "failed"), count(&text, "parked")), (1, 1, 0));
        assert_eq!(value(&text, "satkeep_outbox_attempt_duration_seconds_count"), Some(2));
        assert_eq!(value(&text, "satkeep_outbox_under_way"), Some(0));
        assert!(text.contains("\nsatkeep_outbox_lag_seconds "), "{text}");
    }

    fn the_dashboard_shows_metrics_that_there_are(server, Options {
        arguments: ["--metrics-listen", "127.0.0.1:0", "--rate-fixed", "USD=65000", "--lightning", &silent_node(), "--invoices-internal"]
            .map(Into::into)
            .into(),
        ..Options::default()
    }) {
        let address = address(server);
        server.get("/api/v1/rate/usd", "").expect(200);
        server.wallet("player", 1);
        server.get("/api/v1/no-such-path", "").refused(404, "not_found", "");
        let (_, text) = get(server, &format!("{address}/metrics"));
        let series = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
        let known: BTreeSet<String> = text.lines().filter(|line| !line.starts_with('#')).map(series).collect();
        let (kind, dashboard) = get(server, &format!("{address}/grafana.json"));
        assert_eq!(kind, "application/json");
        assert_eq!(dashboard, satkeep::telemetry::metrics::GRAFANA);
        let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
        let mut asked = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let words = target["expr"].as_str().unwrap().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                asked.extend(words.filter(|word| word.starts_with("satkeep_")).map(str::to_owned));
            }
        }
        assert!(asked.is_subset(&known), "there are no {:?}", asked.difference(&known).collect::<Vec<_>>());
        // And of every family something is shown.
        let family = |name: &str| {
            ["_total", "_bucket", "_sum", "_count"].iter().fold(name.to_owned(), |name, end| name.trim_end_matches(end).to_owned())
        };
        let shown: BTreeSet<_> = asked.iter().map(|name| family(name)).collect();
        let all: BTreeSet<_> = known.iter().map(|name| family(name)).collect();
        assert_eq!(shown, all);
    }

    fn nobody_reads_metrics_where_the_api_is(server) {
        assert!(!server.logged().contains("metrics are at"));
        server.get("/metrics", &server.manager.admin).refused(404, "not_found", "Not found");
    }

    fn the_log_can_be_json(server, Options { arguments: vec!["--log-format".into(), "json".into()], ..Options::default() }) {
        let answer = server.get("/api/v1/wallet", &server.manager.admin);
        server.send("GET", "/api/v1/wallet", &[], "").refused(401, "no_api_key", "");
        let log = server.logged();
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
        let id = answer.header("x-request-id").unwrap();
        let line = lines.iter().find(|line| line["request_id"] == id).expect("a line for the request");
        assert_eq!(line["message"], "request");
        assert_eq!(line["level"], "INFO");
        assert_eq!((&line["method"], &line["route"]), (&json!("GET"), &json!("/api/v1/wallet")));
        assert_eq!(line["status"], 200);
        assert!(line["timestamp"].is_string() && line["elapsed_us"].is_number(), "{line}");
        assert!(lines.iter().any(|line| line["status"] == 401));
    }
}
