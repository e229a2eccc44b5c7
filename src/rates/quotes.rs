//! Which of the quotes are believed, and what the rate is then. A rate that cannot be trusted is
//! no rate.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::price::Price;
use super::sources::SourceName;
use crate::domain::time::UnixMs;

/// How far a clock may be set back before quotes seem to be of the future.
const AHEAD_S_MAX: i64 = 5;
/// A rate that jumps by more percent than this …
const JUMP_PERCENT_MAX: Decimal = Decimal::from_parts(20, 0, 0, false, 0);
/// … within this time …
const JUMP_TIME_S: i64 = 600;
/// … is one that so many sources agree about.
const JUMP_SOURCES_MIN: usize = 3;

/// When a quote was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// At this time.
    At(UnixMs),
    /// Always: the operator says so.
    Always,
}

/// What one source says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quote {
    /// Who says it. Of several quotes of one source, the newest counts.
    pub source: SourceName,
    /// When it was true.
    pub taken: Taken,
    /// What a bitcoin costs.
    pub price: Price,
}

/// What makes a rate of quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How old a quote may be.
    pub age_max_s: i64,
    /// How far a quote may be from the median of all, in percent.
    pub divergence_percent: Decimal,
    /// How many sources must agree; at least one.
    pub quorum: usize,
}

/// A rate that was accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What a bitcoin cost.
    pub price: Price,
    /// When it was accepted.
    pub at: UnixMs,
}

/// A rate that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What a bitcoin costs.
    pub price: Price,
    /// When the oldest of the quotes that it rests on was true (`updated_at`, `rate_at`).
    pub at: UnixMs,
    /// The sources that agree, by name.
    pub sources: Vec<SourceName>,
}

impl Rate {
    /// How old it is, in seconds.
    pub fn age_s(&self, now: UnixMs) -> i64 {
        now.seconds().saturating_sub(self.at.seconds()).max(0)
    }
}

/// Why there is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// The currency is not one that is offered.
    #[error("The provided unit is not supported")]
    Unsupported,
    /// There are too few quotes that are new enough.
    #[error("There is no current rate of this currency")]
    Unavailable,
    /// The quotes are too far from each other, or from what they were just now.
    #[error("The sources of this currency's rate disagree")]
    Divergent,
}

/// Makes a rate of quotes of one currency, whatever their order. `last` is the rate that was
/// accepted before.
pub fn agree(quotes: &[Quote], last: Option<Accepted>, rules: &Rules, now: UnixMs) -> Result<Rate, RateError> {
    let fresh = fresh(quotes, rules, now);
    let middle = median(fresh.iter().map(|quote| quote.price)).ok_or(RateError::Unavailable)?;
    let is_near = |quote: &&&Quote| quote.price.is_within(rules.divergence_percent, middle);
    let kept: Vec<&Quote> = fresh.iter().filter(is_near).copied().collect();
    if kept.len().saturating_mul(2) <= fresh.len() {
        return Err(RateError::Divergent);
    }
    if kept.len() < rules.quorum {
        return Err(RateError::Unavailable);
    }
    let price = median(kept.iter().map(|quote| quote.price)).ok_or(RateError::Unavailable)?;
    if kept.len() < JUMP_SOURCES_MIN && last.is_some_and(|last| is_jump(last, price, now)) {
        return Err(RateError::Divergent);
    }
    let times = kept.iter().filter_map(|quote| match quote.taken {
        Taken::At(at) => Some(at.min(now)),
        Taken::Always => None,
    });
    Ok(Rate { price, at: times.min().unwrap_or(now), sources: kept.iter().map(|quote| quote.source.clone()).collect() })
}

/// The newest quote of each source that is new enough, in the order of their names.
fn fresh<'a>(quotes: &'a [Quote], rules: &Rules, now: UnixMs) -> Vec<&'a Quote> {
    let is_fresh = |quote: &&Quote| match quote.taken {
        Taken::At(at) => at <= now.plus_seconds(AHEAD_S_MAX) && now <= at.plus_seconds(rules.age_max_s),
        Taken::Always => true,
    };
    let mut newest: BTreeMap<&SourceName, &Quote> = BTreeMap::new();
    for quote in quotes.iter().filter(is_fresh) {
        let known = newest.entry(&quote.source).or_insert(quote);
        *known = quote.max(*known);
    }
    newest.into_values().collect()
}

/// The price in the middle; between the two in the middle where there is none.
fn median(prices: impl Iterator<Item = Price>) -> Option<Price> {
    let mut prices: Vec<_> = prices.collect();
    prices.sort_unstable();
    let upper = prices.len() / 2;
    let lower = prices.len().checked_sub(1)? / 2;
    Some(prices.get(lower)?.mean(*prices.get(upper)?))
}

fn is_jump(last: Accepted, price: Price, now: UnixMs) -> bool {
    !super::has_elapsed(last.at, JUMP_TIME_S, now) && !price.is_within(JUMP_PERCENT_MAX, last.price)
}

#[cfg(test)]
mod tests;
