//! The order in which commands are settled: fair between tenants, so that heavy use by one delays
//! nobody else (promise I14). Pure: the time is passed in.
//!
//! **Small commands** are settled many to a batch. While several tenants are active, each gets a
//! quantum per batch. Tenants with only a few waiting commands go first in every second batch, so
//! that they need not wait for the others' quanta as well. A tenant that is alone gets batches of
//! the full size. Within a tenant, the manager and the users alternate.
//!
//! **Bulk commands**, those heavier than the quantum, are settled in batches of their own, because
//! everybody in their batch has to wait for them. Two bulk batches never run in a row while small
//! commands wait. A consumer's bulk runs at full speed as long as nobody else is active. Otherwise
//! it runs one command at a time, and after each one the consumer rests for several times as long
//! as the command took beyond a quantum. Small commands therefore rarely wait behind bulk, and then
//! only behind one command. "Nobody else" means no other tenant; for a tenant's users it also means
//! not their manager.
//!
//! Commands of one consumer and one kind keep their order. Nothing waits forever: every tenant gets
//! its turn, and every rest ends.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::lanes::{Active, Entry, Lanes, pop_fitting};
use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;

/// The maximum weight of a batch, unless a single command is heavier.
pub const BATCH_WEIGHT_MAX: usize = 1024;
/// What one tenant may put into a batch while others are active. Anything heavier is bulk.
pub const QUANTUM: usize = 32;
/// A tenant with at most this much waiting goes before those with more.
const LITTLE: usize = 4;
/// How long a small command counts its sender as active. It is long enough that someone who pays
/// every few seconds meets the bulk of others no more often than someone who pays all the time.
const ACTIVE_FOR: Duration = Duration::from_secs(10);
/// How long a consumer rests at first, as a multiple of the time its bulk took.
const REST_AT_FIRST: u32 = 4;
/// The same on average in the long run: bulk then gets one seventeenth of the time, and fewer than
/// one in twenty small commands, arriving at random, meets it.
const REST_LASTING: u32 = 16;
/// How much of the longer rest may be deferred before it has to be taken, so that occasional bulk
/// finishes quickly.
const OWED_MAX: Duration = Duration::from_secs(2);
/// The longest rest, for when a slow disk makes bulk very slow: queued commands must be settled in
/// time.
const REST_MAX: Duration = Duration::from_secs(2);

/// The commands that wait to be settled.
#[derive(Debug)]
pub struct Queue<T> {
    small: HashMap<UserId, Lanes<T>>,
    /// The tenants with small commands waiting; the next one is first.
    turns: VecDeque<UserId>,
    /// The waiting bulk of each consumer; the next one is first.
    bulk: VecDeque<(Consumer, VecDeque<Entry<T>>)>,
    rests: HashMap<Consumer, Rest>,
    active_tenants: Active<UserId>,
    active_consumers: Active<Consumer>,
    /// Whether small commands go before bulk that could run now.
    small_first: bool,
    /// Whether the next batch of small commands is for everybody, after one for those with few.
    everybody_next: bool,
    /// The consumer whose bulk was handed out last, and its weight.
    under_way: Option<(Consumer, usize)>,
    hurried: bool,
}

/// The time until which a consumer's bulk waits.
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    /// The time until which it would wait if no rest could be deferred.
    owed_until: Instant,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Settle these together.
    Batch(Vec<T>),
    /// Wait until this time, or until a command arrives.
    Rest(Instant),
    /// Wait until a command arrives.
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
            everybody_next: false,
            under_way: None,
            hurried: false,
        }
    }
}

impl<T> Queue<T> {
    /// Queues a command.
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
        lanes.push(consumer.party, entry);
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

    /// Records that what was handed out last has been settled, and how long it took.
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

    /// Skips all rests from now on.
    pub const fn hurry(&mut self) {
        self.hurried = true;
    }

    /// The time until which a consumer's bulk has to wait, if it does: until its rest ends, or
    /// until nobody else is active.
    fn rests_until(&self, consumer: Consumer) -> Option<Instant> {
        let rest = self.rests.get(&consumer).filter(|_| !self.hurried)?;
        Some(rest.until.min(self.others_active_at(consumer)? + ACTIVE_FOR))
    }

    /// When anybody was last active for whose sake this consumer's bulk rests.
    fn others_active_at(&self, consumer: Consumer) -> Option<Instant> {
        match consumer.party {
            Party::Manager => self.active_tenants.besides(consumer.tenant),
            Party::User => self.active_consumers.besides(consumer),
        }
    }

    /// The bulk of the next consumer that is not resting: one command, or a batch if the consumer
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

    /// Small commands of the next tenants, a quantum of each.
    fn small_batch(&mut self, now: Instant) -> Vec<T> {
        let only = self.turns.front().copied().filter(|_| self.turns.len() == 1);
        let is_alone = only.is_some_and(|tenant| is_over(self.active_tenants.besides(tenant), now));
        let quantum = if is_alone { BATCH_WEIGHT_MAX } else { QUANTUM };
        let with_little = self.small.values().filter(|lanes| lanes.weight() <= LITTLE).count();
        let only_little = !self.everybody_next && (1..self.turns.len()).contains(&with_little);
        self.everybody_next = only_little;
        let (mut batch, mut weight) = (Vec::new(), 0);
        let (mut passed, mut had) = (VecDeque::new(), VecDeque::new());
        while weight + quantum <= BATCH_WEIGHT_MAX
            && let Some(tenant) = self.turns.pop_front()
        {
            let Some(lanes) = self.small.get_mut(&tenant) else { continue };
            if only_little && lanes.weight() > LITTLE {
                passed.push_back(tenant);
                continue;
            }
            weight += lanes.take(quantum, &mut batch);
            if lanes.weight() == 0 {
                self.small.remove(&tenant);
            } else {
                had.push_back(tenant);
            }
        }
        // Tenants that this batch passed over go first next time; those it included go last.
        passed.append(&mut self.turns);
        passed.append(&mut had);
        self.turns = passed;
        batch
    }
}

/// Whether that activity is too old to count.
fn is_over(active_at: Option<Instant>, now: Instant) -> bool {
    active_at.is_none_or(|at| at + ACTIVE_FOR <= now)
}
