//! The side of rates that asks sources: what to ask now, and what came of it.

use std::sync::Arc;

use super::{Known, Shared};
use crate::clock;
use crate::rates::book::{Outcome, RecordError, Recorded};
use crate::rates::sources::Request;

/// Asks sources what a bitcoin costs, on behalf of all who want to know.
#[derive(Debug)]
pub struct Asking(pub(super) Arc<Shared>);

impl Asking {
    /// Resolves when somebody waits for sources to be asked.
    pub async fn wanted(&self) {
        self.0.wanted.notified().await;
    }

    /// The requests to make now. What comes of each is to be recorded.
    pub fn plan(&self) -> Vec<Request> {
        let mut known = self.0.known.lock();
        let requests = known.book.plan(clock::now());
        for currency in requests.iter().flat_map(|request| &request.currencies) {
            let count = known.under_way.entry(*currency).or_default();
            *count = count.saturating_add(1);
        }
        // Nobody is asked for these: all have failed just now.
        let Known { awaited, under_way, .. } = &mut *known;
        awaited.retain(|currency, _| under_way.contains_key(currency));
        drop(known);
        self.0.news.send_replace(());
        requests
    }

    /// Keeps what came of a request.
    pub fn record(&self, request: &Request, outcome: &Outcome<'_>) -> Result<Recorded, RecordError> {
        let mut known = self.0.known.lock();
        let recorded = known.book.record(request, outcome, clock::now());
        for currency in &request.currencies {
            let left = known.under_way.get(currency).map_or(0, |count| count.saturating_sub(1));
            if left > 0 {
                known.under_way.insert(*currency, left);
            } else {
                known.under_way.remove(currency);
                known.awaited.remove(currency);
            }
        }
        drop(known);
        self.0.news.send_replace(());
        recorded
    }
}
