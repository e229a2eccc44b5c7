//! What is read out of answers, true ones and others.

use proptest::prelude::*;

use super::*;

const RECEIVED: UnixMs = UnixMs::new(1_800_000_000_000);

fn currencies(codes: &str) -> BTreeSet<Currency> {
    codes.split_ascii_whitespace().map(|code| Currency::new(code).unwrap()).collect()
}

fn read(source: &str, codes: &str, body: &str) -> Result<Answer, NotUnderstood> {
    Answer::read(&Source::read(source).unwrap(), &currencies(codes), body.as_bytes(), RECEIVED)
}

/// Each currency with its price, `-` where there is none, and `!` where it is nonsense.
fn said(source: &str, codes: &str, body: &str) -> String {
    let Ok(answer) = read(source, codes, body) else { return "not understood".to_owned() };
    let shown = answer.said.iter().map(|(currency, said)| match said {
        Said::Price(price) => format!("{currency} {price}"),
        Said::Nothing => format!("{currency} -"),
        Said::Nonsense(_) => format!("{currency} !"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn each_source_is_read_where_its_prices_stand() {
    let cases = [
        ("coinbase", r#"{"data":{"currency":"BTC","rates":{"EUR":"60000.123","USD":"65000.5"}}}"#),
        (
            "kraken",
            r#"{"error":[],"result":{"XXBTZEUR":{"a":["1","1"],"c":["60000.123","0.1"]},"XBTUSD":{"c":["65000.50000","1"]}}}"#,
        ),
        ("blockchain", r#"{"USD":{"15m":1,"last":65000.5,"symbol":"USD"},"EUR":{"15m":1,"last":60000.123}}"#),
        ("yadio", r#"{"BTC":{"EUR":60000.123,"USD":65000.5},"base":"BTC","timestamp":1800000000000}"#),
        (
            "bitpay",
            r#"{"data":[{"code":"BTC","rate":1},7,{"code":"USD","name":"US Dollar","rate":65000.5},{"code":"EUR","rate":60000.123}]}"#,
        ),
        ("coingecko", r#"{"rates":{"usd":{"name":"US Dollar","value":65000.5},"eur":{"value":60000.123}}}"#),
        ("mempool", r#"{"time":1800000000,"USD":65000.5,"EUR":60000.123}"#),
        ("own=https://example.com/#/a~1b/0/%7BCUR%7D", r#"{"a/b":[{"EUR":"60000.123","USD":6.50005e4}]}"#),
        ("own=https://example.com/#/{CUR}/btc{cur}", r#"{"EUR":{"btceur":60000.123},"USD":{"btcusd":65000.5}}"#),
    ];
    for (source, body) in cases {
        let expected = "EUR 60000.123, USD 65000.5";
        assert_eq!(said(source, "USD EUR", body), expected, "{source}");
        // With space between its tokens, and names escaped.
        let spaced = body.replace(':', " :\n ").replace("\"USD", "\"\\u0055SD");
        assert_eq!(said(source, "USD EUR", &spaced), expected, "{source}");
    }
    let cases = [
        ("bitstamp", r#"{"timestamp":"1800000000","last":"65000.5"}"#),
        ("bitfinex", r#"{"mid":"1","last_price":"65000.5"}"#),
        ("lnbits", r#"{"rates":{"median":65000.5,"mean":1}}"#),
        ("own=https://example.com/{CUR}#", "65000.5"),
        ("own=https://example.com/{CUR}#/1", "[1, 65000.5]"),
    ];
    for (source, body) in cases {
        assert_eq!(said(source, "USD", body), "USD 65000.5", "{source}");
    }
}

#[test]
fn kraken_has_two_ways_to_name_a_pair() {
    let body = r#"{"error":[],"result":{"XBTCHF":{"c":["1"]},"XBTAUD":{"c":["2"]},"XXBTZCAD":{"c":["3"]}}}"#;
    assert_eq!(said("kraken", "CHF AUD CAD JPY", body), "AUD 2, CAD 3, CHF 1, JPY -");
    assert_eq!(said("kraken", "USD", r#"{"error":["EGeneral:Too many requests"]}"#), "not understood");
    assert_eq!(said("kraken", "USD", r#"{"error":[],"result":{"XXBTZUSD":{"c":[]}}}"#), "USD !");
}

#[test]
fn a_price_that_cannot_be_is_refused_by_itself() {
    let zeros = "0".repeat(200);
    let huge = format!("1{zeros}");
    let lies = [
        "0",
        "0.0",
        "-1",
        "\"-65000\"",
        "\"0\"",
        "1e400",
        "1e-400",
        "1e16",
        &huge,
        "null",
        "true",
        "{}",
        "[65000]",
        "\"\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"65,000\"",
        "\"$65000\"",
        "\"0xff\"",
        "\"\\ud800\"",
    ];
    for lie in lies {
        let body = format!(r#"{{"data":{{"rates":{{"EUR":{lie},"USD":"65000"}}}}}}"#);
        assert_eq!(said("coinbase", "EUR USD THB", &body), "EUR !, THB -, USD 65000", "{lie}");
    }
    // JSON has no such numbers.
    for lie in ["NaN", "Infinity", "-Infinity", "+1", ".5", "0x10", "01", "1_0"] {
        let body = format!(r#"{{"data":{{"rates":{{"EUR":{lie},"USD":"65000"}}}}}}"#);
        assert_eq!(said("coinbase", "EUR USD", &body), "not understood", "{lie}");
    }
}

#[test]
fn digits_are_not_those_of_a_float() {
    let body = r#"{"data":{"rates":{"EUR":123456789012345.12345678,"USD":"0.1000000000000000055"}}}"#;
    assert_eq!(said("coinbase", "EUR USD", body), "EUR 123456789012345.12345678, USD 0.1");
}

#[test]
fn an_answer_of_another_form_is_not_understood() {
    let bodies = [
        "",
        " ",
        "null",
        "[]",
        "65000",
        "\"65000\"",
        "{}",
        "<html>",
        r#"{"error":"limit"}"#,
        r#"{"data":null}"#,
        r#"{"data":{"rates":[]}}"#,
        r#"{"data":{"rates":{}}}"#,
        r#"{"data":[]}"#,
        r#"{"data":{"rates":{"USD":"65000"}}} x"#,
        r#"{"data":{"rates":{"USD":"65000""#,
    ];
    for source in ["coinbase", "kraken", "bitstamp", "blockchain", "bitpay", "coingecko", "mempool", "lnbits"] {
        for body in bodies.iter().filter(|body| source != "coinbase" || !body.ends_with('x')) {
            assert_eq!(said(source, "USD", body), "not understood", "{source}: {body}");
        }
    }
    let source = Source::read("coinbase").unwrap();
    let body = b"{\"data\":{\"rates\":{\"USD\":\"65000\",\"x\":\"\xff\"}}}";
    assert!(Answer::read(&source, &currencies("USD"), body, RECEIVED).is_err(), "not UTF-8");
    let padded = format!(r#"{{"data":{{"rates":{{"USD":"65000"}}}}}}{}"#, " ".repeat(ANSWER_BYTES_MAX));
    assert_eq!(said("coinbase", "USD", &padded), "not understood", "too long");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(said("own=https://example.com/#/0/0/0/{CUR}", "USD", &deep), "not understood", "too deep");
}

#[test]
fn a_table_without_the_currency_is_a_table() {
    let body = r#"{"data":{"rates":{"USD":"65000"}}}"#;
    assert_eq!(said("coinbase", "PTS", body), "PTS -");
    assert_eq!(said("blockchain", "PTS", r#"{"EUR":{"last":1}}"#), "PTS -");
    assert_eq!(said("blockchain", "PTS", r#"{"error":"limit"}"#), "not understood");
}

#[test]
fn an_answer_may_have_a_time_of_its_own() {
    let at = |time: &str| read("mempool", "USD", &format!(r#"{{"time":{time},"USD":65000}}"#)).map(|answer| answer.at);
    assert_eq!(at("1799999900"), Ok(RECEIVED.plus_seconds(-100)));
    assert_eq!(at("\"1799999900\""), Err(NotUnderstood));
    assert_eq!(at("1799999900.25"), Ok(UnixMs::new(1_799_999_900_250)));
    assert_eq!(at("9999999999"), Ok(RECEIVED), "never of the future");
    assert_eq!(at("1e300"), Err(NotUnderstood));
    assert_eq!(at("null"), Err(NotUnderstood));
    assert_eq!(read("mempool", "USD", r#"{"USD":65000}"#).map(|answer| answer.at), Ok(RECEIVED));
}

proptest! {
    #[test]
    fn any_bytes_are_judged(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for name in ["coinbase", "kraken", "bitpay", "mempool", "lnbits"] {
            drop(Answer::read(&Source::read(name).unwrap(), &currencies("USD EUR"), &body, RECEIVED));
        }
    }

    #[test]
    fn a_price_is_never_less_than_what_counts(text in "-?[0-9]{1,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?") {
        let body = format!(r#"{{"last":"{text}"}}"#);
        if let Ok(answer) = read("bitstamp", "USD", &body) {
            for (_, said) in answer.said {
                if let Said::Price(price) = said {
                    prop_assert!(Price::read("0.00000001").unwrap() <= price && price <= Price::read("1e15").unwrap());
                }
            }
        }
    }
}
