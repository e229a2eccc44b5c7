//! What a live stream sends: the movements of one wallet, in order, each exactly once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::hub::{End, Hub, Listener, Topic};
use super::quota::Refused;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{PaymentRow, WalletId};
use crate::ledger::command::Authority;
use crate::ledger::movement::Movement;
use crate::store::payments::Payment;
use crate::store::{Db, Store, StoreError, live, payments};

/// How often an otherwise silent stream sends a ping, so that proxies and clients keep it open.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);
/// The most missed movements that a stream catches up with.
const CATCH_UP_MAX: i64 = 10_000;
/// Movements read at once.
const PAGE_MOVEMENTS: i64 = 100;
/// How many movements an open stream may fall behind.
const LAG_MAX: i64 = 20_000;
/// How long to wait before reading again when the database is unavailable.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The next step of a stream.
#[derive(Debug)]
pub enum Step {
    /// New movements, at least one.
    Moved(Vec<Update>),
    /// Nothing has happened for a while.
    Ping,
    /// The stream is over.
    End(End),
    /// The stream cannot go on because of a bug of ours.
    Failed,
}

/// A movement with its payment, as the wallet sees it.
#[derive(Debug)]
pub struct Update {
    /// The movement.
    pub movement: Movement,
    /// The wallet's side of the payment.
    pub payment: Payment,
}

/// Why a stream cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// Too many streams are open, or the process is stopping.
    #[error("nobody more may listen: {0:?}")]
    Refused(Refused),
    /// It would have to catch up with too much.
    #[error(transparent)]
    TooFarBack(#[from] TooFarBack),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Refused> for NotOpened {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The movement that a stream should resume from is too far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooFarBack {
    /// More movements follow it than a stream catches up with.
    #[error("is more than {CATCH_UP_MAX} payments back")]
    Payments,
    /// The movements after it cannot be found in reasonable time.
    #[error("is before payments that are not among the wallet's newest {} invoices", live::SEARCH_ROWS_MAX)]
    Invoices,
}

/// The movements of a wallet from some point on, for as long as the key works.
pub struct Feed {
    store: Store,
    listener: Listener,
    /// The consumer that its reads are charged to.
    consumer: Consumer,
    authority: Authority,
    /// The number of the last movement sent.
    position: i64,
    /// The known movements after that one.
    known: BTreeMap<i64, Movement>,
    /// Whether there may be movements that were not read yet.
    stale: bool,
    ping_at: Instant,
}

impl Feed {
    /// Opens a stream for a key that was just verified, starting after the given movement or from
    /// now on. A number that the wallet has not reached yet means now.
    pub async fn open(
        store: Store,
        hub: &Arc<Hub>,
        consumer: Consumer,
        authority: Authority,
        after: Option<i64>,
    ) -> Result<Self, NotOpened> {
        let wallet = authority.account.wallet();
        // Listening starts before reading, so that no movement falls in between.
        let listener = hub.listen(Topic::Wallet(wallet), consumer, authority.keys_version)?;
        let entries = store.read(move |connection| live::entries(connection, authority)).await?;
        let position = after.map_or(entries, |after| after.min(entries));
        if entries.saturating_sub(position) > CATCH_UP_MAX {
            return Err(TooFarBack::Payments.into());
        }
        let mut known = BTreeMap::new();
        if position < entries {
            let search = move |connection: &mut Db| live::movements(connection, wallet, position, entries);
            let missed = store.read_feed(consumer, search).await?.ok_or(TooFarBack::Invoices)?;
            known.extend(missed.into_iter().map(|movement| (movement.entry, movement)));
        }
        listener.stand_at(position);
        Ok(Self {
            store,
            listener,
            consumer,
            authority,
            position,
            known,
            stale: position < entries,
            ping_at: Instant::now() + PING_INTERVAL,
        })
    }

    /// The number of the last movement sent.
    pub const fn position(&self) -> i64 {
        self.position
    }

    /// Why it must end, if it must.
    pub fn must_end(&self) -> Option<End> {
        self.listener.must_end()
    }

