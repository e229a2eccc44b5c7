//! In which order commands are settled: by turns, so that who asks for much keeps nobody waiting
//! but itself (promise I14). Pure: the time is passed in.
//!
//! **Small commands** are settled many in a batch. While several tenants ask, each has a quantum
//! in every batch. While only one does, it has batches as large as they may be. Within a tenant
//! its manager and its users take turns.
//!
//! **Bulk commands**, those that are heavier than the quantum, are settled apart, because all who
//! are in their batch wait for them; and never two batches of them in a row while small ones wait.
//! As long as nobody else is active, a consumer's go as fast as they can. Else they go one at a
//! time, and then the consumer's next one rests for several times as long as that took beyond a
//! quantum: a small command seldom meets one, and then a single one. Else is another tenant; and
//! to a tenant's users, their manager as well.
//!
//! Commands of one consumer and one kind keep their order. Nothing waits for ever: every tenant
//! has its turn, and every rest has its end.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;

/// What a batch weighs at most, unless one command alone is heavier.
pub const BATCH_WEIGHT_MAX: usize = 1024;
/// What one tenant puts into a batch while others are active; what is heavier is bulk.
pub const QUANTUM: usize = 64;
/// How long a small command makes whoever asked for it active. Somebody who pays every few
/// seconds should not meet the bulk of others any more often than who pays all the time.
const ACTIVE_FOR: Duration = Duration::from_secs(10);
/// How many times as long as its bulk took a consumer rests at first, …
const REST_AT_FIRST: u32 = 4;
/// … and on average in the long run: then bulk has one part in seventeen of the time, and of
/// twenty small commands that come at any time not even one meets it.
const REST_LASTING: u32 = 16;
/// How much of the longer rest may be owed before it has to be taken: what a consumer does now
/// and then is over soon.
const OWED_MAX: Duration = Duration::from_secs(2);
/// The longest rest, where a slow disk makes bulk very slow: what waits must be done in time.
const REST_MAX: Duration = Duration::from_secs(2);

/// What waits to be settled.
#[derive(Debug)]
pub struct Queue<T> {
    small: HashMap<UserId, Lanes<T>>,
    /// The tenants that have something small waiting; whose turn it is comes first.
    turns: VecDeque<UserId>,
    /// The bulk of each consumer that has any waiting; whose turn it is comes first.
    bulk: VecDeque<(Consumer, VecDeque<Entry<T>>)>,
    rests: HashMap<Consumer, Rest>,
    active_tenants: Active<UserId>,
    active_consumers: Active<Consumer>,
    /// Whether small commands come before bulk that could go now.
    small_first: bool,
    /// Whose bulk was handed out last, and what it weighs.
    under_way: Option<(Consumer, usize)>,
    hurried: bool,
}

#[derive(Debug)]
struct Entry<T> {
    weight: usize,
    item: T,
}

/// The small commands of a tenant.
#[derive(Debug)]
struct Lanes<T> {
    manager: VecDeque<Entry<T>>,
    users: VecDeque<Entry<T>>,
    turn: Party,
}

/// Until when a consumer's bulk waits, …
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    /// … and until when it would, if nothing could be owed.
    owed_until: Instant,
}

/// Who has asked for something small last, and when somebody else has.
#[derive(Debug)]
struct Active<K> {
    last: Option<(K, Instant)>,
    other: Option<Instant>,
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// To settle these together.
    Batch(Vec<T>),
    /// To wait until then, or until something comes.
    Rest(Instant),
    /// To wait until something comes.
    Nothing,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            small: HashMap::new(),
            turns: VecDeque::new(),
            bulk: VecDeque::new(),
            rests: HashMap::new(),
            active_tenants: Active::default(),
            active_consumers: Active::default(),
            small_first: true,
            under_way: None,
            hurried: false,
        }
    }
}

impl<T> Queue<T> {
    /// Queues a command of a weight.
    pub fn push(&mut self, consumer: Consumer, weight: usize, item: T, now: Instant) {
        let entry = Entry { weight: weight.max(1), item };
        if entry.weight > QUANTUM {
            match self.bulk.iter_mut().find(|(whose, _)| *whose == consumer) {
                Some((_, waiting)) => waiting.push_back(entry),
                None => self.bulk.push_back((consumer, VecDeque::from([entry]))),
            }
            return;
        }
        self.active_tenants.note(consumer.tenant, now);
        self.active_consumers.note(consumer, now);
        let lanes = self.small.entry(consumer.tenant).or_insert_with(|| {
            self.turns.push_back(consumer.tenant);
            Lanes::default()
        });
        lanes.of(consumer.party).push_back(entry);
    }

    /// What to do next.
    pub fn next_batch(&mut self, now: Instant) -> Next<T> {
        self.under_way = None;
        let has_small = !self.turns.is_empty();
        if !(has_small && self.small_first)
            && let Some(batch) = self.bulk_batch(now)
        {
            self.small_first = true;
            return Next::Batch(batch);
        }
        self.small_first = !has_small;
        if has_small {
            return Next::Batch(self.small_batch(now));
        }
        let rested = self.bulk.iter().filter_map(|(consumer, _)| self.rests_until(*consumer));
        rested.min().map_or(Next::Nothing, Next::Rest)
    }

