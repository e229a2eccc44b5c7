//! What a bitcoin costs in other currencies, for whoever counts in them.
//!
//! Off by default; then nothing leaves the machine, and looking costs no more than seeing that.
//! Where it is on, a task of the server carries out what [`Asking`] plans, and everybody else asks
//! [`Rates`], which never asks a source itself.

mod amount;
mod asking;
mod notes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub use amount::{Asked, InvalidUnit, Priced, Quoted, Unit, amount_at, amount_of, price, quote};
pub use asking::Asking;
pub use notes::note_worth;

use super::Error;
use crate::clock;
use crate::domain::time::UnixMs;
use crate::rates::book::Book;
use crate::rates::currency::Currency;
use crate::rates::price::Price;
use crate::rates::quotes::{Rate, RateError};
use crate::rates::settings::Settings;
use crate::rates::sources::ANSWER_TIME_MS_MAX;

/// How long somebody waits who is the first to want a rate.
const PATIENCE: Duration = Duration::from_millis(ANSWER_TIME_MS_MAX);

/// The rates that this process knows, if any. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rates(Option<Arc<Shared>>);

/// What the task and all who ask share.
#[derive(Debug)]
struct Shared {
    has_sources: bool,
    known: Mutex<Known>,
    /// Somebody waits for sources to be asked.
    wanted: Notify,
    /// Something came of a request, or nothing will.
    news: watch::Sender<()>,
    unavailable: AtomicU64,
    divergent: AtomicU64,
}

#[derive(Debug)]
struct Known {
    book: Book,
    /// Rates that were not wanted before: until when whoever wants them waits.
    awaited: BTreeMap<Currency, Instant>,
    /// How many requests are under way that ask for a currency.
    under_way: BTreeMap<Currency, usize>,
}

/// How the rates are, for metrics.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What is wanted at present, and its rate where there is one.
    pub wanted: Vec<(Currency, Option<Rate>)>,
    /// How often there was no current rate.
    pub unavailable: u64,
    /// How often sources disagreed.
    pub divergent: u64,
}

impl Rates {
    /// Rates by these settings; none at all where there are none.
    pub fn new(settings: Option<Settings>) -> Self {
        Self(settings.map(|settings| {
            Arc::new(Shared {
                has_sources: settings.has_sources(),
                known: Mutex::new(Known {
                    book: Book::new(settings),
                    awaited: BTreeMap::new(),
                    under_way: BTreeMap::new(),
                }),
                wanted: Notify::new(),
                news: watch::Sender::new(()),
                unavailable: AtomicU64::new(0),
                divergent: AtomicU64::new(0),
            })
        }))
    }

    /// Whether there are any.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The currencies that are offered.
    pub fn currencies(&self) -> BTreeSet<Currency> {
        self.0.as_ref().map(|shared| shared.known.lock().book.currencies().clone()).unwrap_or_default()
    }

    /// Whether a currency is offered.
    pub fn offers(&self, currency: Currency) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.known.lock().book.currencies().contains(&currency))
    }

    /// The rate of a currency now. Whoever is the first to want it waits for sources to answer, and
    /// no longer than they may take; otherwise it is there, or it is not.
    pub async fn rate(&self, currency: Currency) -> Result<Rate, Error> {
        let shared = self.0.as_ref().ok_or(Error::RatesDisabled)?;
        let mut news = shared.news.subscribe();
        loop {
            let (rate, waiting) = shared.ask(currency);
            let (Err(_), Some(until)) = (&rate, waiting) else { return rate.map_err(|why| shared.refuse(why)) };
            // Where nothing more comes, it is not there.
            if tokio::time::timeout_at(until, news.changed()).await.is_err() {
                return shared.ask(currency).0.map_err(|why| shared.refuse(why));
            }
        }
    }

    /// The rate of a currency where it is there: for what is told beside, and worth no waiting. From
    /// now on sources are asked for it for a while.
    pub fn rate_at_hand(&self, currency: Currency) -> Option<Rate> {
        let mut known = self.0.as_ref()?.known.lock();
        known.book.ask(currency, clock::now()).ok()
    }

    /// What the rate of a currency was, since some time and for a day at most.
    pub fn history(&self, currency: Currency, from: UnixMs) -> Result<Vec<(UnixMs, Price)>, Error> {
        let known = self.0.as_ref().ok_or(Error::RatesDisabled)?.known.lock();
        if !known.book.currencies().contains(&currency) {
            return Err(RateError::Unsupported.into());
        }
        Ok(known.book.history(currency, from))
    }

    /// How they are, for metrics.
    pub fn standing(&self) -> Standing {
        let Some(shared) = &self.0 else { return Standing::default() };
        let known = shared.known.lock();
        Standing {
            wanted: known.book.wanted(clock::now()).map(|(currency, rate)| (currency, rate.ok())).collect(),
            unavailable: shared.unavailable.load(Ordering::Relaxed),
            divergent: shared.divergent.load(Ordering::Relaxed),
        }
    }

    /// What asks sources; `None` where there are none to be asked.
    pub fn asking(&self) -> Option<Asking> {
        self.0.as_ref().filter(|shared| shared.has_sources).map(|shared| Asking(Arc::clone(shared)))
    }
}

impl Shared {
    /// The rate, and until when it is worth waiting for one that is not there.
    fn ask(&self, currency: Currency) -> (Result<Rate, RateError>, Option<Instant>) {
        let (now, mut known) = (clock::now(), self.known.lock());
        let was_wanted = known.book.is_wanted(currency, now);
        let rate = known.book.ask(currency, now);
        let is_worth_it = matches!(rate, Err(RateError::Unavailable | RateError::Divergent));
        if is_worth_it && !was_wanted && self.has_sources {
            let until = Instant::now().checked_add(PATIENCE);
            known.awaited.extend(until.map(|until| (currency, until)));
            self.wanted.notify_one();
        }
        (rate, known.awaited.get(&currency).copied().filter(|until| *until > Instant::now()))
    }

    fn refuse(&self, why: RateError) -> Error {
        match why {
            RateError::Unsupported => 0,
            RateError::Unavailable => self.unavailable.fetch_add(1, Ordering::Relaxed),
            RateError::Divergent => self.divergent.fetch_add(1, Ordering::Relaxed),
        };
        why.into()
    }
}
