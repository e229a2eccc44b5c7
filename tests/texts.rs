//! Numbers, switches, data of clients' own and pasted texts: all judged as they are written.

use proptest::prelude::*;
use satkeep::domain::extra::Extra;
use satkeep::domain::json::Members;
use satkeep::domain::money::{Amount, InvalidAmount, MSAT_MAX, SAT_MAX};
use satkeep::domain::number::{InvalidNumber, switch, whole_number};
use satkeep::domain::pasted::{Pasted, invoice_in};
use satkeep::domain::skim::SkimmedRequest;

#[test]
fn whole_numbers_are_judged_by_every_digit() {
    let nines = format!("0.{}", "9".repeat(60_000));
    let deep = format!("1{}e-{}", "0".repeat(50_000), 50_000);
    for (text, number) in [
        ("21", 21),
        ("21.0", 21),
        (" 21 ", 21),
        ("+5", 5),
        ("-5.00", -5),
        ("1_000", 1000),
        ("1_0.0_0", 10),
        ("1.0E7", 10_000_000),
        ("1e+2", 100),
        ("0.05e2", 5),
        ("100e-2", 1),
        (".5e1", 5),
        ("5.", 5),
        ("-0.0", 0),
        ("0e999999999999999999999", 0),
        ("0.0e-999999999999999999999", 0),
        ("9007199254740993.0", 9_007_199_254_740_993),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        (&deep, 1),
    ] {
        assert_eq!(whole_number(text), Ok(number), "{text}");
    }
    for text in [
        "",
        " ",
        ".",
        "e1",
        "1e",
        "1e+",
        "+",
        "--1",
        "+-1",
        "1_",
        "_1",
        "1__0",
        "1_e1",
        "1._5",
        "nan",
        "inf",
        "Infinity",
        "0x10",
        "1 0",
        "1,0",
        "½",
        "٣",
        "0.5",
        "1e-1",
        "1e-1000000000",
        "0.99999999999999999999",
        "1.00000000000000000000000000001",
        &nines,
    ] {
        assert_eq!(whole_number(text), Err(InvalidNumber::NotWhole), "{text}");
    }
    let many = "9".repeat(60_000);
    for text in [
        "1e1000000000",
        "1e99999999999999999999999999",
        "-1e19",
        "9223372036854775808",
        "-9223372036854775809",
        "1e30",
        "18446744073709551616",
        &many,
    ] {
        assert_eq!(whole_number(text), Err(InvalidNumber::OutOfRange), "{text}");
    }
}

