//! Traces: what a collector is told, and that nobody waits for it.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use bitcoin_hashes::hex::DisplayHex;
use satkeep::net::tls::{Roots, connector};
use satkeep::telemetry::traces::{Settings, Traces};
use serde_json::{Value, json};

use crate::harness::{
    Collector, Options, Receiver, Reply, Server, Span, StoreKind, TestDatabase, Wallet, at_once, attribute,
    both_stores, run_cli, satkeep, serve_tls,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// OpenTelemetry's numbers for the kinds of spans, and for the status of those that failed.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const ERROR: i32 = 2;

/// A variable of the environment.
type Variable = (&'static str, &'static str);

/// A server that exports to `url`, with these variables besides.
fn exporting(url: &str, variables: &[(&str, &str)]) -> Options {
    let arguments = ["--otlp-endpoint", url, "--webhook-allow-private", "--log-format", "json"];
    Options {
        arguments: arguments.map(str::to_owned).to_vec(),
        environment: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Options::default()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.to_lower_hex_string()
}

fn get(server: &Server, path: &str, key: &str, traceparent: &str) {
    server.send("GET", path, &[("X-Api-Key", key), ("traceparent", traceparent)], "").expect(200);
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// Ends the server as an operator would, and asserts that it ended well.
#[track_caller]
fn stop(server: &mut Server) {
    server.signal("-TERM");
    assert!(server.wait().success());
}

/// Waits for a line of the log.
#[track_caller]
fn wait_for_line(server: &Server, part: &str) -> String {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(90) {
        if let Some(line) = server.logged().lines().find(|line| line.contains(part)) {
            return line.to_owned();
        }
    }
    panic!("no line of the log says {part}");
}

fn pay(server: &Server, payer: &Wallet, bolt11: &str, headers: &[(&str, &str)]) -> Value {
    let order = json!({"out": true, "bolt11": bolt11}).to_string();
    let headers = [&[("X-Api-Key", payer.admin.as_str())], headers].concat();
    server.send("POST", "/api/v1/payments", &headers, &order).expect(201)
}

both_stores! {
    fn a_payment_is_traced_from_the_caller_to_the_disk(server) {
        let collector = Collector::start();
        let variables = [("OTEL_EXPORTER_OTLP_HEADERS", "x-token=s3cr%2Cet, x-team=one")];
        let mut traced = server.replica_with(exporting(&collector.url(), &variables));
        let payee = traced.wallet("payee", 0);
        let bolt11 = traced.invoice(&payee, 5);
        let parent = format!("00-{TRACE}-{CALLER}-01");
        let paid = pay(&traced, &traced.manager, &bolt11, &[("traceparent", &parent), ("X-Request-Id", "order-7")]);
        let log = traced.logged();
        // What is told on the way down is told before the end.
        stop(&mut traced);

        let spans = collector.spans();
        let of_trace: Vec<_> = spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
        assert_eq!(of_trace.len(), 2, "{of_trace:#?}");
        let request = of_trace.iter().find(|span| span.name == "POST /api/v1/payments").unwrap();
        assert_eq!((hex(&request.parent_span_id).as_str(), request.kind), (CALLER, SERVER));
        let told: BTreeSet<_> = request.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        let expected = ["http.request.method", "http.response.status_code", "http.route", "satkeep.request_id"];
        assert_eq!(told, expected.into());
        let tells = |name: &str| attribute(&request.attributes, name).unwrap();
        assert_eq!((tells("http.request.method"), tells("http.route")), ("POST".into(), "/api/v1/payments".into()));
        assert_eq!((tells("http.response.status_code"), tells("satkeep.request_id")), ("201".into(), "order-7".into()));
        let batch = of_trace.iter().find(|span| span.name == "settle").unwrap();
        assert_eq!((&batch.parent_span_id, batch.kind), (&request.span_id, INTERNAL));
        assert_eq!(attribute(&batch.attributes, "satkeep.batch.size").unwrap(), "1");
        assert_eq!(attribute(&batch.attributes, "satkeep.batch.ended").unwrap(), "committed");
        for span in [request, batch] {
            assert!(span.end_time_unix_nano > span.start_time_unix_nano && span.status.clone().unwrap_or_default().code == 0);
        }
        assert!(batch.start_time_unix_nano >= request.start_time_unix_nano);
        // The line of the log names the trace.
        let line: Value = log.lines().map(|line| serde_json::from_str(line).unwrap())
            .find(|line: &Value| line["request_id"] == "order-7").unwrap();
        assert_eq!(line["trace_id"], TRACE);

        let exports = collector.exports();
        for export in &exports {
            assert_eq!(export.path, "/v1/traces");
            assert_eq!(export.headers["content-type"], "application/x-protobuf");
            assert_eq!((export.headers["x-token"].as_str(), export.headers["x-team"].as_str()), ("s3cr,et", "one"));
            let resource = export.message.resource_spans[0].resource.clone().unwrap();
            assert_eq!(attribute(&resource.attributes, "service.name").unwrap(), "satkeep");
        }
        let text = format!("{exports:?}");
        let hash = paid["payment_hash"].as_str().unwrap();
        let manager = &traced.manager;
        for secret in [&payee.admin, &payee.invoice, &payee.id, &payee.user, &manager.admin, &manager.id, &bolt11, hash] {
            assert!(!text.contains(secret), "{secret}");
        }
    }

    fn what_is_in_a_path_or_a_query_is_not_told(server) {
        let collector = Collector::start();
        let mut traced = server.replica_with(exporting(&collector.url(), &[]));
        let payee = traced.wallet("payee", 7);
        let paid = traced.get("/api/v1/payments", &payee.invoice).expect(200)[0]["payment_hash"].clone();
        let hash = paid.as_str().unwrap();
        traced.get(&format!("/api/v1/payments/{hash}?api-key={}", payee.invoice), "").expect(200);
        drop(traced.socket(&payee.admin).unwrap());
        traced.get(&format!("/api/v1/nowhere/{}", payee.admin), "").refused(404, "", "");
        traced.send(&payee.admin.to_uppercase(), "/api/v1/wallet", &[], "").refused(405, "", "");
        traced.get("/api/v1/wallet", "5eed5eed5eed5eed5eed5eed5eed5eed").refused(401, "", "");
        stop(&mut traced);
        let spans = collector.spans();
        let count = |name: &str, status: &str| {
            let status = Some(status.to_owned());
            named(&spans, name).into_iter().filter(|span| attribute(&span.attributes, "http.response.status_code") == status).count()
        };
        assert_eq!(count("GET /api/v1/payments/{payment_hash}", "200"), 1, "{spans:#?}");
        assert_eq!(count("GET /api/v1/ws/{item}", "101"), 1);
        assert_eq!(count("GET /api/v1/wallet", "401"), 1);
        assert_eq!((count("other", "404"), count("other", "405")), (1, 1));
        let text = format!("{spans:?}").to_lowercase();
        for secret in [payee.admin.as_str(), &payee.invoice, hash] {
            assert!(!text.contains(secret), "{secret}");
        }
    }

    fn a_batch_knows_all_of_its_requests(server) {
        let collector = Collector::start();
        let mut traced = server.replica_with(exporting(&collector.url(), &[]));
        let payee = traced.wallet("payee", 0);
        at_once(64, |_| pay(&traced, &traced.manager, &traced.invoice(&payee, 1), &[]));
        stop(&mut traced);
        let spans = collector.spans();
        let asked: BTreeSet<_> = named(&spans, "POST /api/v1/payments").iter().map(|span| span.span_id.clone()).collect();
        assert_eq!(asked.len(), 128);
        let mut known = BTreeSet::new();
        for batch in named(&spans, "settle") {
            known.insert(batch.parent_span_id.clone());
            known.extend(batch.links.iter().map(|link| link.span_id.clone()));
        }
        assert!(asked.is_subset(&known), "{} are not known", asked.difference(&known).count());
        // One by one they would be as many as requests.
        assert!(named(&spans, "settle").iter().any(|batch| !batch.links.is_empty()));
    }

    fn each_attempt_of_a_webhook_is_traced(server) {
        let collector = Collector::start();
        let mut traced = server.replica_with(exporting(&collector.url(), &[]));
        // It would deliver as well.
        stop(server);
        let receiver = Receiver::answering(|hook| Reply::status(if hook.path.ends_with("bad") { 500 } else { 200 }));
        for path in ["good?secret=5eed5eed", "bad"] {
            let order = json!({"out": false, "amount": 1, "webhook": format!("{}/{path}", receiver.url)});
            let invoice = traced.post("/api/v1/payments", &traced.manager.invoice, &order).expect(201);
            let payer = traced.wallet("payer", 1);
            pay(&traced, &payer, invoice["bolt11"].as_str().unwrap(), &[]);
        }
        let status = |span: &Span| attribute(&span.attributes, "http.response.status_code");
        let spans = collector.wait_until(|spans| {
            let hooks = named(spans, "webhook");
            let both = ["200", "500"].map(Some);
            both.iter().all(|wanted| hooks.iter().any(|span| status(span).as_deref() == *wanted))
        });
        stop(&mut traced);
        let port = receiver.url.rsplit(':').next().unwrap();
        for span in named(&spans, "webhook") {
            assert_eq!(span.kind, CLIENT);
            assert!(span.parent_span_id.is_empty());
            let tells = |name: &str| attribute(&span.attributes, name);
            assert_eq!((tells("server.address").as_deref(), tells("server.port").as_deref()), (Some("127.0.0.1"), Some(port)));
            assert_eq!(tells("http.request.method").as_deref(), Some("POST"));
            if status(span).as_deref() == Some("500") {
                assert_eq!(span.status.clone().unwrap().code, ERROR);
                assert_eq!(tells("error.type").as_deref(), Some("500"));
            } else {
                assert_eq!(tells("error.type"), None);
            }
        }
        assert!(!format!("{spans:?}").contains("5eed5eed"));
    }

    fn a_dead_collector_stops_nobody(server) {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // One at which nobody listens, and one that takes connections and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = |it: &TcpListener| it.local_addr().unwrap();
        for (place, problem) in [(nobody, "could not be connected to"), (address(&silent), "no answer within")] {
            let mut traced = server.replica_with(exporting(&format!("http://{place}"), &[]));
            let payee = traced.wallet("payee", 0);
            for _ in 0..5 {
                pay(&traced, &traced.manager, &traced.invoice(&payee, 1), &[]);
            }
            let line = wait_for_line(&traced, "traces could not be exported");
            assert!(line.contains(&place.to_string()) && line.contains(problem), "{line}");
            pay(&traced, &traced.manager, &traced.invoice(&payee, 1), &[]);
            assert_eq!(traced.balance(&payee), 6);
            // It is not complained of again and again.
            for _ in 0..3 {
                thread::sleep(Duration::from_secs(2));
                traced.balance(&payee);
            }
            assert!(!traced.logged().contains("traces could not be exported"));
            stop(&mut traced);
        }
        server.audit();
    }
}

#[test]
fn who_is_sampled_is_said_by_the_caller_and_by_the_sampler() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    let sampled = format!("00-{TRACE}-{CALLER}-01");
    let not_sampled = "00-11111111111111111111111111111111-2222222222222222-00";
    let nonsense = "00-zz-zz-01";
    // For the caller who wants it, who does not, and who says nothing that can be read.
    let cases: [(&[Variable], [bool; 3]); 6] = [
        (&[], [true, false, true]),
        (&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")], [true, false, false]),
        (
            &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")],
            [true, false, false],
        ),
        (&[("OTEL_TRACES_SAMPLER", "always_on")], [true, true, true]),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1.0")], [true, true, true]),
        (&[("OTEL_TRACES_SAMPLER", "always_off")], [false, false, false]),
    ];
    for (variables, expected) in cases {
        let collector = Collector::start();
        let mut traced = server.replica_with(exporting(&collector.url(), variables));
        for parent in [sampled.as_str(), not_sampled, nonsense] {
            get(&traced, "/api/v1/wallet", &traced.manager.invoice, parent);
        }
        stop(&mut traced);
        let spans = collector.spans();
        let has = |trace: &str| spans.iter().any(|span| hex(&span.trace_id) == trace);
        let own = spans.iter().any(|span| span.parent_span_id.is_empty());
        assert_eq!([has(TRACE), has("11111111111111111111111111111111"), own], expected, "{variables:?}");
    }
}

#[test]
fn the_variables_of_opentelemetry_are_enough() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    let collector = Collector::start();
    let options = |variables: &[(&str, &str)]| Options { arguments: Vec::new(), ..exporting("", variables) };
    let base = format!("{}/base/", collector.url());
    let whole = format!("{}/whole", collector.url());
    let mut first = server.replica_with(options(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &base),
        ("OTEL_SERVICE_NAME", "game-money"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=other"),
    ]));
    first.balance(&first.manager);
    stop(&mut first);
    let export = collector.exports().pop().unwrap();
    assert_eq!(export.path, "/base/v1/traces");
    let resource = export.message.resource_spans[0].resource.clone().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name").unwrap(), "game-money");
    assert_eq!(attribute(&resource.attributes, "deployment.environment.name").unwrap(), "test");
    let mut second = server.replica_with(options(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &whole)]));
    second.balance(&second.manager);
    stop(&mut second);
    assert_eq!(collector.exports().pop().unwrap().path, "/whole");
    let count = collector.exports().len();
    let mut off =
        server.replica_with(options(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &base), ("OTEL_SDK_DISABLED", "true")]));
    off.balance(&off.manager);
    assert!(!off.logged().contains("trace_id"));
    stop(&mut off);
    assert_eq!(collector.exports().len(), count);
}

