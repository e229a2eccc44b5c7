//! When quotes make a rate, and when they must not.

use proptest::prelude::*;

use super::*;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);

fn price(text: &str) -> Price {
    Price::read(text).unwrap()
}

fn quote(source: &str, price_text: &str, age_s: i64) -> Quote {
    let taken = Taken::At(NOW.plus_seconds(-age_s));
    Quote { source: SourceName::new(source).unwrap(), taken, price: price(price_text) }
}

fn fixed(price_text: &str) -> Quote {
    Quote { source: SourceName::fixed(), taken: Taken::Always, price: price(price_text) }
}

fn rules(quorum: usize) -> Rules {
    Rules { age_max_s: 300, divergence_percent: Decimal::TWO, quorum }
}

fn agreed(quotes: &[Quote], quorum: usize) -> Result<String, RateError> {
    agree(quotes, None, &rules(quorum), NOW).map(|rate| rate.price.to_string())
}

#[test]
fn the_median_of_those_near_it_is_the_rate() {
    let quotes = [quote("a", "100", 0), quote("b", "101", 10), quote("c", "99.5", 20), quote("d", "150", 0)];
    let rate = agree(&quotes, None, &rules(2), NOW).unwrap();
    assert_eq!(rate.price, price("100"));
    assert_eq!(rate.sources.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!((rate.at, rate.age_s(NOW)), (NOW.plus_seconds(-20), 20), "as old as the oldest of them");
}

#[test]
fn two_make_their_mean() {
    assert_eq!(agreed(&[quote("a", "100", 0), quote("b", "101", 0)], 2).as_deref(), Ok("100.5"));
}

#[test]
fn nobody_and_too_few_make_no_rate() {
    assert_eq!(agreed(&[], 1), Err(RateError::Unavailable));
    assert_eq!(agreed(&[quote("a", "100", 0)], 2), Err(RateError::Unavailable));
    assert_eq!(agreed(&[quote("a", "100", 0)], 1).as_deref(), Ok("100"));
    // A majority, but of too few.
    let two_of_three = [quote("a", "100", 0), quote("b", "100", 0), quote("c", "110", 0)];
    assert_eq!(agreed(&two_of_three, 2).as_deref(), Ok("100"));
    assert_eq!(agreed(&two_of_three, 3), Err(RateError::Unavailable));
    // One source twice is one source.
    assert_eq!(agreed(&[quote("a", "100", 0), quote("a", "100", 1)], 2), Err(RateError::Unavailable));
}

#[test]
fn of_one_source_the_newest_counts() {
    assert_eq!(agreed(&[quote("a", "100", 60), quote("a", "90", 0), quote("a", "110", 120)], 1).as_deref(), Ok("90"));
}

#[test]
fn what_is_too_old_or_of_the_future_does_not_count() {
    assert_eq!(agreed(&[quote("a", "100", 300)], 1).as_deref(), Ok("100"));
    for age_s in [301, 86_400, -6, -86_400] {
        assert_eq!(agreed(&[quote("a", "100", age_s)], 1), Err(RateError::Unavailable), "{age_s}");
    }
    let little_ahead = agree(&[quote("a", "100", -5)], None, &rules(1), NOW).unwrap();
    assert_eq!(little_ahead.at, NOW);
}

#[test]
fn a_fixed_rate_is_never_too_old() {
    let rate = agree(&[fixed("65000")], None, &rules(1), NOW.plus_seconds(1_000_000_000)).unwrap();
    assert_eq!((rate.price, rate.age_s(NOW)), (price("65000"), 0));
    // Beside others it is one of them.
    assert_eq!(agreed(&[fixed("65000")], 2), Err(RateError::Unavailable));
    let quotes = [fixed("65000"), quote("a", "90000", 0), quote("b", "90100", 0)];
    assert_eq!(agreed(&quotes, 2).as_deref(), Ok("90050"));
}

#[test]
fn quotes_that_are_far_apart_make_no_rate() {
    assert_eq!(agreed(&[quote("a", "100", 0), quote("b", "105", 0)], 1), Err(RateError::Divergent));
    let halves = [quote("a", "100", 0), quote("b", "100", 0), quote("c", "110", 0), quote("d", "110", 0)];
    assert_eq!(agreed(&halves, 2), Err(RateError::Divergent));
    let two_of_four = [quote("a", "90", 0), quote("b", "100", 0), quote("c", "103", 0), quote("d", "113", 0)];
    assert_eq!(agreed(&two_of_four, 2), Err(RateError::Divergent));
    // The one in the middle is near to itself, and is no majority.
    let apart = [quote("a", "90", 0), quote("b", "100", 0), quote("c", "110", 0)];
    assert_eq!(agreed(&apart, 1), Err(RateError::Divergent));
}

#[test]
fn exactly_at_the_border_is_near() {
    let quotes = [quote("a", "100", 0), quote("b", "100", 0), quote("c", "102", 0)];
    let sources = |quotes: &[Quote]| agree(quotes, None, &rules(2), NOW).unwrap().sources.len();
    assert_eq!(sources(&quotes), 3);
    let quotes = [quote("a", "100", 0), quote("b", "100", 0), quote("c", "102.00000001", 0)];
    assert_eq!(sources(&quotes), 2);
}

#[test]
fn a_jump_needs_three_sources() {
    let two = [quote("a", "121", 0), quote("b", "121", 0)];
    let three = [quote("a", "121", 0), quote("b", "121", 0), quote("c", "121", 0)];
    let last = |text, age_s: i64| Some(Accepted { price: price(text), at: NOW.plus_seconds(-age_s) });
    let after = |quotes: &[Quote], last| agree(quotes, last, &rules(2), NOW).map(|rate| rate.price.to_string());
    assert_eq!(after(&two, last("100", 599)), Err(RateError::Divergent));
    assert_eq!(after(&two, last("200", 0)), Err(RateError::Divergent));
    assert_eq!(after(&two, last("100.84", 0)).as_deref(), Ok("121"), "within 20 percent");
    assert_eq!(after(&two, last("100", 600)).as_deref(), Ok("121"), "long ago");
    assert_eq!(after(&three, last("100", 0)).as_deref(), Ok("121"));
}

fn any_quote() -> impl Strategy<Value = Quote> {
    // Prices that agree, that differ a little, and that are wildly wrong.
    let units = prop_oneof![
        4 => 6_400_000_000_000..6_600_000_000_000_i128,
        1 => 1..1_000_i128,
        1 => 1..=100_000_000_000_000_000_000_000_i128,
    ];
    let age_s = prop_oneof![4 => 0..=300_i64, 1 => 301..100_000_i64, 1 => -100_000..0_i64];
    (0..6_u8, units, age_s, 0..20_u8).prop_map(|(source, units, age_s, luck)| {
        let text = Decimal::from_i128_with_scale(units, 8).to_string();
        if luck == 0 { fixed(&text) } else { quote(&format!("source-{source}"), &text, age_s) }
    })
}

fn any_last() -> impl Strategy<Value = Option<Accepted>> {
    let accepted = (1..20_000_000_000_000_i128, -100..2_000_i64).prop_map(|(units, age_s)| Accepted {
        price: price(&Decimal::from_i128_with_scale(units, 8).to_string()),
        at: NOW.plus_seconds(-age_s),
    });
    proptest::option::of(accepted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_rate_rests_on_what_can_be_trusted(
        quotes in proptest::collection::vec(any_quote(), 0..10), last in any_last(), quorum in 1..4_usize,
    ) {
        let rules = rules(quorum);
        let Ok(rate) = agree(&quotes, last, &rules, NOW) else { return Ok(()) };
        let is_fresh = |quote: &&Quote| match quote.taken {
            Taken::Always => true,
            Taken::At(at) => (-5_000..=300_000).contains(&(NOW.get() - at.get())),
        };
        // Of each source, what it said last.
        let mut counted: BTreeMap<&SourceName, &Quote> = BTreeMap::new();
        for quote in quotes.iter().filter(is_fresh) {
            let newest = quotes.iter().filter(is_fresh).filter(|other| other.source == quote.source).max().unwrap();
            counted.insert(&quote.source, newest);
        }
        let kept: Vec<_> = rate.sources.iter().map(|source| *counted.get(source).unwrap()).collect();
        prop_assert!(kept.len() >= quorum, "too few");
        prop_assert!(kept.len() * 2 > counted.len(), "no majority");
        let low = kept.iter().map(|quote| quote.price).min().unwrap();
        let high = kept.iter().map(|quote| quote.price).max().unwrap();
        prop_assert!(low <= rate.price && rate.price <= high, "not between them");
        prop_assert!(rate.price.per_bitcoin() > Decimal::ZERO);
        // Each is within 2 % of the median of all, and so within 4.1 % of each other.
        prop_assert!(high.is_within(Decimal::new(41, 1), low), "far apart");
        prop_assert!((0..=300).contains(&rate.age_s(NOW)), "too old");
        let is_jump = last.is_some_and(|last| {
            (0..600_000).contains(&(NOW.get() - last.at.get())) && !rate.price.is_within(Decimal::from(20), last.price)
        });
        prop_assert!(!is_jump || kept.len() >= 3, "a jump");
    }

    #[test]
    fn the_order_makes_no_difference(
        (quotes, mixed) in proptest::collection::vec(any_quote(), 0..10)
            .prop_flat_map(|quotes| (Just(quotes.clone()), Just(quotes).prop_shuffle())),
        last in any_last(),
        quorum in 1..4_usize,
    ) {
        prop_assert_eq!(agree(&quotes, last, &rules(quorum), NOW), agree(&mixed, last, &rules(quorum), NOW));
    }
}
