//! When sources are asked, and what the book makes of their answers.

use super::*;
use crate::rates::settings::{Divergence, MaxAge};

const START: UnixMs = UnixMs::new(1_800_000_000_000);

fn at(seconds: i64) -> UnixMs {
    START.plus_seconds(seconds)
}

fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

fn book(sources: &str, named: &str, fixed: &str) -> Book {
    let (sources, named, fixed) = (sources.parse().unwrap(), named.parse().unwrap(), fixed.parse().unwrap());
    let settings = Settings::new(sources, named, fixed, MaxAge::default(), Divergence::default(), None);
    Book::new(settings.unwrap().unwrap())
}

/// The sources that are to be asked now, and for how many currencies.
fn planned(book: &mut Book, seconds: i64) -> Vec<(String, usize)> {
    let requests = book.plan(at(seconds));
    requests.iter().map(|request| (request.source.to_string(), request.currencies.len())).collect()
}

/// Asks two tables, which answer these prices of a dollar.
fn answered(book: &mut Book, seconds: i64, a: &str, b: &str) {
    for request in book.plan(at(seconds)) {
        let price = if request.source.as_str() == "a" { a } else { b };
        let body = format!(r#"{{"USD":{price},"EUR":"60000"}}"#);
        let _ = book.record(&request, &Outcome::Answered(body.as_bytes()), at(seconds));
    }
}

fn price_at(book: &mut Book, code: &str, seconds: i64) -> Result<String, RateError> {
    book.ask(currency(code), at(seconds)).map(|rate| rate.price.to_string())
}

const TABLES: &str = "a=https://a.example/#/{CUR},b=https://b.example/#/{CUR}";

#[test]
fn a_currency_that_is_not_offered_is_not_supported() {
    let mut book = book(TABLES, "USD", "");
    assert_eq!(price_at(&mut book, "RRR", 0), Err(RateError::Unsupported));
    assert_eq!(price_at(&mut book, "EUR", 0), Err(RateError::Unsupported));
    assert!(book.plan(at(0)).is_empty());
}

#[test]
fn nobody_is_asked_before_somebody_wants_to_know() {
    let mut book = book(TABLES, "", "");
    assert!(book.plan(at(0)).is_empty());
    assert_eq!(price_at(&mut book, "USD", 0), Err(RateError::Unavailable));
    answered(&mut book, 0, "65000", "65100");
    let rate = book.ask(currency("USD"), at(10)).unwrap();
    assert_eq!((rate.price.to_string().as_str(), rate.age_s(at(10))), ("65050", 10));
    // The same answers had this as well.
    assert_eq!(price_at(&mut book, "EUR", 10).as_deref(), Ok("60000"));
    assert!(planned(&mut book, 10).is_empty());
}

#[test]
fn sources_are_asked_once_a_minute_for_ten_minutes() {
    let mut book = book(TABLES, "USD,EUR", "");
    let _ = price_at(&mut book, "USD", 0);
    let mut times = Vec::new();
    for seconds in 0..1200 {
        let requests = planned(&mut book, seconds);
        if !requests.is_empty() {
            assert_eq!(requests, [("a".to_owned(), 2), ("b".to_owned(), 2)]);
            times.push(seconds);
        }
    }
    assert_eq!(times, (0..10).map(|minute| minute * 60).collect::<Vec<_>>());
}

#[test]
fn a_rate_lasts_as_long_as_its_quotes() {
    let mut book = book(TABLES, "", "");
    let _ = price_at(&mut book, "USD", 0);
    answered(&mut book, 0, "65000", "65000");
    assert_eq!(price_at(&mut book, "USD", 300).as_deref(), Ok("65000"));
    assert_eq!(price_at(&mut book, "USD", 301), Err(RateError::Unavailable));
}

#[test]
fn a_source_that_fails_is_left_alone_for_longer_each_time() {
    for outcome in [Outcome::Failed, Outcome::NotFound, Outcome::Answered(b"<html>"), Outcome::Answered(b"{\"USD\":0}")]
    {
        let mut book = book("a=https://a.example/#/{CUR}", "USD", "");
        let mut times = Vec::new();
        for seconds in 0..1000 {
            assert_eq!(price_at(&mut book, "USD", seconds), Err(RateError::Unavailable));
            for request in book.plan(at(seconds)) {
                let _ = book.record(&request, &outcome, at(seconds));
                times.push(seconds);
            }
        }
        assert_eq!(times, [0, 5, 15, 35, 75, 155, 315, 615, 915], "{outcome:?}");
        let good = Outcome::Answered(b"{\"USD\":65000}");
        let request = book.plan(at(1300)).remove(0);
        book.record(&request, &good, at(1300)).unwrap();
        assert_eq!(price_at(&mut book, "USD", 1300).as_deref(), Ok("65000"));
        assert!(book.plan(at(1359)).is_empty());
        assert_eq!(book.plan(at(1360)).len(), 1);
    }
}

#[test]
fn what_was_said_before_a_failure_counts_until_it_is_too_old() {
    let mut book = book(TABLES, "", "");
    let _ = price_at(&mut book, "USD", 0);
    answered(&mut book, 0, "65000", "65000");
    answered(&mut book, 60, "0", "null");
    assert_eq!(price_at(&mut book, "USD", 60).as_deref(), Ok("65000"));
    assert_eq!(price_at(&mut book, "USD", 301), Err(RateError::Unavailable));
}

#[test]
fn a_request_that_nothing_came_of_is_made_again() {
    let mut book = book("a=https://a.example/#/{CUR}", "USD", "");
    let _ = price_at(&mut book, "USD", 0);
    assert_eq!(planned(&mut book, 0).len(), 1);
    assert!(planned(&mut book, 59).is_empty());
    assert_eq!(planned(&mut book, 60).len(), 1);
}

#[test]
fn a_currency_that_a_source_does_not_have_is_asked_for_a_day_later() {
    let mut book = book("a=https://a.example/{CUR}#/last,b=https://b.example/#/{CUR}", "USD,THB", "");
    let mut times = Vec::new();
    for seconds in (0..=86_400).step_by(300) {
        let _ = price_at(&mut book, "THB", seconds);
        for request in book.plan(at(seconds)) {
            let table = Outcome::Answered(b"{\"USD\":65000}");
            let outcome = if request.source.as_str() == "a" { Outcome::NotFound } else { table };
            let recorded = book.record(&request, &outcome, at(seconds)).unwrap();
            assert_eq!(recorded.missing, [currency("THB")]);
            times.push((request.source.to_string(), seconds));
        }
    }
    let [a, b] = ["a", "b"].map(ToOwned::to_owned);
    assert_eq!(times, [(a.clone(), 0), (b.clone(), 0), (a, 86_400), (b, 86_400)]);
}

#[test]
fn what_was_there_just_now_is_not_given_up_for_a_day() {
    let mut book = book("a=https://a.example/{CUR}#/last", "USD", "");
    let _ = price_at(&mut book, "USD", 0);
    let request = book.plan(at(0)).remove(0);
    book.record(&request, &Outcome::Answered(b"{\"last\":65000}"), at(0)).unwrap();
    let request = book.plan(at(60)).remove(0);
    book.record(&request, &Outcome::NotFound, at(60)).unwrap();
    assert_eq!(planned(&mut book, 65).len(), 1);
}

#[test]
fn one_currency_that_fails_does_not_hold_up_the_others() {
    let mut book = book("a=https://a.example/{CUR}#/last", "USD,THB", "");
    for seconds in 0..=600 {
        let thai = price_at(&mut book, "THB", seconds);
        assert_eq!(thai, Err(RateError::Unavailable));
        let dollar = price_at(&mut book, "USD", seconds);
        assert!(seconds == 0 || dollar.as_deref() == Ok("65000"), "{seconds}: {dollar:?}");
        for request in book.plan(at(seconds)) {
            let is_dollar = request.currencies.contains(&currency("USD"));
            let outcome = if is_dollar { Outcome::Answered(b"{\"last\":65000}") } else { Outcome::Failed };
            let _ = book.record(&request, &outcome, at(seconds));
        }
    }
}

#[test]
fn a_source_gets_so_many_requests_at_once_and_no_currency_waits_for_ever() {
    let mut book = book("a=https://a.example/{CUR}#/last", "", "");
    let all: Vec<_> = book.currencies().iter().copied().collect();
    for currency in &all {
        let _ = book.ask(*currency, at(0));
    }
    let mut seen = BTreeSet::new();
    for seconds in 0..20 {
        let requests = book.plan(at(seconds));
        assert!(requests.len() <= 30, "{}", requests.len());
        seen.extend(requests.into_iter().flat_map(|request| request.currencies));
    }
    assert_eq!(seen.len(), all.len());
}

#[test]
fn a_fixed_rate_needs_nobody() {
    let mut book = book("", "", "USD=65000,PTS=1000000");
    assert_eq!(book.currencies().len(), 2);
    let rate = book.ask(currency("USD"), at(0)).unwrap();
    assert_eq!((rate.price.to_string().as_str(), rate.age_s(at(0))), ("65000", 0));
    assert_eq!(rate.sources, [SourceName::fixed()]);
    assert_eq!(price_at(&mut book, "PTS", 1_000_000_000).as_deref(), Ok("1000000"));
    assert!(book.plan(at(0)).is_empty());
}

#[test]
fn a_fixed_rate_is_one_of_several_where_others_have_the_currency() {
    let mut book = book("kraken,coinbase", "", "USD=65000,PTS=1000000");
    assert_eq!(price_at(&mut book, "USD", 0), Err(RateError::Unavailable), "a quorum of two");
    assert_eq!(price_at(&mut book, "PTS", 0), Err(RateError::Unavailable), "coinbase may have them");
    for request in book.plan(at(0)) {
        let body: &[u8] = match request.source.as_str() {
            "kraken" => br#"{"result":{"XXBTZUSD":{"c":["90000"]}}}"#,
            _ => br#"{"data":{"rates":{"USD":"90010"}}}"#,
        };
        book.record(&request, &Outcome::Answered(body), at(0)).unwrap();
    }
    assert_eq!(price_at(&mut book, "USD", 0).as_deref(), Ok("90005"));
    assert_eq!(price_at(&mut book, "PTS", 0).as_deref(), Ok("1000000"));
    assert_eq!(price_at(&mut book, "USD", 301), Err(RateError::Unavailable), "never the fixed one by itself");
}

#[test]
fn a_jump_waits_for_a_third_source_or_ten_minutes() {
    let mut book = book(TABLES, "", "");
    let _ = price_at(&mut book, "USD", 0);
    answered(&mut book, 0, "65000", "65000");
    assert_eq!(price_at(&mut book, "USD", 0).as_deref(), Ok("65000"));
    for seconds in (60..600).step_by(60) {
        answered(&mut book, seconds, "90000", "90000");
        assert_eq!(price_at(&mut book, "USD", seconds), Err(RateError::Divergent), "{seconds}");
    }
    assert_eq!(price_at(&mut book, "USD", 600).as_deref(), Ok("90000"));
}

#[test]
fn looking_changes_nothing() {
    let mut book = book(TABLES, "USD", "");
    assert_eq!(book.look_up(currency("USD"), at(0)), Err(RateError::Unavailable));
    assert!(book.plan(at(0)).is_empty());
    assert_eq!(book.wanted(at(0)).count(), 0);
    let _ = price_at(&mut book, "USD", 0);
    assert_eq!(book.wanted(at(599)).collect::<Vec<_>>(), [(currency("USD"), Err(RateError::Unavailable))]);
    assert_eq!(book.wanted(at(600)).count(), 0);
    answered(&mut book, 0, "65000", "65000");
    assert!(book.look_up(currency("USD"), at(0)).is_ok());
    assert!(book.history(currency("USD"), at(0)).is_empty());
}

#[test]
fn what_was_accepted_is_history() {
    let mut book = book("", "", "USD=65000");
    for seconds in (0..3600).step_by(60) {
        let _ = price_at(&mut book, "USD", seconds);
    }
    let history = book.history(currency("USD"), at(1800));
    assert_eq!(history.iter().map(|(time, _)| *time).collect::<Vec<_>>(), [1800, 2100, 2400, 2700, 3000, 3300].map(at));
    assert!(book.history(currency("EUR"), at(0)).is_empty());
}

#[test]
fn an_answer_of_somebody_else_is_not_kept() {
    let mut other = book("c=https://c.example/#/{CUR}", "USD", "");
    let _ = price_at(&mut other, "USD", 0);
    let request = other.plan(at(0)).remove(0);
    let mut book = book(TABLES, "USD", "");
    let outcome = Outcome::Answered(b"{\"USD\":1}");
    assert_eq!(book.record(&request, &outcome, at(0)), Err(RecordError::Unknown));
}
