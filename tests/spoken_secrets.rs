//! No error, log or help shows a secret that the configuration holds, however it is written.

use std::process::Output;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use satkeep::store::{Database, Store};

use crate::harness::{StoreKind, TestDatabase, satkeep};

/// Of these every secret is made, and none of them is in any text of ours, or of libpq's.
const WORDS: [&str; 4] = ["topsecret", "hush4hush", "Zz9xQ", "verschwiegen"];
/// And of these, between them.
const MARKS: [&str; 25] = [
    "@", "/", ":", "?", "&", "=", "#", "%", "%zz", "%4", "%41", "%00", "%20", " ", "[", "]", ",", ";", "'", "\"", "\\",
    "+", "ä", "://", "\n",
];
/// Where somebody may write a password; `{}` is the password, `{host}` a place that nobody is at.
const PLACES: [&str; 22] = [
    "postgres://u:{}@{host}/db",
    "postgresql://u:{}@{host}/db",
    "postgres://u:{}@{host}",
    "postgres://u:{}@{host}?sslmode=disable",
    "postgres://:{}@{host}/db",
    "postgres://u:{}@{host},{host}/db",
    "postgres://u:{}{host}/db",
    "postgres://u:{}/db",
    "postgres://u%3A{}@{host}/db",
    "postgres://u%3A{}%40localhost/db",
    "postgres://u@{host}/db?password={}",
    "postgres://u@{host}?password={}",
    "postgres://u@{host}/db?sslmode=disable&password={}&connect_timeout=2",
    "postgres://u@{host}/db?sslpassword={}",
    "postgres://u@{host}/db?passwort={}",
    "postgres://u@{host}/db&password={}",
    "postgres://u@{host}/db password={}",
    "postgres://u@{host}/db%20password%3D{}",
    "host={host} user=u password={}",
    "sqlite://u:{}@{host}/db",
    "sqlite:///nowhere/at/all?password={}",
    "postgres:u:{}@{host}/db",
];
/// A port that nobody listens at, and a socket that is not there.
const HOSTS: [&str; 2] = ["127.0.0.1:1", "%2Fnowhere%2Fat-all"];

#[track_caller]
fn assert_silent(text: &str, what: &str) {
    for word in WORDS {
        assert!(!text.contains(word), "{word} of {what:?} in: {text}");
    }
}

