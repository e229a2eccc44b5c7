//! What LND has received: its stream of settled invoices, and its list of all.
//!
//! Each settlement has an index, one above that of the settlement before. The stream tells everything above
//! an index, in order, except above 0, which to LND means that nothing old is wanted.

use std::time::Duration;

use tokio::time::Instant;

use super::super::node::{Cursor, NodeError, Receipt, Received};
use super::super::wire::{Ask, unreadable};
use super::Lnd;
use super::answers::{Invoice, InvoicePage};
use crate::domain::time::UnixMs;

/// How many invoices there are in a page.
const PAGE: usize = 500;
/// The most receipts that are told at once.
const TOLD_MAX: usize = 1000;
/// How long it is waited at least: nothing says that there is nothing.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// How long it is waited for one more, once there is one.
const QUIET: Duration = Duration::from_millis(50);
/// How long the rest of what is known to be there may take.
const REST_TIME: Duration = Duration::from_secs(30);

impl Lnd {
    /// What was settled after a settlement that is known.
    pub(super) async fn settled_after(&self, cursor: Cursor, wait: Duration) -> Result<Vec<Received>, NodeError> {
        let received = self.read_stream(cursor, wait.max(WAIT_MIN), None).await?;
        let Some(last) = received.last().map(|last| last.cursor) else { return Ok(received) };
        let count = i64::try_from(received.len()).unwrap_or(i64::MAX);
        if last.0.saturating_sub(cursor.0) == count {
            return Ok(received);
        }
        // Indexes are left out: of payments of another kind, or because the stream was told of settlements
        // at the same time in another order. A new stream begins with everything that is stored, in order.
        self.read_stream(cursor, REST_TIME, Some(last)).await
    }

    /// Reads what the stream says: until it is quiet, or up to the settlement `until`.
    async fn read_stream(
        &self,
        cursor: Cursor,
        wait: Duration,
        until: Option<Cursor>,
    ) -> Result<Vec<Received>, NodeError> {
        let deadline = Instant::now() + wait;
        let path = format!("/v1/invoices/subscribe?settle_index={}", cursor.0);
        let mut lines = self.wire.stream(Ask::get(path)).await?;
        let mut received: Vec<Received> = Vec::new();
        while received.len() < TOLD_MAX {
            let rest = deadline.saturating_duration_since(Instant::now());
            let is_quiet_enough = until.is_none() && !received.is_empty();
            let Some(item) = self.next_item(&mut lines, if is_quiet_enough { rest.min(QUIET) } else { rest }).await?
            else {
                break;
            };
            let invoice: Invoice = item?;
            let at = Cursor(invoice.settle_index.0);
            if let Some(receipt) = invoice.receipt()?.filter(|_| at > cursor) {
                if until.is_some_and(|until| at > until) {
                    break;
                }
                received.push(Received { receipt, cursor: at });
                if Some(at) == until {
                    break;
                }
            }
        }
        match until {
            Some(until) if received.len() < TOLD_MAX && received.last().is_none_or(|last| last.cursor < until) => {
                Err(unreadable("a settlement that was told is not told again"))
            }
            _ => Ok(received),
        }
    }

    /// What was settled first. The stream only wakes us: whether it was open in time, it does not say. What
    /// has at most an index that was seen, was settled before the list is read that follows, and is in it.
    pub(super) async fn settled_first(&self, wait: Duration) -> Result<Vec<Received>, NodeError> {
        let deadline = Instant::now() + wait;
        let mut lines = self.wire.stream(Ask::get("/v1/invoices/subscribe".to_owned())).await?;
        let listed = self.settled(UnixMs::new(0)).await?;
        let mut seen = listed.last().map(|last| last.cursor);
        while seen.is_none() {
            let rest = deadline.saturating_duration_since(Instant::now());
            let Some(item) = self.next_item(&mut lines, rest).await? else { return Ok(Vec::new()) };
            let invoice: Invoice = item?;
            seen = invoice.receipt()?.map(|_| Cursor(invoice.settle_index.0));
        }
        let mut received = self.settled(UnixMs::new(0)).await?;
        received.retain(|received| Some(received.cursor) <= seen);
        received.truncate(TOLD_MAX);
        Ok(received)
    }

    pub(super) async fn list_receipts(&self, since: UnixMs) -> Result<Vec<Receipt>, NodeError> {
        Ok(self.settled(since).await?.into_iter().map(|received| received.receipt).collect())
    }

    /// All that was settled since then, in order. LND lists by when invoices were made: all are looked at.
    async fn settled(&self, since: UnixMs) -> Result<Vec<Received>, NodeError> {
        let mut received = Vec::new();
        let mut offset = 0;
        loop {
            let path = format!("/v1/invoices?index_offset={offset}&num_max_invoices={PAGE}");
            let page: InvoicePage = self.get(path).await?;
            for invoice in &page.invoices {
                let cursor = Cursor(invoice.settle_index.0);
                let receipt = invoice.receipt()?.filter(|receipt| cursor.0 > 0 && receipt.at >= since);
                received.extend(receipt.map(|receipt| Received { receipt, cursor }));
            }
            if page.invoices.len() < PAGE {
                break;
            }
            if page.last_index_offset.0 <= offset {
                return Err(unreadable("a page of the list leads nowhere"));
            }
            offset = page.last_index_offset.0;
        }
        received.sort_by_key(|received| received.cursor);
        Ok(received)
    }
}