#[test]
fn switches_are_those_of_pydantic() {
    for text in ["true", "TRUE", "t", "Yes", "y", "on", "1", "1.0", " true ", "1e0"] {
        assert_eq!(switch(text), Some(true), "{text}");
    }
    for text in ["false", "False", "f", "NO", "n", "off", "0", "0.0", "-0"] {
        assert_eq!(switch(text), Some(false), "{text}");
    }
    for text in ["", "2", "-1", "0.5", "maybe", "truee", "nan", "null"] {
        assert_eq!(switch(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_whole_number_is_the_same_however_it_is_written(number: i64, zeros in 0usize..20, shift in 0usize..25) {
        let text = number.to_string();
        prop_assert_eq!(whole_number(&text), Ok(number));
        let with_zeros = format!("{text}.{}", "0".repeat(zeros));
        prop_assert_eq!(whole_number(&with_zeros), Ok(number));
        let shifted = format!("{text}{}E-{shift}", "0".repeat(shift));
        prop_assert_eq!(whole_number(&shifted), Ok(number));
        let broken = format!("{text}.{}1", "0".repeat(zeros));
        prop_assert_eq!(whole_number(&broken), Err(InvalidNumber::NotWhole));
    }

    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,80}", number in "[0-9eE+._-]{0,40}") {
        let _ = (whole_number(&text), switch(&text), whole_number(&number), switch(&number));
        let _ = (Pasted::name(&text), invoice_in(&text), SkimmedRequest::skim(&text).map(|it| it.amount_msat()));
        let _ = (Members::read(&text).is_ok(), Extra::new(&text).is_ok());
        for start in ["lightning:", "bitcoin:?lightning=", "lnbc", "LNURL1", "https://a?lightning=", "02@", "bc1"] {
            let text = format!("{start}{text}");
            let _ = (Pasted::name(&text), SkimmedRequest::skim(&text).map(|it| it.amount_msat()));
        }
    }
}

#[test]
fn there_are_so_many_bitcoin() {
    assert_eq!(Amount::from_sat(SAT_MAX).unwrap().incoming(), MSAT_MAX);
    assert_eq!(MSAT_MAX.get(), 2_100_000_000_000_000_000);
    for sat in [SAT_MAX + 1, i64::MAX] {
        assert_eq!(Amount::from_sat(sat), Err(InvalidAmount::TooLarge));
    }
    assert_eq!(Amount::from_msat(MSAT_MAX.get() + 1), Err(InvalidAmount::TooLarge));
    assert_eq!(Amount::from_stored(i64::MAX).unwrap().msat(), i64::MAX);
    for msat in [0, -1, i64::MIN] {
        assert_eq!(Amount::from_stored(msat), Err(InvalidAmount::NotPositive));
    }
    assert_eq!(Amount::from_sat(i64::MIN), Err(InvalidAmount::NotPositive));
}

#[test]
fn extra_is_one_line_and_otherwise_as_it_came() {
    let extra = Extra::new("{\n\n\"a\": 1,\r\n \"b\":\t\"x\\ny\"\r}").unwrap();
    assert_eq!(extra.as_str(), "{\"a\": 1, \"b\":\t\"x\\ny\"}");
    assert_eq!(Extra::from_stored("{\n\"a\": 1}".to_owned()).as_str(), "{\"a\": 1}");
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(Extra::new(&nested(99)).is_ok());
    assert!(Extra::new(&nested(100)).unwrap_err().to_string().contains("100 deep"));
    assert!(Extra::new(&format!("{{\"a\": \"{}\"}}", "[".repeat(500))).is_ok());
    for whole in [
        r#"{"a": "\ud83c\udfae"}"#,
        r#"{"a": "\\ud800"}"#,
        r#"{"\ud83c\udfae": 1}"#,
        r#"{"a": [1e308,-1.7E+308], "e": 1e-999}"#,
    ] {
        assert_eq!(Extra::new(whole).unwrap().as_str(), whole);
    }
    for half in [
        r#"{"a": "\ud83c"}"#,
        r#"{"a": "\udfae"}"#,
        r#"{"a": ["\ud83c\n"]}"#,
        r#"{"\ud83c": 1}"#,
        r#"{"a": "\ud83c\ud83c"}"#,
    ] {
        assert!(Extra::new(half).is_err(), "{half}");
    }
    // Python reads no number of 5000 digits, and Go none that is infinite.
    for number in ["1e309", "-1e999999999", &"9".repeat(5000), &format!("{}.0", "9".repeat(400))] {
        for text in [
            format!("{{\"a\": {number}}}"),
            format!("{{\"a\": [1, {number}]}}"),
            format!("{{\"a\": {number} , \"b\": 1}}"),
        ] {
            let refused = Extra::new(&text).unwrap_err().to_string();
            assert!(refused.contains("1.8e308"), "{refused}: {text}");
        }
    }
    assert!(Extra::new(&format!("{{\"a\": 0.{}, \"b\": \"{}\"}}", "9".repeat(3000), "9".repeat(4500))).is_ok());
    // The last of several of one name counts.
    assert_eq!(Extra::new(r#"{"tag": "a", "t\u0061g": "b"}"#).unwrap().tag().as_deref(), Some("b"));
}

#[test]
fn merging_touches_nothing_else() {
    let old = Extra::new("{\"z\": 18446744073709551616, \"a\": 1e2, \"é\": 1.50,\n \"\\u00e8\": [1.0, {\"b\":  2}]}")
        .unwrap();
    let merged = old.merged_with(&Extra::new(r#"{"a": {"n": 0.10}, "new": 1E300, "è": 7}"#).unwrap()).unwrap();
    let expected = r#"{"z":18446744073709551616,"a":{"n": 0.10},"é":1.50,"è":7,"new":1E300}"#;
    assert_eq!(merged.as_str(), expected);
    assert_eq!(merged.merged_with(&Extra::default()).unwrap(), merged);
    assert_eq!(Extra::default().merged_with(&merged).unwrap(), merged);
    let twice = Extra::new(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
    assert_eq!(twice.merged_with(&Extra::default()).unwrap().as_str(), r#"{"a":3,"b":2}"#);
    let large = Extra::new(&format!("{{\"a\": \"{}\"}}", "x".repeat(5_000))).unwrap();
    let other = Extra::new(&format!("{{\"b\": \"{}\"}}", "x".repeat(5_000))).unwrap();
    assert!(large.merged_with(&other).unwrap_err().to_string().contains("8192"));
}

const INVOICE: &str = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";

#[test]
fn the_invoice_is_found_in_what_was_pasted() {
    let upper = INVOICE.to_uppercase();
    for text in [
        format!("lightning:{INVOICE}"),
        format!("lightning://{INVOICE}"),
        format!("LIGHTNING://{upper}\n"),
        format!(" Lightning: {INVOICE} "),
        format!("bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=0.0025&lightning={INVOICE}"),
        format!("BITCOIN:BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ?LIGHTNING={upper}&AMOUNT=0.0025"),
        format!("bitcoin:?lno=lno1qq&Lightning={INVOICE}#x"),
        format!("bitcoin:x?lightning=&lightning=lightning%3A{INVOICE}"),
    ] {
        let skimmed = SkimmedRequest::skim(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((skimmed.text(), skimmed.amount_msat()), (INVOICE, Some(250_000_000)), "{text}");
    }
}

#[test]
fn amounts_in_front_are_read_as_bolt11_writes_them() {
    let amount = |start: &str| {
        let text = INVOICE.replacen("lnbc2500u", start, 1);
        SkimmedRequest::skim(&text).unwrap().amount_msat()
    };
    for (start, msat) in [
        ("lnbc1", 100_000_000_000),
        ("lntb20m", 2_000_000_000),
        ("lnbcrt500n", 50_000),
        ("lntbs10p", 1),
        ("lnbc9678785340p", 967_878_534),
    ] {
        assert_eq!(amount(start), Some(msat), "{start}");
    }
    for start in ["lnbc", "lnbc1p", "lnbc1mm", "lnbc1x", "lnbc99999999999", "lnbc99999999999999999999u"] {
        assert_eq!(amount(start), None, "{start}");
    }
}

#[test]
fn what_is_no_invoice_is_named() {
    let lnurl = "lnurl1dp68gurn8ghj7um9dej8xct5wvhxcmmv9akxuatjd3cz7ctvv4uq3u5ky2";
    let hash = "0001020304050607080900010203040506070809000102030405060708090102";
    let node = format!("02{hash}");
    for (text, what) in [
        (lnurl.to_owned(), Pasted::Lnurl),
        (format!("lightning:{}", lnurl.to_uppercase()), Pasted::Lnurl),
        (format!("https://service.example/?x=1&lightning={lnurl}"), Pasted::Lnurl),
        ("lnurlp://service.example/pay".to_owned(), Pasted::Lnurl),
        ("LNURLW:service.example".to_owned(), Pasted::Lnurl),
        (format!("lnurl:{lnurl}"), Pasted::Lnurl),
        ("keyauth://service.example?tag=login".to_owned(), Pasted::Lnurl),
        (format!("bitcoin:bc1q?lightning={lnurl}"), Pasted::Lnurl),
        ("alice@wallet.example".to_owned(), Pasted::Address),
        ("lightning:alice+tips@wallet.example:8443".to_owned(), Pasted::Address),
        ("₿alice@wallet.example".to_owned(), Pasted::Address),
        (
            "lno1pqps7sjqpgtyzm3qv4uxzmtsd3jjqer9wd3hy6tsw35k7msjzfpy7nz5yqcnygrfdej82um5wf5k2uckyypwa3".to_owned(),
            Pasted::Offer,
        ),
        ("LNO1PQPS7".to_owned(), Pasted::Offer),
        ("lnr1qqp".to_owned(), Pasted::InvoiceRequest),
        ("lni1qqg".to_owned(), Pasted::Bolt12Invoice),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa".to_owned(), Pasted::ChainAddress),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy".to_owned(), Pasted::ChainAddress),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq".to_owned(), Pasted::ChainAddress),
        ("TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX".to_owned(), Pasted::ChainAddress),
        ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".to_owned(), Pasted::ChainAddress),
        ("bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=1".to_owned(), Pasted::ChainLink),
        ("https://service.example/invoice/7".to_owned(), Pasted::WebLink),
        (format!("{node}@node.example:9735"), Pasted::Node),
        (node, Pasted::Node),
        (hash.to_owned(), Pasted::Hash),
    ] {
        let error = SkimmedRequest::skim(&text).unwrap_err().to_string();
        assert!(error.contains(what.advice()) && error.contains("BOLT11"), "{text}: {error}");
    }
    for text in ["lnbc1garbage", "1", "hello", "lightning:", "alice@", "@b", "{}", "lnx1qq", "bitcoi:x"] {
        assert_eq!(Pasted::name(&invoice_in(text)), None, "{text}");
    }
}
