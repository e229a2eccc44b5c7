//! The waiting commands of one tenant, and who has been active: parts of the
//! [`queue`](super::queue). Pure.

use std::collections::VecDeque;
use std::time::Instant;

use crate::domain::consumer::Party;

/// A queued item.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// How much of a batch it fills; never zero.
    pub(super) weight: usize,
    /// The item itself.
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

/// Who was active last, and when anybody else was.
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
    /// The total weight of what is queued; zero when the queue is empty.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// Adds an entry for one side of the tenant.
    pub(super) fn push(&mut self, party: Party, entry: Entry<T>) {
        self.weight += entry.weight;
        self.of(party).push_back(entry);
    }

    /// Takes up to a quantum, alternating between the manager and the users, and returns its
    /// weight.
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

/// Takes the next entry if it fits in addition to the `weight` already taken. The first entry
/// always fits.
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
    /// Records activity.
    pub(super) fn note(&mut self, who: K, now: Instant) {
        if let Some((last, at)) = self.last
            && last != who
        {
            self.other = Some(at);
        }
        self.last = Some((who, now));
    }

    /// When anybody else was last active.
    pub(super) fn besides(&self, who: K) -> Option<Instant> {
        match self.last {
            Some((last, at)) if last != who => Some(at),
            Some(_) | None => self.other,
        }
    }
}