    /// Waits for the next step. Cancelling the wait loses nothing, but a read that has begun runs
    /// to its end, unused.
    pub async fn next(&mut self) -> Step {
        loop {
            if let Some(end) = self.listener.must_end() {
                return Step::End(end);
            }
            if self.stale {
                match self.read().await {
                    Ok(updates) if updates.is_empty() => {}
                    Ok(updates) => return Step::Moved(updates),
                    Err(StoreError::Revoked | StoreError::Frozen) => return Step::End(End::Revoked),
                    Err(StoreError::Unavailable(error)) => {
                        tracing::warn!(%error, "a live stream could not be read on; trying again");
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                    // The tenant is already reading its share; this stream has to wait.
                    Err(StoreError::Busy(_)) => {}
                    Err(error) => {
                        tracing::error!(%error, "a live stream could not be read on");
                        return Step::Failed;
                    }
                }
                continue;
            }
            tokio::select! {
                () = self.listener.woken() => self.stale = true,
                () = sleep_until(self.ping_at) => {
                    self.ping_at = Instant::now() + PING_INTERVAL;
                    return Step::Ping;
                }
            }
        }
    }

    /// Reads the next movements, after checking the key again.
    async fn read(&mut self) -> Result<Vec<Update>, StoreError> {
        let (authority, after) = (self.authority, self.position);
        self.known.extend(self.listener.recent(after).into_iter().map(|movement| (movement.entry, movement)));
        let known = std::mem::take(&mut self.known);
        let read = move |connection: &mut Db| read_page(connection, authority, after, known);
        let page = self.store.read_feed(self.consumer, read).await?;
        let Some(Page { moved, known, more }) = page else {
            self.listener.end(End::Behind);
            return Ok(Vec::new());
        };
        let updates: Vec<_> = moved.into_iter().map(|(movement, payment)| Update { movement, payment }).collect();
        self.position = updates.last().map_or(after, |update| update.movement.entry);
        self.listener.stand_at(self.position);
        self.known = known;
        self.stale = more;
        self.ping_at = Instant::now() + PING_INTERVAL;
        Ok(updates)
    }
}

/// The result of one read.
struct Page {
    moved: Vec<(Movement, Payment)>,
    known: BTreeMap<i64, Movement>,
    more: bool,
}

/// Reads the next movements, if the key still works. `None` if there are too many, or if they are
/// too far back to be found.
fn read_page(
    connection: &mut Db,
    authority: Authority,
    after: i64,
    mut known: BTreeMap<i64, Movement>,
) -> Result<Option<Page>, StoreError> {
    let wallet = authority.account.wallet();
    let entries = live::entries(connection, authority)?;
    let until = entries.min(after.saturating_add(PAGE_MOVEMENTS));
    if until <= after {
        return Ok(Some(Page { moved: Vec::new(), known, more: false }));
    }
    if entries.saturating_sub(after) > LAG_MAX {
        return Ok(None);
    }
    let first = after.saturating_add(1);
    let mut moved = None;
    if (first..=until).all(|entry| known.contains_key(&entry)) {
        let told: Vec<_> = known.range(first..=until).map(|(_, movement)| *movement).collect();
        moved = with_payments(connection, wallet, told)?;
    }
    let moved = if let Some(moved) = moved {
        moved
    } else {
        // Some of them were not published here, or one was published that does not exist.
        let Some(found) = live::movements(connection, wallet, after, entries)? else { return Ok(None) };
        known = found.into_iter().map(|movement| (movement.entry, movement)).collect();
        let found: Vec<_> = known.range(first..=until).map(|(_, movement)| *movement).collect();
        let moved = with_payments(connection, wallet, found)?;
        moved.ok_or_else(|| StoreError::Broken(format!("movements of the wallet {wallet} have no payments")))?
    };
    let later = known.split_off(&until.saturating_add(1));
    Ok(Some(Page { moved, known: later, more: until < entries }))
}

/// The movements with their payments, in the same order; `None` if one has no payment.
fn with_payments(
    connection: &mut Db,
    wallet: WalletId,
    movements: Vec<Movement>,
) -> Result<Option<Vec<(Movement, Payment)>>, StoreError> {
    let rows: Vec<_> = movements.iter().map(|movement| movement.row).collect();
    let mut payments: BTreeMap<PaymentRow, Payment> =
        payments::find_rows(connection, wallet, &rows)?.into_iter().map(|payment| (payment.row, payment)).collect();
    let with_payment = |movement: Movement| {
        let payment = payments.remove(&movement.row);
        payment.map(|payment| (movement, payment))
    };
    Ok(movements.into_iter().map(with_payment).collect())
}
