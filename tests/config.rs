//! The configuration: every flag has an environment twin, and all mistakes are told at once.

use satkeep::store::Database;

use crate::harness::{StoreKind, TestDatabase, satkeep};

#[test]
fn an_unknown_scheme_is_an_error_and_never_a_silent_sqlite() {
    for url in [
        "mysql://x",
        "postgres",
        "file:x",
        "sqlite:",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite://file:x",
        "sqlite://user:secret@host/x",
        "sqlite://x?mode=rwc",
        "/tmp/x",
        "x.sqlite",
    ] {
        assert!(Database::from_url(url).is_err(), "{url}");
    }
    assert_eq!(Database::from_url("sqlite://a/b").unwrap(), Database::Sqlite("a/b".into()));
    assert_eq!(Database::from_url("sqlite:///a/b").unwrap(), Database::Sqlite("/a/b".into()));
    for url in ["postgres://h/d", "postgresql://h/d"] {
        assert!(matches!(Database::from_url(url).unwrap(), Database::Postgres(it) if it.reveal() == url));
    }
}

#[test]
fn a_password_in_a_url_is_not_shown() {
    let database = Database::from_url("postgres://user:secret@db.example/name").unwrap();
    let shown = format!("{database:?}");
    assert!(shown.contains("db.example") && !shown.contains("secret"), "{shown}");
    // Neither by an error of the connection.
    let database = TestDatabase::create(StoreKind::Sqlite).unwrap();
    let output = satkeep(&database)
        .args(["--database-url", "postgres://user:secret@127.0.0.1:1/name", "audit"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("127.0.0.1") && !error.contains("secret"), "{error}");
}

#[test]
fn a_flag_has_an_environment_twin() {
    let database = TestDatabase::create(StoreKind::Sqlite).unwrap();
    let twins = [
        ("SATKEEP_LISTEN", "nowhere", "--listen"),
        ("SATKEEP_NETWORK", "moon", "--network"),
        ("SATKEEP_BOOTSTRAP_SATS", "-1", "--bootstrap-sats"),
        ("SATKEEP_INVOICE_SAT_MAX", "0", "--invoice-sat-max"),
        ("SATKEEP_PASSWORD_MEMORY_KIB", "1000", "--password-memory-kib"),
        ("SATKEEP_WEBHOOK_ALLOW_PRIVATE", "perhaps", "--webhook-allow-private"),
        ("SATKEEP_WEBHOOK_PORTS", "443-80", "--webhook-ports"),
        ("SATKEEP_OUTGOING_ALLOW", "http://127.0.0.1/", "--outgoing-allow"),
        ("SATKEEP_WEBHOOK_FORMAT", "json", "--webhook-format"),
        ("SATKEEP_RATE_LIMIT", "-1", "--rate-limit:"),
        ("SATKEEP_LIGHTNING", "lnd://h:8080?macaroon=secret", "--lightning: has macaroon"),
        ("SATKEEP_RATES", "coinbase,https://k:secret@a.example", "--rates: "),
        ("SATKEEP_RATE_CURRENCIES", "USD,EURO", "--rate-currencies: "),
        ("SATKEEP_RATE_FIXED", "USD=0", "--rate-fixed: "),
        ("SATKEEP_RATE_MAX_AGE", "0", "--rate-max-age: "),
        ("SATKEEP_RATE_DIVERGENCE", "51", "--rate-divergence: "),
        ("SATKEEP_RATE_QUORUM", "none", "--rate-quorum: "),
        ("SATKEEP_RATE_LIMIT_ADDRESS", "1000001", "--rate-limit-address:"),
        ("SATKEEP_TRUSTED_PROXIES", "10.0.0.1,proxy", "--trusted-proxies: "),
        ("SATKEEP_CONNECTIONS_MAX", "0", "--connections-max"),
        ("SATKEEP_SESSION_MINUTES", "0", "--session-minutes"),
        ("SATKEEP_STREAMS_MAX", "-1", "--streams-max"),
        ("SATKEEP_STREAMS_PER_WALLET", "many", "--streams-per-wallet"),
        ("SATKEEP_STREAMS_PER_TENANT", "all", "--streams-per-tenant"),
        ("SATKEEP_METRICS_LISTEN", "9090", "--metrics-listen"),
        ("SATKEEP_OTLP_ENDPOINT", "127.0.0.1:4318", "--otlp-endpoint"),
        ("SATKEEP_LOG_FORMAT", "xml", "--log-format"),
        ("SATKEEP_ALLOW_SIGNUP", "perhaps", "--allow-signup"),
    ];
    let run = |set: &[(&str, &str, &str)]| {
        let mut command = satkeep(&database);
        command.envs(set.iter().map(|(name, value, _)| (name, value)));
        let output = command.arg("migrate").output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for twin in twins {
        let (success, error) = run(&[twin]);
        assert!(!success && error.contains(twin.2), "{twin:?}: {error}");
    }
    for (name, flag) in
        [("SATKEEP_BOOTSTRAP_SATS", "--bootstrap-sats"), ("SATKEEP_INVOICE_SAT_MAX", "--invoice-sat-max")]
    {
        let (success, error) = run(&[(name, "2100000000000001", flag)]);
        assert!(!success && error.contains(flag) && error.contains("to 2100000000000000"), "{error}");
    }
    let (_, error) = run(&twins);
    assert!(twins.iter().all(|(_, _, flag)| error.contains(flag)), "{error}");
    let fine = [
        ("SATKEEP_LISTEN", "[::1]:0", ""),
        ("SATKEEP_NETWORK", "signet", ""),
        ("SATKEEP_WEBHOOK_ALLOW_PRIVATE", "true", ""),
        ("SATKEEP_WEBHOOK_PORTS", "443, 8000-8999", ""),
        ("SATKEEP_OUTGOING_ALLOW", "127.0.0.1:7000, 10.0.0.0/8, [::1]:81, app", ""),
        ("SATKEEP_WEBHOOK_FORMAT", "lnbits", ""),
        ("SATKEEP_RATE_LIMIT", "100", ""),
        ("SATKEEP_RATES", "default, own=https://a.example/{cur}#/price", ""),
        ("SATKEEP_RATE_CURRENCIES", "usd, EUR", ""),
        ("SATKEEP_RATE_FIXED", "PTS=1000000, USD=65000.5", ""),
        ("SATKEEP_RATE_MAX_AGE", "86400", ""),
        ("SATKEEP_RATE_DIVERGENCE", "0.5%", ""),
        ("SATKEEP_RATE_QUORUM", "3", ""),
        ("SATKEEP_RATE_LIMIT_ADDRESS", "1000000", ""),
        ("SATKEEP_TRUSTED_PROXIES", "::1, 10.0.0.0/8", ""),
        ("SATKEEP_CONNECTIONS_MAX", "1", ""),
        ("SATKEEP_STREAMS_MAX", "0", ""),
        ("SATKEEP_STREAMS_PER_TENANT", "", ""),
        ("SATKEEP_METRICS_LISTEN", "[::1]:9090", ""),
        ("SATKEEP_OTLP_ENDPOINT", "https://collector.example/otlp", ""),
        ("SATKEEP_LOG_FORMAT", "json", ""),
        ("SATKEEP_ALLOW_SIGNUP", "false", ""),
    ];
    assert!(run(&fine).0);
}
