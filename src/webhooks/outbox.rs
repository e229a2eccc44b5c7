//! The outbox's single task. It hands events over, claims what is due, has it sent, and records the
//! results; then it rests for three times as long as it has worked.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::ids::UserId;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{Destination, WebhookFormat};
use crate::net::client::Client;
use crate::store::webhooks::attempts;
use crate::store::webhooks::attempts::{Attempt, Verdict};
use crate::store::webhooks::claims;
use crate::store::webhooks::claims::Claimed;
use crate::store::webhooks::due;
use crate::store::webhooks::due::Due;
use crate::store::webhooks::endpoints;
use crate::store::webhooks::endpoints::Endpoint;
use crate::store::webhooks::events;
use crate::store::webhooks::events::{Event, NewDelivery};
use crate::store::webhooks::hand_over;
use crate::store::{Db, Store, StoreError};
use crate::telemetry::metrics::delivering::{AttemptResult, Delivering};
use crate::telemetry::traces;
use crate::telemetry::traces::Traces;
use crate::webhooks::fairness::InFlight;
use crate::webhooks::fan_out;
use crate::webhooks::lag::Lag;
use crate::webhooks::request::Ready;
use crate::webhooks::verdict;
use crate::webhooks::verdict::{attempt, how, parked, unmakeable, untried};

/// Deliveries claimed in one transaction.
const CLAIMS_MAX: usize = 64;
/// How long a claim holds: longer than sending and recording take.
const CLAIM_MS: i64 = 30_000;
/// How often to look for work when idle.
const POLL: Duration = Duration::from_millis(200);
/// How many times as long as its work the task rests: payments come first.
const RESTS: u32 = 3;
/// The shortest rest between two rounds.
const REST_MIN: Duration = Duration::from_millis(5);
/// The rest after a round that failed in the database.
const REST_AFTER_ERROR: Duration = Duration::from_secs(1);
/// When deliveries to a paused endpoint are checked again.
const PAUSED_S: i64 = 30;

/// Sends events to their subscribers.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// The database.
    pub store: Store,
    /// Decrypts preimages and secrets.
    pub sealer: Sealer,
    /// The format of invoices' webhooks, unless the manager has chosen one.
    pub format: WebhookFormat,
    /// Sends the requests.
    pub client: Client,
    /// Counts attempts.
    pub metrics: Delivering,
    /// Creates spans for attempts, if traces are exported.
    pub traces: Option<Traces>,
}

/// The work found in the database.
#[derive(Default)]
struct Found {
    events: Vec<Event>,
    endpoints: Vec<Endpoint>,
    handover: hand_over::Walk,
    due: Vec<Due>,
    walk: due::Walk,
}

/// The task's state.
struct Work {
    outbox: Outbox,
    under_way: InFlight,
    came_back: mpsc::UnboundedReceiver<Attempt>,
    on_way_back: mpsc::UnboundedSender<Attempt>,
    /// Attempts that have ended but are not recorded yet.
    unrecorded: Vec<Attempt>,
    /// The position of the walk over events that wait to be handed over.
    handover: hand_over::Walk,
    /// The position of the walk over due deliveries.
    walk: due::Walk,
    /// Who comes first this time.
    turn: usize,
    /// The lag of handing events over.
    handover_lag: Lag,
    /// The lag of claiming due deliveries.
    lag: Lag,
    /// Nothing is handed over before this time, after a failure to do so.
    hands_over_from: Instant,
}

impl Outbox {
    /// Runs until stopped. Then it claims nothing more, and returns when everything in flight has
    /// ended and is recorded.
    pub async fn run(self, stop: CancellationToken) {
        let (on_way_back, came_back) = mpsc::unbounded_channel();
        let work = Work {
            outbox: self,
            under_way: InFlight::default(),
            came_back,
            on_way_back,
            unrecorded: Vec::new(),
            handover: hand_over::Walk::default(),
            walk: due::Walk::default(),
            turn: 0,
            handover_lag: Lag::default(),
            lag: Lag::default(),
            hands_over_from: Instant::now(),
        };
        work.run(stop).await;
    }
}

