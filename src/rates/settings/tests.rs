//! What settings are accepted, and what they come to.

use super::*;

fn names(text: &str) -> Result<Vec<String>, InvalidList> {
    let Sources(sources) = text.parse()?;
    Ok(sources.iter().map(|source| source.name().to_string()).collect())
}

#[test]
fn sources_are_names_and_places() {
    assert_eq!(names(""), Ok(vec![]));
    assert_eq!(names("coinbase, kraken,").unwrap(), ["coinbase", "kraken"]);
    assert_eq!(names("default,yadio").unwrap(), ["coinbase", "kraken", "bitstamp", "blockchain", "mempool", "yadio"]);
    assert_eq!(names("own=https://example.com/x#/{CUR},kraken").unwrap(), ["own", "kraken"]);
}

#[test]
fn which_source_is_wrong_is_told_and_not_what_it_says() {
    let error = names("kraken,own=https://user:hush@example.com/#/{CUR}").unwrap_err();
    let text = "the 2. must be an http or https URL without user name and password, and with #/json/pointer behind";
    assert_eq!(error.to_string(), text);
    assert_eq!(names("default,kraken"), Err(InvalidList::Twice { number: 2 }));
    let many: Vec<_> = (0..33).map(|number| format!("own{number}=https://example.com/#/{{CUR}}")).collect();
    assert_eq!(names(&many.join(",")), Err(InvalidList::TooMany));
    for text in ["binance", "Kraken", "coinbase kraken"] {
        assert_eq!(names(text), Err(InvalidList::Source { number: 1, why: InvalidSource::Unknown }), "{text}");
    }
}

#[test]
fn currencies_are_codes_in_any_case() {
    let Currencies(currencies) = "usd, EUR".parse().unwrap();
    assert_eq!(currencies.iter().map(Currency::as_str).collect::<Vec<_>>(), ["EUR", "USD"]);
    assert!("USD,EURO".parse::<Currencies>().unwrap_err().to_string().starts_with("the 2. must be the code"));
}

#[test]
fn fixed_rates_are_pairs() {
    let FixedRates(rates) = "USD=65000, pts = 1e6".parse().unwrap();
    let shown: Vec<_> = rates.iter().map(|(currency, price)| format!("{currency} {price}")).collect();
    assert_eq!(shown, ["PTS 1000000", "USD 65000"]);
    let error = |text: &str| text.parse::<FixedRates>().unwrap_err();
    assert_eq!(error("USD"), InvalidList::Pair { number: 1 });
    assert_eq!(error("USD=0"), InvalidList::Price { number: 1, why: InvalidPrice::NotPositive });
    assert_eq!(error("USD=1,usd=2"), InvalidList::Twice { number: 2 });
    assert_eq!(error("SAT=1"), InvalidList::Currency { number: 1, why: InvalidCurrency });
}

#[test]
fn numbers_have_bounds() {
    assert_eq!("300".parse(), Ok(MaxAge::default()));
    for text in ["0", "-1", "86401", "", "5m", "1.5"] {
        assert_eq!(text.parse::<MaxAge>(), Err(InvalidMaxAge), "{text}");
    }
    assert_eq!("2".parse(), Ok(Divergence::default()));
    assert_eq!(" 2.0 %".parse(), Ok(Divergence::default()));
    assert_eq!("0.5%".parse(), Ok(Divergence(Decimal::new(5, 1))));
    for text in ["0", "-2", "50.0001", "0.00001", "%", "", "NaN", "two"] {
        assert_eq!(text.parse::<Divergence>(), Err(InvalidDivergence), "{text}");
    }
    assert_eq!("3".parse(), Ok(Quorum(3)));
    for text in ["0", "-1", "33", "", "1.5"] {
        assert_eq!(text.parse::<Quorum>(), Err(InvalidQuorum), "{text}");
    }
}

fn settings(
    sources: &str,
    named: &str,
    fixed: &str,
    quorum: Option<Quorum>,
) -> Result<Option<Settings>, InvalidQuorum> {
    let (sources, named, fixed) = (sources.parse().unwrap(), named.parse().unwrap(), fixed.parse().unwrap());
    Settings::new(sources, named, fixed, MaxAge::default(), Divergence::default(), quorum)
}

#[test]
fn rates_are_off_by_default() {
    assert_eq!(settings("", "", "", None), Ok(None));
    assert_eq!(settings("", "USD", "", None), Ok(None));
}

#[test]
fn one_source_is_enough_where_there_is_one() {
    let quorum = |sources, fixed, quorum| settings(sources, "", fixed, quorum).map(|on| on.unwrap().rules.quorum);
    assert_eq!(quorum("kraken", "", None), Ok(1));
    assert_eq!(quorum("", "USD=1,EUR=1", None), Ok(1));
    assert_eq!(quorum("kraken", "USD=1", None), Ok(2));
    assert_eq!(quorum("default", "", None), Ok(2));
    assert_eq!(quorum("default", "", Some(Quorum(5))), Ok(5));
    assert_eq!(quorum("default", "", Some(Quorum(6))), Err(InvalidQuorum));
    assert_eq!(quorum("kraken", "", Some(Quorum(2))), Err(InvalidQuorum));
}

#[test]
fn currencies_are_those_named_and_those_fixed() {
    let codes = |sources, named, fixed| {
        let currencies = settings(sources, named, fixed, None).unwrap().unwrap().currencies;
        currencies.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(codes("", "", "USD=65000"), ["USD"]);
    assert_eq!(codes("", "EUR", "USD=65000"), ["USD"]);
    assert_eq!(codes("kraken", "EUR", "PTS=1"), ["EUR", "PTS"]);
    assert_eq!(codes("kraken", "", "").len(), Currency::usual().count());
    assert!(settings("kraken", "", "", None).unwrap().unwrap().has_sources());
    assert!(!settings("", "", "USD=1", None).unwrap().unwrap().has_sources());
}
