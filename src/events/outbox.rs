//! The outbox's one task: it hands events over, claims what is due, has it sent, and records
//! what came of it; then it rests for twice as long as it has worked.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::client::{Answer, Client, PostError};
use super::fan_out;
use super::hosts::{Hosts, Shares};
use super::ready::Ready;
use crate::clock;
use crate::domain::events::{holds_its_line, next_attempt};
use crate::domain::ids::UserId;
use crate::domain::random;
use crate::domain::secret::Sealer;
use crate::domain::time::UnixMs;
use crate::store::deliveries::{self, Attempt, Claimed, DuePlace, Verdict};
use crate::store::endpoints::{self, Endpoint};
use crate::store::events::{self, Event, NewDelivery};
use crate::store::{Db, Store, StoreError};
use crate::traces::{self, Traces};

/// Events that are handed over in one transaction.
const EVENTS_MAX: i64 = 200;
/// Hosts that are looked at in one turn; the next turn goes on behind them.
const PLACES_MAX: i64 = 1000;
/// Deliveries that are claimed in one transaction.
const CLAIMS_MAX: usize = 64;
/// For how long a claim holds: longer than sending and recording take.
const CLAIM_MS: i64 = 30_000;
/// How often there is a look when nothing goes on.
const POLL: Duration = Duration::from_millis(200);
/// How much longer a rest is than the turn before it: payments come first.
const RESTS: u32 = 2;
/// The shortest rest between two turns.
const REST_MIN: Duration = Duration::from_millis(5);
/// The rest after a turn that the database did not let through.
const REST_AFTER_ERROR: Duration = Duration::from_secs(1);
/// When deliveries to a paused endpoint are looked at again.
const PAUSED_S: i64 = 30;
/// When a delivery that could not be made ready is looked at again.
const UNREADY_S: i64 = 5;

/// Sends what happens to those who are to be told.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// The database.
    pub store: Store,
    /// Opens preimages and secrets.
    pub sealer: Sealer,
    /// Posts.
    pub client: Client,
    /// Makes spans of attempts, where they are exported.
    pub traces: Option<Traces>,
}

/// The task, for whoever has to end it.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Claims nothing more from now on.
    pub fn start_stopping(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until what is under way has come back and is recorded.
    pub async fn stop(self) {
        self.start_stopping();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the outbox has ended badly; what it had claimed is sent later");
        }
    }
}

/// What a look into the database has found to do.
#[derive(Default)]
struct Found {
    events: Vec<Event>,
    endpoints: Vec<Endpoint>,
    places: Vec<DuePlace>,
}

/// The state of the task.
struct Work {
    outbox: Outbox,
    hosts: Hosts,
    came_back: mpsc::UnboundedReceiver<Attempt>,
    on_way_back: mpsc::UnboundedSender<Attempt>,
    /// What has come back and is not recorded.
    unrecorded: Vec<Attempt>,
    /// The host behind which the next look begins.
    after: String,
    /// Before this, nothing is handed over: the last time it could not be.
    hands_over_from: Instant,
}

impl Outbox {
    /// Starts the task.
    pub fn start(self) -> Running {
        let (stop, stopping) = watch::channel(false);
        let (on_way_back, came_back) = mpsc::unbounded_channel();
        let work = Work {
            outbox: self,
            hosts: Hosts::default(),
            came_back,
            on_way_back,
            unrecorded: Vec::new(),
            after: String::new(),
            hands_over_from: Instant::now(),
        };
        Running { stop, task: tokio::spawn(work.run(stopping)) }
    }
}

