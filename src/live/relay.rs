//! Notifies the other processes on the same PostgreSQL of what this one has settled, and receives
//! their notifications: one thread with one connection.
//!
//! Nothing is sent while no other process has listeners. Movements are sent after the commit, a few
//! milliseconds' worth at a time: a `NOTIFY` inside the settlement transaction would make all of
//! these wait for one lock at commit. The sweep finds whatever is lost here (through a dead
//! connection, or because a process was not yet known to listen).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bitcoin_hashes::hex::DisplayHex;
use parking_lot::{Condvar, Mutex};

use super::hub::Hub;
use crate::crypto::random;
use crate::domain::ids::AccountId;
use crate::domain::money::Msat;
use crate::ledger::movement::Movement;
use crate::store::db::notify::{MESSAGE_BYTES_MAX, Notifier};
use crate::store::{Database, Store, StoreError};

/// How often to check for messages while there are listeners here; also how long movements wait to
/// be sent together.
const TICK: Duration = Duration::from_millis(20);
/// How often to check whether another process has listeners.
const LOOK_FOR_OTHERS: Duration = Duration::from_secs(2);
/// How long to wait before reconnecting.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// The most movements that wait to be sent. If there are more, the other processes are told to
/// query the database themselves.
const WAITING_MAX: usize = 4096;
/// The message that makes every process query the database.
const LOOK: &str = "look";

/// Hands movements to the thread. Cheap to clone.
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

struct Shared {
    wanted: AtomicBool,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Movement>,
    too_many: bool,
    stopping: bool,
}

/// The thread, for whoever has to stop it.
pub struct RelayThread {
    relay: Relay,
    thread: thread::JoinHandle<()>,
}

impl Relay {
    /// Starts the thread; `None` if there can only be one process (SQLite).
    pub fn start(store: Store, hub: Arc<Hub>) -> std::io::Result<Option<(Self, RelayThread)>> {
        if matches!(store.database(), Database::Sqlite(_)) {
            return Ok(None);
        }
        let shared = Shared { wanted: AtomicBool::new(false), state: Mutex::default(), wake: Condvar::new() };
        let relay = Self(Arc::new(shared));
        let thread = thread::Builder::new().name("live-relay".to_owned()).spawn({
            let relay = relay.clone();
            move || relay.run(&store, &hub)
        })?;
        Ok(Some((relay.clone(), RelayThread { relay, thread })))
    }

    /// Whether another process has listeners.
    pub fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Relaxed)
    }

    /// Queues movements for the other processes; does not wait until they are sent.
    pub fn send(&self, movements: &[Movement]) {
        if !self.is_wanted() {
            return;
        }
        let mut state = self.0.state.lock();
        let is_first = state.waiting.is_empty() && !state.too_many;
        if state.waiting.len().saturating_add(movements.len()) > WAITING_MAX {
            state.waiting.clear();
            state.too_many = true;
        } else if !state.too_many {
            state.waiting.extend_from_slice(movements);
        }
        drop(state);
        if is_first {
            self.0.wake.notify_one();
        }
    }

    fn run(&self, store: &Store, hub: &Arc<Hub>) {
        let name = random::bytes::<8>().to_lower_hex_string();
        while !self.is_stopping() {
            match store.notifier().and_then(|notifier| notifier.map_or(Ok(()), |n| self.exchange(n, hub, &name))) {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "no messages between processes; reconnecting"),
            }
            // Anything sent in the meantime was not received here.
            hub.look_now();
            let mut state = self.0.state.lock();
            if !state.stopping {
                self.0.wake.wait_for(&mut state, RECONNECT_PAUSE);
            }
        }
    }

    /// Sends and receives until the thread is stopped or the connection fails.
    fn exchange(&self, mut notifier: Notifier, hub: &Hub, name: &str) -> Result<(), StoreError> {
        let mut said_listening = false;
        let mut looked_at: Option<Instant> = None;
        loop {
            let listening = hub.open() > 0;
            if listening != said_listening {
                notifier.say_listening(listening)?;
                said_listening = listening;
            }
            if looked_at.is_none_or(|at| at.elapsed() >= LOOK_FOR_OTHERS) {
                self.0.wanted.store(notifier.others_listen()?, Ordering::Relaxed);
                looked_at = Some(Instant::now());
            }
            // Even without listeners: received messages must not pile up.
            hear(hub, &notifier.received()?, name);
            let Some((waiting, too_many)) = self.next(listening) else {
                return Ok(());
            };
            if !waiting.is_empty() || too_many {
                notifier.send(&messages(name, &waiting, too_many))?;
            }
        }
    }

    /// Waits for something to send, but not forever, then a moment longer for more to send with it,
    /// and takes it all. `None` when the thread is to stop. While there are listeners here, it
    /// waits for that moment only, because there may be messages to receive.
    fn next(&self, listening: bool) -> Option<(Vec<Movement>, bool)> {
        let mut state = self.0.state.lock();
        if !listening && state.waiting.is_empty() && !state.too_many && !state.stopping {
            self.0.wake.wait_for(&mut state, LOOK_FOR_OTHERS);
        }
        let until = Instant::now() + TICK;
        while !state.stopping && !self.0.wake.wait_until(&mut state, until).timed_out() {}
        let taken = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.too_many));
        (!state.stopping).then_some(taken)
    }

    fn is_stopping(&self) -> bool {
        self.0.state.lock().stopping
    }
}

impl RelayThread {
    /// Ends the thread.
    pub fn stop(self) {
        self.relay.0.state.lock().stopping = true;
        self.relay.0.wake.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the exchange of messages between processes has failed");
        }
    }
}

/// Publishes what others have sent.
fn hear(hub: &Hub, messages: &[String], name: &str) {
    for message in messages {
        let Some((sender, text)) = message.split_once(' ') else { continue };
        if sender == name {
            continue;
        }
        let movements: Option<Vec<Movement>> =
            text.split(' ').filter(|word| !word.is_empty() && *word != LOOK).map(parse).collect();
        match movements {
            Some(movements) => hub.publish(&movements),
            // Sent by another version: query the rows instead.
            None => hub.look_now(),
        }
        if text.contains(LOOK) {
            hub.look_now();
        }
    }
}

/// The messages that announce movements.
fn messages(name: &str, movements: &[Movement], too_many: bool) -> Vec<String> {
    let mut messages = Vec::new();
    let mut message = name.to_owned();
    if too_many {
        message.push(' ');
        message.push_str(LOOK);
    }
    for movement in movements {
        let word = word(movement);
        if message.len().saturating_add(word.len()) >= MESSAGE_BYTES_MAX {
            messages.push(std::mem::replace(&mut message, name.to_owned()));
        }
        message.push(' ');
        message.push_str(&word);
    }
    messages.push(message);
    messages
}

/// A movement as one word: account, number, balance, direction, row.
fn word(movement: &Movement) -> String {
    let Movement { account, entry, available, received, row } = movement;
    let direction = if *received { '+' } else { '-' };
    format!("{account},{entry},{},{direction},{}", available.get(), row)
}

fn parse(word: &str) -> Option<Movement> {
    let mut parts = word.split(',');
    let account: AccountId = parts.next()?.parse().ok()?;
    let entry = parts.next()?.parse().ok()?;
    let available = Msat::new(parts.next()?.parse().ok()?);
    let received = match parts.next()? {
        "+" => true,
        "-" => false,
        _ => return None,
    };
    let row = parts.next()?.parse().ok()?;
    Some(Movement { account, entry, available, received, row })
}
