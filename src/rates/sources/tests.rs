//! Which requests a source gets.

use super::*;

fn currencies(codes: &str) -> BTreeSet<Currency> {
    codes.split_ascii_whitespace().map(|code| Currency::new(code).unwrap()).collect()
}

fn urls(source: &str, codes: &str) -> Vec<String> {
    let requests = Source::read(source).unwrap().requests(&currencies(codes));
    requests.into_iter().map(|request| request.url).collect()
}

#[test]
fn every_source_that_is_known_can_be_read() {
    for known in &KNOWN {
        let source = Source::read(known.name).unwrap();
        assert_eq!(source.name().as_str(), known.name);
        assert!(SourceName::new(known.name).is_some(), "{}", known.name);
        let requests = source.requests(&currencies("EUR USD"));
        assert_eq!(requests.len(), if source.has_all_in_one() { 1 } else { 2 }, "{}", known.name);
        for request in &requests {
            assert!(Target::parse(&request.url).unwrap().is_tls(), "{}", request.url);
            assert!(!request.url.contains(['{', '}']), "{}", request.url);
        }
        assert!(InvalidSource::Unknown.to_string().contains(known.name), "{}", known.name);
    }
    for name in USUAL {
        Source::read(name).unwrap();
    }
}

#[test]
fn one_request_asks_for_all_where_it_can() {
    assert_eq!(urls("coinbase", "EUR THB USD"), ["https://api.coinbase.com/v2/exchange-rates?currency=BTC"]);
    let kraken = ["https://api.kraken.com/0/public/Ticker?pair=XBTCHF,XBTEUR,XBTUSD"];
    assert_eq!(urls("kraken", "USD EUR CHF THB"), kraken, "without those that it does not have");
    let bitstamp = ["https://www.bitstamp.net/api/v2/ticker/btceur/", "https://www.bitstamp.net/api/v2/ticker/btcusd/"];
    assert_eq!(urls("bitstamp", "USD EUR THB"), bitstamp);
    assert_eq!(urls("lnbits", "THB"), ["https://price.lnbits.com/rate/THB"]);
    assert_eq!(urls("kraken", "THB"), [""; 0]);
    assert_eq!(urls("coinbase", ""), [""; 0]);
}

#[test]
fn a_source_of_ones_own_is_a_url_and_a_pointer() {
    assert_eq!(urls("own=http://127.0.0.1:8080/{cur}?a=b#/last", "EUR"), ["http://127.0.0.1:8080/eur?a=b"]);
    assert_eq!(urls("own=https://example.com/all#/x/{CUR}", "EUR USD"), ["https://example.com/all"]);
    let request = &Source::read("own=https://example.com/?key=hush#/{CUR}").unwrap().requests(&currencies("EUR"))[..];
    assert!(!format!("{request:?}").contains("hush"), "{request:?}");
}

#[test]
fn what_is_no_source_is_refused() {
    use InvalidSource::{Name, NoCurrency, Unknown, Url};
    let cases = [
        ("", Unknown),
        ("binance", Unknown),
        ("fixed", Unknown),
        ("https://example.com/#/{CUR}", Unknown),
        ("kraken=https://example.com/#/{CUR}", Name),
        ("fixed=https://example.com/#/{CUR}", Name),
        ("=https://example.com/#/{CUR}", Name),
        ("Own=https://example.com/#/{CUR}", Name),
        ("own=https://example.com/{CUR}", Url),
        ("own=ftp://example.com/#/{CUR}", Url),
        ("own=https://user:pw@example.com/#/{CUR}", Url),
        ("own=example.com#/{CUR}", Url),
        ("own=https://example.com/#{CUR}", Url),
        ("own=https://example.com/#/last", NoCurrency),
        ("own=https://example.com/#/Cur", NoCurrency),
    ];
    for (text, expected) in cases {
        assert_eq!(Source::read(text), Err(expected), "{text}");
    }
}
