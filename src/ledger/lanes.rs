//! What waits of one tenant, and who has been active: parts of the [`queue`](super::queue). Pure.

use std::collections::VecDeque;
use std::time::Instant;

use crate::domain::consumer::Party;

/// Something that waits.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// How much of a batch it fills; never nothing.
    pub(super) weight: usize,
    /// What it is.
    pub(super) item: T,
}

/// The small commands of a tenant.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    manager: VecDeque<Entry<T>>,
    users: VecDeque<Entry<T>>,
    turn: Party,
    weight: usize,
}

/// Who has asked for something last, and when somebody else has.
#[derive(Debug)]
pub(super) struct Active<K> {
    last: Option<(K, Instant)>,
    other: Option<Instant>,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { manager: VecDeque::new(), users: VecDeque::new(), turn: Party::Manager, weight: 0 }
    }
}

impl<T> Lanes<T> {
    /// What all that waits weighs; nothing when none does.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// Adds something of one of the tenant's sides.
    pub(super) fn push(&mut self, party: Party, entry: Entry<T>) {
        self.weight += entry.weight;
        self.of(party).push_back(entry);
    }

    /// Takes up to a quantum, of manager and users in turn, and answers what it weighs.
    pub(super) fn take(&mut self, quantum: usize, batch: &mut Vec<T>) -> usize {
        let mut weight = 0;
        while self.weight > 0 {
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
            self.weight -= entry.weight;
            batch.push(entry.item);
            self.turn = other;
        }
        weight
    }

    const fn of(&mut self, party: Party) -> &mut VecDeque<Entry<T>> {
        match party {
            Party::Manager => &mut self.manager,
            Party::User => &mut self.users,
        }
    }
}

/// Takes the next one, where it fits to those that are taken already and weigh so much. The first
/// always does.
pub(super) fn pop_fitting<T>(waiting: &mut VecDeque<Entry<T>>, weight: usize, weight_max: usize) -> Option<Entry<T>> {
    let next = waiting.front()?.weight;
    if weight == 0 || weight + next <= weight_max { waiting.pop_front() } else { None }
}

impl<K> Default for Active<K> {
    fn default() -> Self {
        Self { last: None, other: None }
    }
}

impl<K: Copy + PartialEq> Active<K> {
    /// Somebody has asked for something.
    pub(super) fn note(&mut self, who: K, now: Instant) {
        if let Some((last, at)) = self.last
            && last != who
        {
            self.other = Some(at);
        }
        self.last = Some((who, now));
    }

    /// When somebody else has, last.
    pub(super) fn besides(&self, who: K) -> Option<Instant> {
        match self.last {
            Some((last, at)) if last != who => Some(at),
            Some(_) | None => self.other,
        }
    }
}