impl Work {
    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            let began = Instant::now();
            let is_stopping = *stopping.borrow();
            let turn = self.turn(is_stopping).await;
            if is_stopping && self.hosts.total() == 0 && (self.unrecorded.is_empty() || turn.is_err()) {
                break;
            }
            let did_something = match turn {
                Ok(did_something) => did_something,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot work; trying again");
                    tokio::time::sleep(REST_AFTER_ERROR).await;
                    continue;
                }
            };
            tokio::time::sleep(began.elapsed().saturating_mul(RESTS).max(REST_MIN)).await;
            if !did_something {
                tokio::select! {
                    attempt = self.came_back.recv() => {
                        if let Some(attempt) = attempt {
                            self.take_back(attempt);
                        }
                    }
                    _ = stopping.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    /// Records, hands over, and claims, some of each. Answers whether there was anything to do.
    async fn turn(&mut self, is_stopping: bool) -> Result<bool, StoreError> {
        while let Ok(attempt) = self.came_back.try_recv() {
            self.take_back(attempt);
        }
        let mut did_something = self.record().await?;
        if is_stopping {
            return Ok(did_something);
        }
        let Found { events, endpoints, places } = self.look().await?;
        if !events.is_empty() && Instant::now() >= self.hands_over_from {
            match self.hand_over(&events, &endpoints).await {
                Ok(()) => did_something = true,
                Err(error) => {
                    // What is handed over already goes out all the same.
                    tracing::error!(%error, "events could not be handed over; trying again");
                    self.hands_over_from = Instant::now() + REST_AFTER_ERROR;
                }
            }
        }
        if self.hosts.is_full() {
            // Nothing was looked for: those behind `after` still come first.
            return Ok(did_something);
        }
        self.after = match places.last() {
            Some(last) if i64::try_from(places.len()).is_ok_and(|seen| seen >= PLACES_MAX) => last.host.clone(),
            Some(_) | None => String::new(),
        };
        Ok(self.claim_and_send(places).await? || did_something)
    }

    fn take_back(&mut self, attempt: Attempt) {
        self.hosts.finish(&attempt.delivery.place, attempt.status_code.is_some());
        self.unrecorded.push(attempt);
    }

    async fn record(&mut self) -> Result<bool, StoreError> {
        if self.unrecorded.is_empty() {
            return Ok(false);
        }
        // Kept until it is recorded: where that fails, all of it is tried again. What was
        // recorded all the same is not claimed any more, so it is not touched twice.
        let attempts = self.unrecorded.clone();
        self.outbox.store.write(move |connection| deliveries::record(connection, &attempts, clock::now())).await?;
        self.unrecorded.clear();
        Ok(true)
    }

    async fn look(&self) -> Result<Found, StoreError> {
        let (after, is_full) = (self.after.clone(), self.hosts.is_full());
        let look = move |connection: &mut Db| {
            let events = events::oldest(connection, EVENTS_MAX)?;
            let managers: HashSet<UserId> = events.iter().filter_map(|event| event.manager).collect();
            let endpoints = endpoints::active_of(connection, &managers.into_iter().collect::<Vec<_>>())?;
            let places = if is_full { Vec::new() } else { deliveries::places(connection, &after, PLACES_MAX)? };
            Ok(Found { events, endpoints, places })
        };
        self.outbox.store.read(look).await
    }

    async fn hand_over(&self, events: &[Event], endpoints: &[Endpoint]) -> Result<(), StoreError> {
        let handed: Vec<_> = events.iter().map(|event| event.id).collect();
        let new: Vec<NewDelivery> = events.iter().flat_map(|event| fan_out::deliveries(event, endpoints)).collect();
        let hand = move |connection: &mut Db| events::hand_over(connection, &handed, new, clock::now());
        self.outbox.store.write(hand).await
    }

    /// Claims what is due, host by host, and sends it. Answers whether there was anything.
    async fn claim_and_send(&mut self, places: Vec<DuePlace>) -> Result<bool, StoreError> {
        let now = clock::now();
        let due = places.into_iter().filter(|it| it.next_at_ms <= now.get()).map(|it| it.host);
        let Shares { wanted, left_out } = self.hosts.share_out(due, CLAIMS_MAX);
        if let (true, Some((last, _))) = (left_out, wanted.last()) {
            last.clone_into(&mut self.after);
        }
        if wanted.is_empty() {
            return Ok(false);
        }
        let until = UnixMs::new(now.get().saturating_add(CLAIM_MS));
        let claim = move |connection: &mut Db| {
            let mut claimed = Vec::new();
            for (place, count) in &wanted {
                claimed.extend(deliveries::claim(connection, place, i64::try_from(*count).unwrap_or(1), now, until)?);
            }
            Ok(claimed)
        };
        let claimed = self.outbox.store.write(claim).await?;
        let did_something = !claimed.is_empty();
        self.send(claimed).await;
        Ok(did_something)
    }

    async fn send(&mut self, claimed: Vec<Claimed>) {
        let ready = self.outbox.make_ready_or_tell(claimed).await;
        for (delivery, ready) in ready {
            let post = match ready {
                Ready::Post(post) => post,
                Ready::Paused => {
                    self.unrecorded.push(untried(delivery, PAUSED_S));
                    continue;
                }
                Ready::Moved(place) => {
                    // How much may go there is for the next turn to say.
                    self.unrecorded.push(untried(Claimed { place, ..delivery }, 0));
                    continue;
                }
                Ready::Unready(problem) => {
                    tracing::warn!(delivery = %delivery.id, problem, "a delivery could not be made ready");
                    self.unrecorded.push(untried(delivery, UNREADY_S));
                    continue;
                }
                Ready::Unmakeable(problem) => {
                    tracing::error!(delivery = %delivery.id, problem, "a delivery could not be made");
                    self.unrecorded.push(unmakeable(delivery));
                    continue;
                }
                Ready::Gone => {
                    self.unrecorded.push(parked(delivery, "the endpoint was deleted"));
                    continue;
                }
            };
            self.hosts.start(&delivery.place);
            let (client, back) = (self.outbox.client.clone(), self.on_way_back.clone());
            let traces = self.outbox.traces.clone();
            tokio::spawn(async move {
                let (at, began) = (clock::now(), Instant::now());
                let came = client.post(post).await;
                let took = began.elapsed();
                let attempt = attempt(delivery, at, took, came);
                if let Some(traces) = traces {
                    traces.attempt(&span_of(&attempt, took));
                }
                // Nobody is left to tell only where the process is at its end.
                drop(back.send(attempt));
            });
        }
    }
}

fn blank(delivery: Claimed, verdict: Verdict) -> Attempt {
    Attempt { delivery, verdict, at: clock::now(), duration_ms: 0, status_code: None, answer: None, error: None }
}

fn untried(delivery: Claimed, seconds: i64) -> Attempt {
    blank(delivery, Verdict::Postponed(clock::now().plus_seconds(seconds)))
}

fn parked(delivery: Claimed, why: &str) -> Attempt {
    Attempt { error: Some(why.to_owned()), ..blank(delivery, Verdict::Parked) }
}

/// What becomes of a delivery whose attempt has failed.
fn failed(delivery: &Claimed) -> Verdict {
    match next_attempt(clock::now(), delivery.attempts, u16::from_be_bytes(random::bytes())) {
        Some(at) => Verdict::Retry { at, holds_line: holds_its_line(delivery.attempts) },
        None => Verdict::Parked,
    }
}

fn unmakeable(delivery: Claimed) -> Attempt {
    let why = "nothing was sent: what happened, or the secret that signs it, cannot be read here";
    let verdict = failed(&delivery);
    Attempt { error: Some(why.to_owned()), ..blank(delivery, verdict) }
}

/// What came of an attempt.
fn attempt(delivery: Claimed, at: UnixMs, took: Duration, came: Result<Answer, PostError>) -> Attempt {
    let (status_code, answer, error) = match came {
        Ok(answer) if answer.is_success() => (Some(answer.status), Some(answer.body), None),
        Ok(answer) => {
            let error = format!("the status of the answer was {}, not one of 200 to 299", answer.status);
            (Some(answer.status), Some(answer.body), Some(error))
        }
        Err(error) => (None, None, Some(error.to_string())),
    };
    let verdict = if error.is_none() { Verdict::Delivered } else { failed(&delivery) };
    let duration_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    Attempt { delivery, verdict, at, duration_ms, status_code, answer, error }
}

fn span_of(attempt: &Attempt, took: Duration) -> traces::Attempt<'_> {
    traces::Attempt {
        place: &attempt.delivery.place,
        number: attempt.delivery.attempts,
        took,
        status: attempt.status_code,
        has_arrived: attempt.verdict == Verdict::Delivered,
    }
}