#[test]
fn what_a_collector_cannot_take_now_is_sent_again_over_one_connection() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    let collector = Collector::answering(|number| if number == 0 { (503, 0) } else { (200, 0) });
    let mut traced = server.replica_with(exporting(&collector.url(), &[]));
    traced.balance(&traced.manager);
    collector.wait_until(|spans| spans.len() >= 2);
    traced.balance(&traced.manager);
    collector.wait_until(|spans| spans.len() >= 3);
    assert!(!traced.logged().contains("could not be exported"));
    stop(&mut traced);
    let exports = collector.exports();
    assert_eq!(exports[0].message, exports[1].message);
    assert!(exports.iter().all(|export| export.connection == 0), "{exports:?}");
}

#[test]
fn what_a_collector_does_not_want_is_complained_of_and_not_sent_again() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    for (answer, problem) in [((401, 0), "it answered 401"), ((200, 1), "the collector does not want them")] {
        let collector = Collector::answering(move |_| answer);
        let mut traced = server.replica_with(exporting(&collector.url(), &[]));
        traced.balance(&traced.manager);
        let line: Value = serde_json::from_str(&wait_for_line(&traced, "could not be exported")).unwrap();
        assert_eq!((&line["level"], &line["spans"]), (&json!("WARN"), &json!(1)));
        assert!(line["message"].as_str().unwrap().contains(problem), "{line}");
        stop(&mut traced);
        assert_eq!(collector.spans().len(), 1);
    }
}

