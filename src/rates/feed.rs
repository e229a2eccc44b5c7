//! One source: what is known of it, and when it is to be asked.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Answer, Said};
use super::backoff::Backoff;
use super::book::{Outcome, RecordError, Recorded};
use super::currency::Currency;
use super::has_elapsed;
use super::price::Price;
use super::quotes::{Quote, Taken};
use super::sources::{Request, Source};
use crate::domain::time::UnixMs;

/// How often a source is asked.
const PERIOD_S: i64 = 60;
/// How long a source that does not have a currency is not asked for it.
const MISSING_S: i64 = 86_400;
/// How many requests one source gets at once, where each is for one currency.
const REQUESTS_MAX: usize = 30;

/// A source and what it has said.
#[derive(Debug)]
pub(super) struct Feed {
    source: Source,
    pairs: BTreeMap<Currency, Pair>,
}

/// What is known of a currency at a source.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    /// When it was asked for; forgotten where that failed, so that the wait of the back-off
    /// counts alone.
    asked: Option<UnixMs>,
    /// The last price, and when it was true.
    quote: Option<(Price, UnixMs)>,
    /// Since when the source is known not to have it.
    missing: Option<UnixMs>,
    backoff: Backoff,
}

impl Pair {
    fn is_missing(&self, now: UnixMs) -> bool {
        self.missing.is_some_and(|since| !has_elapsed(since, MISSING_S, now))
    }

    fn is_due(&self, now: UnixMs) -> bool {
        let was_asked = self.asked.is_some_and(|asked| !has_elapsed(asked, PERIOD_S, now));
        !was_asked && !self.is_missing(now) && !self.backoff.is_waiting(now)
    }

    fn fail(&mut self, now: UnixMs) {
        self.asked = None;
        self.backoff.fail(now);
    }
}

impl Feed {
    pub(super) const fn new(source: Source) -> Self {
        Self { source, pairs: BTreeMap::new() }
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    /// Whether it may have a currency, as far as is known.
    pub(super) fn may_have(&self, currency: Currency, now: UnixMs) -> bool {
        self.source.covers(currency) && !self.pairs.get(&currency).is_some_and(|pair| pair.is_missing(now))
    }

    /// What it said last, however long ago.
    pub(super) fn quote(&self, currency: Currency) -> Option<Quote> {
        let (price, at) = self.pairs.get(&currency)?.quote?;
        Some(Quote { source: self.source.name().clone(), taken: Taken::At(at), price })
    }

    /// The requests that are due for these currencies; `all` are those that there may ever be. An
    /// answer with all of them in one is asked for as a whole, so that it serves whoever asks for
    /// another one next.
    pub(super) fn plan(&mut self, asked: &[Currency], all: &BTreeSet<Currency>, now: UnixMs) -> Vec<Request> {
        let pair = |currency: &Currency| self.pairs.get(currency).copied().unwrap_or_default();
        let is_due = |currency: &&Currency| self.source.covers(**currency) && pair(currency).is_due(now);
        let mut due: Vec<Currency> = asked.iter().filter(is_due).copied().collect();
        if due.is_empty() {
            return Vec::new();
        }
        // Who has waited for longest is first.
        due.sort_by_key(|currency| pair(currency).asked);
        due.truncate(REQUESTS_MAX);
        let requests = if self.source.has_all_in_one() {
            self.source.requests(all)
        } else {
            self.source.requests(&due.into_iter().collect())
        };
        for currency in requests.iter().flat_map(|request| &request.currencies) {
            self.pairs.entry(*currency).or_default().asked = Some(now);
        }
        requests
    }

    /// Keeps what came of a request.
    pub(super) fn record(
        &mut self,
        request: &Request,
        outcome: &Outcome<'_>,
        age_max_s: i64,
        now: UnixMs,
    ) -> Result<Recorded, RecordError> {
        let read = match outcome {
            Outcome::Answered(body) => {
                Answer::read(&self.source, &request.currencies, body, now).or(Err(RecordError::NotUnderstood))
            }
            // Where one answer has all, what is not found is the source and not a currency.
            Outcome::NotFound if self.source.has_all_in_one() => Err(RecordError::Failed),
            Outcome::NotFound => {
                let said = request.currencies.iter().map(|currency| (*currency, Said::Nothing)).collect();
                Ok(Answer { at: now, said })
            }
            Outcome::Failed => Err(RecordError::Failed),
        };
        let answer = read.inspect_err(|_| {
            for currency in &request.currencies {
                self.pairs.entry(*currency).or_default().fail(now);
            }
        })?;
        let mut recorded = Recorded::default();
        for (currency, said) in answer.said {
            let is_certain = self.source.has_known_currencies();
            let pair = self.pairs.entry(currency).or_default();
            match said {
                Said::Price(price) => {
                    *pair = Pair { asked: pair.asked, quote: Some((price, answer.at)), ..Pair::default() };
                    recorded.quoted.push(currency);
                }
                Said::Nothing => {
                    // What was there just now, or is known to be there, will be there again.
                    let was_quoted = pair.quote.is_some_and(|(_, at)| !has_elapsed(at, age_max_s, now));
                    if is_certain || was_quoted {
                        pair.fail(now);
                    } else {
                        *pair = Pair { asked: pair.asked, missing: Some(now), ..Pair::default() };
                    }
                    recorded.missing.push(currency);
                }
                Said::Nonsense(why) => {
                    pair.fail(now);
                    recorded.refused.push((currency, why));
                }
            }
        }
        Ok(recorded)
    }
}