impl Work {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let began = Instant::now();
            let is_stopping = stop.is_cancelled();
            let turn = self.turn(is_stopping).await;
            if is_stopping && self.under_way.total() == 0 && (self.unrecorded.is_empty() || turn.is_err()) {
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
                    () = stop.cancelled(), if !is_stopping => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    /// Records, hands over and claims some of each. Returns whether there was anything to do.
    async fn turn(&mut self, is_stopping: bool) -> Result<bool, StoreError> {
        self.outbox.client.close_idle();
        while let Ok(attempt) = self.came_back.try_recv() {
            self.take_back(attempt);
        }
        let mut did_something = self.record().await?;
        if is_stopping {
            return Ok(did_something);
        }
        let Found { events, endpoints, handover, due, walk } = self.look().await?;
        (self.handover, self.walk) = (handover, walk);
        self.tell_lag(&events, &due);
        if !events.is_empty() && Instant::now() >= self.hands_over_from {
            match self.hand_over(&events, &endpoints).await {
                Ok(()) => did_something = true,
                Err(error) => {
                    // Deliveries that were handed over earlier are still sent.
                    tracing::error!(%error, "events could not be handed over; retrying");
                    self.hands_over_from = Instant::now() + REST_AFTER_ERROR;
                }
            }
        }
        Ok(self.claim_and_send(due).await? || did_something || self.walk.is_under_way() && !self.under_way.is_full())
    }

    /// Reports the outbox's lag.
    fn tell_lag(&mut self, events: &[Event], due: &[Due]) {
        let now = clock::now();
        let is_at_end = !self.handover.is_under_way();
        self.handover_lag.see(events.iter().map(|event| event.created_at), now, is_at_end);
        // When full, the task did not look for due deliveries.
        if !self.under_way.is_full() {
            self.lag.see(due.iter().map(|due| due.at), now, !self.walk.is_under_way());
        }
        self.outbox.metrics.set_lag(self.handover_lag.latest().max(self.lag.latest()));
    }

    fn take_back(&mut self, attempt: Attempt) {
        self.under_way.finish(&attempt.delivery.destination, how(&attempt));
        self.outbox.metrics.count_time(Duration::from_millis(u64::try_from(attempt.duration_ms).unwrap_or_default()));
        self.outbox.metrics.set_under_way(self.under_way.total());
        self.unrecorded.push(attempt);
    }

    async fn record(&mut self) -> Result<bool, StoreError> {
        if self.unrecorded.is_empty() {
            return Ok(false);
        }
        // Kept until recorded: if recording fails, all of it is retried. Attempts that were
        // recorded after all are no longer claimed, so a retry does not touch them.
        let attempts = self.unrecorded.clone();
        self.outbox
            .store
            .write_in_background(move |connection| attempts::record(connection, &attempts, clock::now()))
            .await?;
        for attempt in self.unrecorded.drain(..) {
            match attempt.verdict {
                Verdict::Delivered => self.outbox.metrics.count(AttemptResult::Delivered),
                Verdict::Retry { .. } => self.outbox.metrics.count(AttemptResult::Failed),
                Verdict::Parked => self.outbox.metrics.count(AttemptResult::Parked),
                Verdict::Postponed(_) => {}
            }
        }
        Ok(true)
    }

    async fn look(&self) -> Result<Found, StoreError> {
        let (mut handover, mut walk) = (self.handover.clone(), self.walk.clone());
        let is_full = self.under_way.is_full();
        let look = move |connection: &mut Db| {
            let events = handover.step(connection)?;
            let managers: HashSet<UserId> = events.iter().filter_map(|event| event.manager).collect();
            let endpoints = endpoints::active_of(connection, &managers.into_iter().collect::<Vec<_>>())?;
            let due = if is_full { Vec::new() } else { walk.step(connection)? };
            Ok(Found { events, endpoints, handover, due, walk })
        };
        self.outbox.store.read(look).await
    }

    async fn hand_over(&self, events: &[Event], endpoints: &[Endpoint]) -> Result<(), StoreError> {
        let handed: Vec<_> = events.iter().map(|event| (event.consumer, event.id)).collect();
        let new: Vec<NewDelivery> = events.iter().flat_map(|event| fan_out::deliveries(event, endpoints)).collect();
        let hand = move |connection: &mut Db| events::hand_over(connection, &handed, new, clock::now());
        self.outbox.store.write_in_background(hand).await
    }

    /// Claims what is due, destination by destination, and sends it. Returns whether there was
    /// anything.
    async fn claim_and_send(&mut self, due: Vec<Due>) -> Result<bool, StoreError> {
        let now = clock::now();
        let due = due.into_iter().filter(|due| due.at <= now).map(|due| due.destination);
        let wanted = self.under_way.share_out(due, CLAIMS_MAX, self.turn);
        if wanted.is_empty() {
            return Ok(false);
        }
        self.turn = self.turn.wrapping_add(1);
        let until = UnixMs::new(now.get().saturating_add(CLAIM_MS));
        let claim = move |connection: &mut Db| {
            let mut claimed = Vec::new();
            for (destination, count) in &wanted {
                claimed.extend(claims::claim(connection, destination, i64::try_from(*count).unwrap_or(1), now, until)?);
            }
            Ok(claimed)
        };
        let claimed = self.outbox.store.write_in_background(claim).await?;
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
                Ready::Moved(host) => {
                    // The next round decides how many may go to the new host.
                    let destination = Destination { host, ..delivery.destination };
                    self.unrecorded.push(untried(Claimed { destination, ..delivery }, 0));
                    continue;
                }
                Ready::Unready(problem) => {
                    tracing::warn!(delivery = %delivery.id, problem, "a delivery could not be prepared");
                    self.unrecorded.push(untried(delivery, verdict::UNREADY_S));
                    continue;
                }
                Ready::Unmakeable(problem) => {
                    tracing::error!(delivery = %delivery.id, problem, "a delivery could not be built");
                    self.unrecorded.push(unmakeable(delivery));
                    continue;
                }
                Ready::Gone => {
                    self.unrecorded.push(parked(delivery, "the endpoint was deleted"));
                    continue;
                }
            };
            self.under_way.start(&delivery.destination);
            self.outbox.metrics.set_under_way(self.under_way.total());
            let (client, back) = (self.outbox.client.clone(), self.on_way_back.clone());
            let traces = self.outbox.traces.clone();
            tokio::spawn(async move {
                let (at, began) = (clock::now(), Instant::now());
                let came = post.send(&client).await;
                let took = began.elapsed();
                let attempt = attempt(delivery, at, took, came);
                if let Some(traces) = traces {
                    traces.attempt(&span_of(&attempt, took));
                }
                // The receiver is only gone when the process is ending.
                drop(back.send(attempt));
            });
        }
    }
}

fn span_of(attempt: &Attempt, took: Duration) -> traces::Attempt<'_> {
    traces::Attempt {
        place: &attempt.delivery.destination.host,
        number: attempt.delivery.attempts,
        took,
        status: attempt.status_code,
        has_arrived: attempt.verdict == Verdict::Delivered,
    }
}