#[test]
fn collectors_behind_tls_are_verified() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    let (collector, directory) = (Collector::start(), tempfile::tempdir().unwrap());
    let address = serve_tls(directory.path(), "DNS:localhost,IP:127.0.0.1", collector.address);
    let certificate = directory.path().join("certificate.pem");
    let certificate = certificate.to_str().unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}", address.port());
        let count = collector.spans().len();
        let mut traced = server.replica_with(exporting(&url, &[("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate)]));
        traced.balance(&traced.manager);
        stop(&mut traced);
        assert!(collector.spans().len() > count, "{host}");
    }
    let count = collector.spans().len();
    let mut traced = server.replica_with(exporting(&format!("https://localhost:{}", address.port()), &[]));
    traced.balance(&traced.manager);
    let line = wait_for_line(&traced, "traces could not be exported");
    assert!(line.contains("no secure connection"), "{line}");
    stop(&mut traced);
    assert_eq!(collector.spans().len(), count);
}

#[test]
fn what_is_wrong_is_said_at_the_start() {
    let database = TestDatabase::create(StoreKind::Sqlite).unwrap();
    let run = |variables: &[(&str, &str)]| {
        let output = satkeep(&database).envs(variables.iter().copied()).arg("serve").output().unwrap();
        assert!(!output.status.success(), "{variables:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let fine = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    for url in [
        "collector",
        "localhost:4318",
        "grpc://localhost:4317",
        "http://user:pass@localhost",
        "http://",
        "https://collector.example/?pass=1",
        "mailto:pass",
    ] {
        for name in ["SATKEEP_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
            let error = run(&[(name, url)]);
            let told = if name.starts_with("SATKEEP") { "--otlp-endpoint: " } else { name };
            assert!(error.contains(told) && error.contains("must be an http or https URL"), "{error}");
            assert!(!error.contains("pass@") && !error.contains("pass="), "{error}");
        }
    }
    for (name, value, problem) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization", "name=value"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x token=hunter2", "name=value"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=hunter2%0d%0ahost: x", "name=value"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "always_on"),
        ("OTEL_TRACES_SAMPLER", "parentbased_parentbased_always_on", "always_on"),
    ] {
        let error = run(&[fine, (name, value)]);
        assert!(error.contains(&format!("{name}: ")) && error.contains(problem), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    for ratio in ["2", "-0.1", "NaN", "half"] {
        let error = run(&[fine, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", ratio)]);
        assert!(error.contains("OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1"), "{error}");
    }
    let error = run(&[fine, ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere.pem")]);
    assert!(error.contains("OTEL_EXPORTER_OTLP_CERTIFICATE: ") && error.contains("/nowhere.pem"), "{error}");
    // All at once, and none of it where nothing is exported.
    let error = run(&[("SATKEEP_OTLP_ENDPOINT", "x"), ("OTEL_TRACES_SAMPLER", "x"), ("SATKEEP_LISTEN", "x")]);
    assert!(["--otlp-endpoint", "OTEL_TRACES_SAMPLER", "--listen"].iter().all(|it| error.contains(it)), "{error}");
    let output = satkeep(&database).env("OTEL_TRACES_SAMPLER", "x").arg("migrate").output().unwrap();
    assert!(output.status.success());
    assert!(run_cli(&database, &["migrate"]).is_ok());
}

#[test]
fn a_full_queue_drops_rather_than_waits() {
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    // The first export is not answered before the gate is opened.
    let collector = Collector::answering(move |number| {
        if number == 0 {
            let _ = gate.lock().unwrap().recv();
        }
        (200, 0)
    });
    let settings = Settings::check(&collector.url(), |_| None).unwrap().unwrap();
    let (traces, exporting) = Traces::start(settings, connector(Roots::Usual(None)).unwrap()).unwrap();
    let made = |count: usize| {
        for _ in 0..count {
            traces.request(None, None).end("GET", Some("/api/v1/wallet"), 200, "id");
        }
    };
    made(1);
    collector.wait_until(|spans| spans.len() == 1);
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt().with_writer(std::sync::Arc::new(log.reopen().unwrap())).finish();
    tracing::subscriber::with_default(subscriber, || made(10_000));
    let logged = std::fs::read_to_string(log.path()).unwrap();
    assert_eq!(logged.matches("dropped a Span due to queue full").count(), 1, "{logged}");
    drop(release);
    exporting.stop();
    let exported = collector.spans().len();
    assert_eq!(exported, 1 + 4096, "what has room is exported, the rest is dropped");
    // Nobody is hurt who comes later.
    made(1);
}