    /// What was handed out last has been settled, and took so long.
    pub fn settled(&mut self, took: Duration, now: Instant) {
        let Some((consumer, weight)) = self.under_way.take() else { return };
        self.rests.retain(|_, rest| rest.until.max(rest.owed_until) > now);
        if is_over(self.others_active_at(consumer), now) {
            return;
        }
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let beyond = weight.saturating_sub(u32::try_from(QUANTUM).unwrap_or(u32::MAX));
        let took = took.saturating_mul(beyond).checked_div(weight).unwrap_or_default();
        let owed = self.rests.get(&consumer).map_or(now, |rest| rest.owed_until.clamp(now, now + OWED_MAX));
        let owed_until = owed + took.saturating_mul(REST_LASTING);
        let at_first = now + took.saturating_mul(REST_AT_FIRST);
        let lasting = owed_until.checked_sub(OWED_MAX).unwrap_or(at_first);
        let until = at_first.max(lasting).min(now + REST_MAX);
        self.rests.insert(consumer, Rest { until, owed_until });
    }

    /// From now on nobody rests.
    pub const fn hurry(&mut self) {
        self.hurried = true;
    }

    /// Up to when the bulk of a consumer has to wait, where it does: until it has rested, or
    /// nobody is there any more to rest for.
    fn rests_until(&self, consumer: Consumer) -> Option<Instant> {
        let rest = self.rests.get(&consumer).filter(|_| !self.hurried)?;
        Some(rest.until.min(self.others_active_at(consumer)? + ACTIVE_FOR))
    }

    /// When somebody was active last for whose sake the bulk of a consumer rests.
    fn others_active_at(&self, consumer: Consumer) -> Option<Instant> {
        match consumer.party {
            Party::Manager => self.active_tenants.besides(consumer.tenant),
            Party::User => self.active_consumers.besides(consumer),
        }
    }

    /// The bulk of the next consumer that has rested: one command, or a batch where the consumer
    /// is alone.
    fn bulk_batch(&mut self, now: Instant) -> Option<Vec<T>> {
        let has_rested = |(consumer, _): &(Consumer, _)| self.rests_until(*consumer).is_none_or(|until| until <= now);
        let index = self.bulk.iter().position(has_rested)?;
        let (consumer, mut waiting) = self.bulk.remove(index)?;
        let is_alone = self.hurried || is_over(self.others_active_at(consumer), now);
        let weight_max = if is_alone { BATCH_WEIGHT_MAX } else { 0 };
        let (mut batch, mut weight) = (Vec::new(), 0);
        while let Some(entry) = pop_fitting(&mut waiting, weight, weight_max) {
            weight += entry.weight;
            batch.push(entry.item);
        }
        if !waiting.is_empty() {
            self.bulk.push_back((consumer, waiting));
        }
        self.under_way = Some((consumer, weight));
        Some(batch)
    }

    /// Small commands of every tenant whose quantum still has room.
    fn small_batch(&mut self, now: Instant) -> Vec<T> {
        let only = self.turns.front().copied().filter(|_| self.turns.len() == 1);
        let is_alone = only.is_some_and(|tenant| is_over(self.active_tenants.besides(tenant), now));
        let quantum = if is_alone { BATCH_WEIGHT_MAX } else { QUANTUM };
        let mut batch = Vec::new();
        let mut weight = 0;
        for _ in 0..self.turns.len() {
            if weight + quantum > BATCH_WEIGHT_MAX {
                break;
            }
            let Some(tenant) = self.turns.pop_front() else { break };
            let Some(lanes) = self.small.get_mut(&tenant) else { continue };
            weight += lanes.take(quantum, &mut batch);
            if lanes.is_empty() {
                self.small.remove(&tenant);
            } else {
                self.turns.push_back(tenant);
            }
        }
        batch
    }
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { manager: VecDeque::new(), users: VecDeque::new(), turn: Party::Manager }
    }
}

impl<T> Lanes<T> {
    const fn of(&mut self, party: Party) -> &mut VecDeque<Entry<T>> {
        match party {
            Party::Manager => &mut self.manager,
            Party::User => &mut self.users,
        }
    }

    fn is_empty(&self) -> bool {
        self.manager.is_empty() && self.users.is_empty()
    }

    /// Takes up to a quantum, of manager and users in turn, and answers what it weighs.
    fn take(&mut self, quantum: usize, batch: &mut Vec<T>) -> usize {
        let mut weight = 0;
        while !self.is_empty() {
            let other = match self.turn {
                Party::Manager => Party::User,
                Party::User => Party::Manager,
            };
            if self.of(self.turn).is_empty() {
                self.turn = other;
                continue;
            }
            let Some(entry) = pop_fitting(self.of(self.turn), weight, quantum) else { break };
            weight += entry.weight;
            batch.push(entry.item);
            self.turn = other;
        }
        weight
    }
}

/// Whether those who were active then are so no longer.
fn is_over(active_at: Option<Instant>, now: Instant) -> bool {
    active_at.is_none_or(|at| at + ACTIVE_FOR <= now)
}

/// Takes the next one, where it fits to those that are taken already and weigh so much. The first
/// always does.
fn pop_fitting<T>(waiting: &mut VecDeque<Entry<T>>, weight: usize, weight_max: usize) -> Option<Entry<T>> {
    let next = waiting.front()?.weight;
    if weight == 0 || weight + next <= weight_max { waiting.pop_front() } else { None }
}

impl<K> Default for Active<K> {
    fn default() -> Self {
        Self { last: None, other: None }
    }
}

impl<K: Copy + PartialEq> Active<K> {
    fn note(&mut self, who: K, now: Instant) {
        if let Some((last, at)) = self.last
            && last != who
        {
            self.other = Some(at);
        }
        self.last = Some((who, now));
    }

    /// When somebody else was active last.
    fn besides(&self, who: K) -> Option<Instant> {
        match self.last {
            Some((last, at)) if last != who => Some(at),
            Some(_) | None => self.other,
        }
    }
}
