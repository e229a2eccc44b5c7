//! How often pay links are served: counted in memory, because whoever looks at a link a thousand
//! times a second must not cost as many writes, and written every few seconds. A process that dies
//! takes what it has counted since with it.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::PayLink;
use crate::domain::ids::PayLinkId;
use crate::store::{Store, pay_links};

/// Links that are counted for at once. Further ones wait for the next time to be written.
const LINKS_MAX: usize = 10_000;
/// How often the counts are written.
const EVERY: Duration = Duration::from_secs(3);
/// Links whose counts are written in one transaction.
const CHUNK_LINKS: usize = 200;

/// What is counted of one link.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    meta: i64,
    pr: i64,
}

/// The counts that are not written yet.
#[derive(Debug, Default)]
pub struct ServedCounts(Mutex<BTreeMap<PayLinkId, Count>>);

impl ServedCounts {
    /// Somebody has looked at a link.
    pub fn count_meta(&self, link: PayLinkId) {
        self.count(link, |count| count.meta = count.meta.saturating_add(1));
    }

    /// A link has given an invoice.
    pub fn count_pr(&self, link: PayLinkId) {
        self.count(link, |count| count.pr = count.pr.saturating_add(1));
    }

    fn count(&self, link: PayLinkId, add: impl FnOnce(&mut Count)) {
        let mut counts = self.0.lock();
        if counts.len() < LINKS_MAX || counts.contains_key(&link) {
            add(counts.entry(link).or_default());
        }
    }

    /// A link with what is counted of it and not written yet.
    pub fn added_to(&self, link: PayLink) -> PayLink {
        let Count { meta, pr } = self.0.lock().get(&link.id).copied().unwrap_or_default();
        let (served_meta, served_pr) = (link.served_meta.saturating_add(meta), link.served_pr.saturating_add(pr));
        PayLink { served_meta, served_pr, ..link }
    }

    /// Writes the counts every few seconds, and once more at the end.
    pub async fn write_periodically(&self, store: Store, stop: CancellationToken) {
        loop {
            let is_last = tokio::select! {
                () = tokio::time::sleep(EVERY) => false,
                () = stop.cancelled() => true,
            };
            self.write(&store).await;
            if is_last {
                break;
            }
        }
    }

    async fn write(&self, store: &Store) {
        let counts: Vec<_> = std::mem::take(&mut *self.0.lock()).into_iter().collect();
        for chunk in counts.chunks(CHUNK_LINKS) {
            let rows: Vec<_> = chunk.iter().map(|(id, count)| (*id, count.meta, count.pr)).collect();
            if let Err(error) =
                store.write_in_background(move |connection| pay_links::add_served(connection, &rows)).await
            {
                tracing::warn!(%error, "how often pay links were served could not be written, and is lost");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_links_are_counted_and_no_more() {
        let counts = ServedCounts::default();
        let first = PayLinkId::random();
        counts.count_meta(first);
        for _ in 0..LINKS_MAX + 5 {
            counts.count_pr(PayLinkId::random());
        }
        counts.count_meta(first);
        let counted = counts.0.lock();
        assert_eq!(counted.len(), LINKS_MAX);
        assert_eq!(counted.get(&first).map(|count| (count.meta, count.pr)), Some((2, 0)));
    }
}
