//! The listeners, and what each one listens to. Nothing in here waits for a listener.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::domain::consumer::Consumer;
use crate::domain::ids::{InvoiceId, WalletId};
use crate::ledger::movement::Movement;
use crate::live::quota::{Limits, Refused, Slot, Slots};

/// The number of a wallet's latest movements that are kept for its listeners, so that they need not
/// query them. A listener that is further behind queries the database.
const RECENT_MAX: usize = 256;

/// What can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// All movements of a wallet.
    Wallet(WalletId),
    /// The payment of one invoice.
    Invoice(InvoiceId),
}

/// Why a stream must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The key that opened it no longer works.
    Revoked,
    /// The process is stopping.
    Closing,
    /// Its reader is so far behind that what it missed would not fit into memory, or cannot be
    /// found in reasonable time.
    Behind,
}

/// All listeners.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    open: AtomicUsize,
    closing: AtomicBool,
    topics: Mutex<Topics>,
    /// Requests an immediate sweep.
    pub(super) look_now: Notify,
}

#[derive(Debug, Default)]
struct Topics {
    channels: HashMap<Topic, Channel>,
    slots: Slots,
    /// How many times movements were published.
    tellings: u64,
}

#[derive(Debug, Default)]
struct Channel {
    subscribers: Vec<Arc<Subscriber>>,
    recent: VecDeque<Movement>,
    /// The publication that its listeners were last woken for.
    woken_for: u64,
}

/// The shared state of one listener.
#[derive(Debug)]
pub(super) struct Subscriber {
    woken: Notify,
    /// The number of the last movement sent.
    pub(super) position: AtomicI64,
    /// The generation of the keys that the stream was opened with; 0 if no key was needed.
    pub(super) keys_version: i64,
    end: AtomicU8,
}

const OPEN: u8 = 0;
const REVOKED: u8 = 1;
const CLOSING: u8 = 2;
const BEHIND: u8 = 3;

impl Subscriber {
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    pub(super) fn end(&self, end: End) {
        let end = match end {
            End::Revoked => REVOKED,
            End::Closing => CLOSING,
            End::Behind => BEHIND,
        };
        // The first reason wins.
        let _ = self.end.compare_exchange(OPEN, end, Ordering::SeqCst, Ordering::SeqCst);
        self.wake();
    }
}

impl Hub {
    /// A hub without listeners.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            topics: Mutex::default(),
            look_now: Notify::new(),
        }
    }

    /// The number of listeners.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Listens to a consumer's wallet or invoice, from now on until the listener is dropped.
    /// `keys_version` is the generation of the caller's key, if a key is needed.
    pub fn listen(self: &Arc<Self>, topic: Topic, consumer: Consumer, keys_version: i64) -> Result<Listener, Refused> {
        let mut topics = self.topics.lock();
        // Checked under the lock, so that nobody gets in after `close`.
        if self.closing.load(Ordering::SeqCst) {
            return Err(Refused::Closing);
        }
        if topics.channels.get(&topic).map_or(0, |channel| channel.subscribers.len()) >= self.limits.topic_max {
            return Err(Refused::TopicFull);
        }
        let slot = Slot { consumer, keyless: matches!(topic, Topic::Invoice(_)) };
        topics.slots.take(slot, self.limits)?;
        self.open.store(topics.slots.open(), Ordering::Relaxed);
        let channel = topics.channels.entry(topic).or_default();
        let subscriber = Arc::new(Subscriber {
            woken: Notify::new(),
            position: AtomicI64::new(i64::MAX),
            keys_version,
            end: AtomicU8::new(OPEN),
        });
        channel.subscribers.push(Arc::clone(&subscriber));
        Ok(Listener { hub: Arc::clone(self), topic, slot, subscriber })
    }

    /// Publishes committed movements: wakes the listeners of each wallet once, however many
    /// movements it has.
    pub fn publish(&self, movements: &[Movement]) {
        if self.open() == 0 {
            return;
        }
        let mut topics = self.topics.lock();
        topics.tellings = topics.tellings.wrapping_add(1);
        let telling = topics.tellings;
        for movement in movements {
            if let Some(channel) = topics.channels.get_mut(&Topic::Wallet(movement.account.wallet())) {
                if channel.recent.len() == RECENT_MAX {
                    channel.recent.pop_front();
                }
                channel.recent.push_back(*movement);
                if channel.woken_for != telling {
                    channel.woken_for = telling;
                    channel.subscribers.iter().for_each(|subscriber| subscriber.wake());
                }
            }
            let invoice = movement.received.then(|| Topic::Invoice(movement.row.invoice()));
            if let Some(channel) = invoice.and_then(|topic| topics.channels.get(&topic)) {
                channel.subscribers.iter().for_each(|subscriber| subscriber.wake());
            }
        }
    }

    /// Makes the next sweep run now.
    pub fn look_now(&self) {
        self.look_now.notify_one();
    }

    /// Ends all streams, and accepts no more listeners.
    pub fn close(&self) {
        let topics = self.topics.lock();
        self.closing.store(true, Ordering::SeqCst);
        topics
            .channels
            .values()
            .flat_map(|channel| &channel.subscribers)
            .for_each(|subscriber| subscriber.end(End::Closing));
    }

    /// All listeners, by topic.
    pub(super) fn listening(&self) -> Vec<(Topic, Vec<Arc<Subscriber>>)> {
        self.topics.lock().channels.iter().map(|(topic, channel)| (*topic, channel.subscribers.clone())).collect()
    }
}

/// A listener.
#[derive(Debug)]
pub struct Listener {
    hub: Arc<Hub>,
    topic: Topic,
    slot: Slot,
    subscriber: Arc<Subscriber>,
}

impl Listener {
    /// Waits until there may be something new, or the stream must end. Notifications that arrived
    /// while nobody waited are delivered now.
    pub async fn woken(&self) {
        self.subscriber.woken.notified().await;
    }

    /// Why the stream must end, if it must.
    pub fn must_end(&self) -> Option<End> {
        match self.subscriber.end.load(Ordering::SeqCst) {
            OPEN => None,
            REVOKED => Some(End::Revoked),
            BEHIND => Some(End::Behind),
            _ => Some(End::Closing),
        }
    }

    /// Ends the stream.
    pub fn end(&self, end: End) {
        self.subscriber.end(end);
    }

    /// Records which movement was sent last, so that the sweep knows whether there are newer ones.
    pub fn stand_at(&self, entry: i64) {
        self.subscriber.position.store(entry, Ordering::Relaxed);
    }

    /// The latest movements after this one, as far as they are known here; there may be gaps.
    pub fn recent(&self, after: i64) -> Vec<Movement> {
        let topics = self.hub.topics.lock();
        let recent = topics.channels.get(&self.topic).map(|channel| channel.recent.iter());
        recent.into_iter().flatten().filter(|movement| movement.entry > after).copied().collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut topics = self.hub.topics.lock();
        if let Some(channel) = topics.channels.get_mut(&self.topic) {
            channel.subscribers.retain(|subscriber| !Arc::ptr_eq(subscriber, &self.subscriber));
            if channel.subscribers.is_empty() {
                topics.channels.remove(&self.topic);
            }
        }
        topics.slots.give_back(self.slot);
        self.hub.open.store(topics.slots.open(), Ordering::Relaxed);
    }
}
