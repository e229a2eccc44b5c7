//! Which node, as the operator writes it.

use satkeep::lightning::connect;
use satkeep::lightning::settings::Settings;

fn read(text: &str) -> Result<Settings, String> {
    text.parse::<Settings>().map_err(|error| error.to_string())
}

#[test]
fn each_kind_has_its_form() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, contents: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let text = file("a secret", b"  s3cret\n").replace(' ', "%20");
    let binary = file("macaroon", &[2, 1, 3, 0xff, 0xfe]);
    let hex = file("macaroon.hex", b"0201FF\n");
    for (url, name) in [
        (format!("lnd://10.0.0.1:8080?macaroon={binary}"), "LND at 10.0.0.1:8080"),
        (format!("lnd://node.example:443?macaroon={hex}"), "LND at node.example:443"),
        (format!("cln://[::1]:3010?rune={text}"), "Core Lightning at [::1]:3010"),
        (format!("phoenixd://localhost:9740?password={text}"), "phoenixd at localhost:9740"),
        (format!("phoenixd+https://phoenix.example:443/?password={text}"), "phoenixd at phoenix.example:443"),
        (format!("lnbits://lnbits.example?key={text}"), "LNbits at lnbits.example"),
        (format!("lnbits+http://127.0.0.1:5000?key={text}"), "LNbits at 127.0.0.1:5000"),
    ] {
        let settings = read(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let node = connect(&settings).unwrap();
        assert_eq!(node.name(), name);
        let shown = format!("{settings:?} {node:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("0201"), "{shown}");
    }
}

#[test]
fn what_is_wrong_is_told_without_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, contents: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let good = file("good", b"0201ff");
    let (empty, two) = (file("empty", b" \n"), file("two", b"s3cret\ns3cret"));
    let text = file("text", b"not-hex");
    for (url, told) in [
        ("s3cret".to_owned(), "must be lnd://"),
        (format!("lnd+http://h:1?macaroon={good}"), "must be lnd://"),
        (format!("https://h:1?macaroon={good}"), "must be lnd://"),
        (format!("lnd://h?macaroon={good}"), "must name a host and a port"),
        (format!("lnd://user:s3cret@h:1?macaroon={good}"), "no password"),
        (format!("lnbits://h/path?key={good}"), "no path"),
        (format!("lnd://?macaroon={good}"), "must name a host"),
        ("lnd://h:1".to_owned(), "needs macaroon=FILE"),
        ("cln://h:1?".to_owned(), "needs rune=FILE"),
        (format!("lnd://h:1?rune={good}"), "a parameter that is none of macaroon"),
        (format!("lnd://h:1?macaroon={good}&s3cret"), "a parameter that is none of macaroon"),
        (format!("lnd://h:1?macaroon={good}&macaroon={good}"), "has macaroon twice"),
        ("lnd://h:1?macaroon=s3cret0201".to_owned(), "must be the name of a file that can be read"),
        ("lnbits://h?key=s3cret".to_owned(), "not what belongs into it"),
        (format!("lnd://h:1?macaroon={empty}"), "a file of macaroon"),
        (format!("lnd://h:1?macaroon={text}"), "a file of macaroon"),
        (format!("phoenixd://h:1?password={two}"), "a file of password"),
        (format!("lnd://h:1?macaroon={good}&cert=s3cret.pem"), "has cert, which must be the name of a file"),
        (format!("lnd://h:1?macaroon={good}&ca={good}&cert={good}"), "cert and ca"),
        (format!("phoenixd://h:1?password={good}&cert={good}"), "does not use TLS"),
    ] {
        let error = read(&url).expect_err(&url);
        assert!(error.contains(told) && !error.contains("s3cret"), "{url}: {error}");
    }
    // A file that is no certificate is told when the node is connected.
    let settings = read(&format!("lnd://h:1?macaroon={good}&cert={good}")).unwrap();
    let error = connect(&settings).expect_err("it is no certificate").to_string();
    assert!(error.contains("cannot be used"), "{error}");
}