/// Everything that is said when a database is opened.
fn spoken(url: &str) -> String {
    match Database::from_url(url) {
        Err(error) => format!("{error} {error:?}"),
        Ok(database) => {
            let error = Store::open(database.clone()).expect_err(url);
            format!("{error} {error:?} {database:?}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn no_part_of_a_password_is_spoken(
        place in prop::sample::select(&PLACES[..]),
        host in prop::sample::select(&HOSTS[..]),
        first in prop::sample::select(&WORDS[..]),
        rest in prop::collection::vec((prop::sample::select(&MARKS[..]), prop::sample::select(&WORDS[..])), 0..3),
        is_encoded in any::<bool>(),
    ) {
        let rest: String = rest.into_iter().flat_map(|(mark, word)| [mark, word]).collect();
        let secret = format!("{first}{rest}");
        // Where a host is left out, what stands behind an `@` is one.
        prop_assume!(is_encoded || place.contains('@') || !secret.contains('@'));
        let written = if is_encoded && !secret.contains('\0') {
            utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string()
        } else {
            secret.clone()
        };
        let url = place.replace("{host}", host).replace("{}", &written);
        let said = spoken(&url);
        assert_silent(&said, &url);
        // A password that is written as it must be is taken, and the server asked.
        if is_encoded && place.contains(":{}@{host}") && place.starts_with("postgres") && !place.starts_with("postgres:u") {
            prop_assert!(said.contains("connection to server"), "{url}: {said}");
        }
    }
}

#[test]
fn what_libpq_reads_as_it_is_meant_is_taken() {
    for url in [
        "postgres://h/d",
        "postgresql://h",
        "postgres://",
        "postgres:///d?host=/run/postgresql&user=u",
        "postgres://u:a:b#c!$'()*+,;~@h:5432/d",
        "postgres://u@h1:1,h2,[::1]:3/d?target_session_attrs=read-write&",
        "postgres://[fe80::1%25eth0]/d",
        "postgres://u@%2Frun%2Fpostgresql/d?",
        "postgres://cn%3Dapp%2Cdc%3Dx@h/d?ssl=true",
        "postgres://u@h/d?options=-c%20geqo%3Doff&sslmode=verify-full&sslrootcert=/a/b.pem",
        "postgres://u@h/d?password=a@b/c?d:e",
        "sqlite://a:b/c",
    ] {
        let read = Database::from_url(url);
        assert_eq!(read.is_ok(), !url.starts_with("sqlite"), "{url}: {read:?}");
    }
    for (url, word) in [
        ("postgres://u:p@q@h/d", "%40"),
        ("postgres://u:p/q@h/d", "%2F"),
        ("postgres://u:p?q@h/d", "%3F"),
        ("postgres://u:p%zz@h/d", "%25"),
        ("postgres://u:p q@h/d", "%20"),
        ("postgres://u@h:99999/d", "port"),
        ("postgres://u@h/d?pasword=x", "does not know"),
        ("postgres://u@h/d?password=a=b", "%3D"),
        ("postgres://u@h/d?password", "NAME=VALUE"),
        ("postgres://u@::1/d", "brackets"),
    ] {
        let error = Database::from_url(url).expect_err(url).to_string();
        assert!(error.contains(word), "{url}: {error}");
    }
}

fn all_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_command_line_repeats_no_secret() {
    let database = TestDatabase::create(StoreKind::Sqlite).unwrap();
    let secrets =
        ["topsecret", "topsecret%zz", "top@topsecret", "topsecret/x", "topsecret?x", "x&topsecret", "%74opsecret"];
    for secret in secrets {
        for place in PLACES.iter().filter(|place| !place.contains("{host},{host}")).step_by(2) {
            if !place.contains('@') && secret.contains('@') {
                continue;
            }
            let url = place.replace("{host}", HOSTS[0]).replace("{}", secret);
            for set in [false, true] {
                let mut command = satkeep(&database);
                if set {
                    command.env("SATKEEP_DATABASE_URL", &url).arg("audit");
                } else {
                    command.args(["--database-url", &url, "audit"]);
                }
                let output = command.output().unwrap();
                assert!(!output.status.success(), "{url}");
                assert_silent(&all_of(&output), &url);
            }
        }
    }
}

#[test]
fn neither_help_nor_a_slip_of_the_pen_repeats_a_secret() {
    let database = TestDatabase::create(StoreKind::Sqlite).unwrap();
    let url = "postgres://u:topsecret@h/d";
    for arguments in [
        &[url][..],
        &["serve", url],
        &["--databse-url", url],
        &["--databse-url=postgres://u:topsecret@h/d", "audit"],
        &["-ptopsecret", "audit"],
        &["operator", "create", "--username", "root", "topsecret"],
        &["operator", "create", "--username", "root", "--password=topsecret"],
        &["operator", "create", "--username", "root", "--password-stdin=topsecret"],
        &["operator", "create", "--username", "root", "--password", "-topsecret!"],
        &["--json=topsecret", "audit"],
        &["credit", "--wallet", url, "--amount-sat", "1"],
        &["credit", "--wallet", "topsecret-that-is-longer-than-an-id", "--amount-sat", "1"],
        &["--outgoing-allow", "http://u:topsecret@h/", "audit"],
        &["--otlp-endpoint", "http://u:topsecret@h/", "audit"],
    ] {
        let output = satkeep(&database).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert_silent(&all_of(&output), &format!("{arguments:?}"));
    }
    let word = satkeep(&database).args(["srve"]).output().unwrap();
    assert!(all_of(&word).contains("'srve'") && all_of(&word).contains("serve"), "{}", all_of(&word));
    for help in ["--help", "-h"] {
        let output = satkeep(&database)
            .env("SATKEEP_DATABASE_URL", url)
            .env("SATKEEP_OTLP_ENDPOINT", "https://u:topsecret@h/")
            .env("SATKEEP_OUTGOING_ALLOW", "topsecret")
            .env("SATKEEP_MASTER_KEY", "topsecret")
            .arg(help)
            .output()
            .unwrap();
        assert!(output.status.success());
        assert_silent(&all_of(&output), help);
    }
    satkeep(&database).arg("migrate").output().unwrap();
    for (variable, value) in [
        ("SATKEEP_MASTER_KEY", "topsecret"),
        ("SATKEEP_MASTER_KEY_FILE", "topsecret"),
        ("SATKEEP_MASTER_KEY_NEXT", "topsecret"),
        ("SATKEEP_MASTER_KEY_NEXT_FILE", "topsecret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "topsecret"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:topsecret@h/"),
    ] {
        for arguments in [&["manager", "create", "--name", "x"][..], &["master-key", "status"]] {
            let output = satkeep(&database).env(variable, value).args(arguments).output().unwrap();
            assert_silent(&all_of(&output), variable);
        }
    }
}
