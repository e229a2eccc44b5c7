//! The rates that this process knows, and what is to be asked next. It does nothing by itself:
//! the time is passed in, and whoever carries out its plan records what came of it.

use std::collections::{BTreeMap, BTreeSet};

use super::currency::Currency;
use super::feed::Feed;
use super::has_elapsed;
use super::history::History;
use super::price::{InvalidPrice, Price};
use super::quotes::{Accepted, Quote, Rate, RateError, Rules, Taken, agree};
use super::settings::Settings;
use super::sources::{Request, SourceName};
use crate::domain::time::UnixMs;

/// How long sources are asked for a currency after somebody wanted to know.
const WANTED_S: i64 = 600;

/// When it is worth asking again for a rate that is not there (`Retry-After`), in seconds.
pub const RETRY_AFTER_S: i64 = 5;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// 200, with this body.
    Answered(&'a [u8]),
    /// 404 or 410: there is no such currency.
    NotFound,
    /// Any other status, a body that is too long, or no answer in time.
    Failed,
}

/// What an answer said, for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// These have a price now.
    pub quoted: Vec<Currency>,
    /// These the source does not have.
    pub missing: Vec<Currency>,
    /// What was said of these cannot be, as a price of 0.
    pub refused: Vec<(Currency, InvalidPrice)>,
}

/// Why nothing came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// There was no answer.
    #[error("there was no answer")]
    Failed,
    /// The answer is not of the form that the source's answers have.
    #[error("the answer was not understood")]
    NotUnderstood,
    /// The request is none of this book's.
    #[error("there is no such source")]
    Unknown,
}

/// What is known of the rates.
#[derive(Debug)]
pub struct Book {
    currencies: BTreeSet<Currency>,
    rules: Rules,
    fixed: BTreeMap<Currency, Price>,
    feeds: Vec<Feed>,
    /// What somebody wanted to know, and when last.
    wanted: BTreeMap<Currency, UnixMs>,
    accepted: BTreeMap<Currency, Accepted>,
    histories: BTreeMap<Currency, History>,
}

impl Book {
    /// A book in which nothing is known but what is fixed.
    pub fn new(settings: Settings) -> Self {
        let Settings { sources, fixed, currencies, rules } = settings;
        let feeds = sources.into_iter().map(Feed::new).collect();
        let (wanted, accepted, histories) = Default::default();
        Self { currencies, rules, fixed, feeds, wanted, accepted, histories }
    }

    /// The currencies that are offered, in the order of their codes.
    pub const fn currencies(&self) -> &BTreeSet<Currency> {
        &self.currencies
    }

    /// The rate of a currency. From now on sources are asked for it for a while; one that nobody
    /// has asked for lately is there only after that.
    pub fn ask(&mut self, currency: Currency, now: UnixMs) -> Result<Rate, RateError> {
        if self.currencies.contains(&currency) {
            self.wanted.insert(currency, now);
        }
        let rate = self.look_up(currency, now)?;
        self.accepted.insert(currency, Accepted { price: rate.price, at: now });
        self.histories.entry(currency).or_default().note(rate.price, now);
        Ok(rate)
    }

    /// The rate of a currency as [`Self::ask`] would give it, with nothing changed.
    pub fn look_up(&self, currency: Currency, now: UnixMs) -> Result<Rate, RateError> {
        if !self.currencies.contains(&currency) {
            return Err(RateError::Unsupported);
        }
        let live = self.feeds.iter().filter_map(|feed| feed.quote(currency));
        let fixed = self.fixed.get(&currency).map(|price| Quote {
            source: SourceName::fixed(),
            taken: Taken::Always,
            price: *price,
        });
        let quotes: Vec<_> = live.chain(fixed).collect();
        let rules = Rules { quorum: self.quorum(currency, now), ..self.rules };
        agree(&quotes, self.accepted.get(&currency).copied(), &rules, now)
    }

    /// Whether sources are asked for a currency at present, because somebody wanted to know lately.
    pub fn is_wanted(&self, currency: Currency, now: UnixMs) -> bool {
        self.wanted.get(&currency).is_some_and(|since| !has_elapsed(*since, WANTED_S, now))
    }

    /// What is wanted at present, with its rate: for metrics.
    pub fn wanted(&self, now: UnixMs) -> impl Iterator<Item = (Currency, Result<Rate, RateError>)> {
        let is_wanted = move |since: UnixMs| !has_elapsed(since, WANTED_S, now);
        let wanted = self.wanted.iter().filter(move |(_, since)| is_wanted(**since));
        wanted.map(move |(currency, _)| (*currency, self.look_up(*currency, now)))
    }

    /// Rates that were accepted since some time, five minutes apart, for a day at most.
    pub fn history(&self, currency: Currency, from: UnixMs) -> Vec<(UnixMs, Price)> {
        self.histories.get(&currency).map(|history| history.since(from).collect()).unwrap_or_default()
    }

    /// The requests to make now: cheap, and empty at most times. Each is given out once, and again
    /// after a minute, or earlier where it failed.
    pub fn plan(&mut self, now: UnixMs) -> Vec<Request> {
        self.wanted.retain(|_, since| !has_elapsed(*since, WANTED_S, now));
        let wanted: Vec<_> = self.wanted.keys().copied().collect();
        self.feeds.iter_mut().flat_map(|feed| feed.plan(&wanted, &self.currencies, now)).collect()
    }

    /// Keeps what came of a request of [`Self::plan`].
    pub fn record(&mut self, request: &Request, outcome: &Outcome<'_>, now: UnixMs) -> Result<Recorded, RecordError> {
        let feed = self.feeds.iter_mut().find(|feed| *feed.source().name() == request.source);
        feed.ok_or(RecordError::Unknown)?.record(request, outcome, self.rules.age_max_s, now)
    }

    /// How many sources must agree: one where there is only one. Beside a rate that the operator
    /// has fixed, a source that does not have the currency is none: points of a game are worth what
    /// the operator says, whoever else is asked about dollars.
    fn quorum(&self, currency: Currency, now: UnixMs) -> usize {
        let is_fixed = self.fixed.contains_key(&currency);
        let live = self.feeds.iter().filter(|feed| !is_fixed || feed.may_have(currency, now)).count();
        if live.saturating_add(usize::from(is_fixed)) <= 1 { 1 } else { self.rules.quorum }
    }
}

#[cfg(test)]
mod tests;
