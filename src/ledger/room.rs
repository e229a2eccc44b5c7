//! How much may wait for the settler, and how much of that may be one tenant's. Pure.
//!
//! Nobody takes the last of it: a tenant has at most as much as it leaves free, which is half of
//! the room where it is alone, and a third where another one has its fill as well. So there is
//! always room for one who comes new. Of a tenant's part its users leave a quarter to its manager.

use std::collections::HashMap;

use super::queue::BATCH_WEIGHT_MAX;
use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;

/// The weight of commands that may wait or be under way.
pub const WEIGHT_MAX: usize = 8192;

/// What is taken.
#[derive(Debug, Default)]
pub struct Room {
    taken: usize,
    tenants: HashMap<UserId, Taken>,
}

/// What one tenant has taken, …
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    in_all: usize,
    /// … and how much of it its users.
    by_users: usize,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The tenant's part is taken, by itself.
    OfItsOwn,
    /// All of the tenants together leave too little.
    OfOthers,
}

impl Room {
    /// Takes room for a weight, and answers how much has been taken, for [`Room::give_back`].
    /// What is heavier than a batch takes no more than one does, because it would never find so
    /// much.
    pub fn take(&mut self, consumer: Consumer, weight: usize) -> Result<usize, Full> {
        let before = self.tenants.get(&consumer.tenant).copied().unwrap_or_default();
        let weight = weight.clamp(1, BATCH_WEIGHT_MAX);
        let taken = match consumer.party {
            Party::Manager => before.in_all,
            Party::User => before.by_users,
        };
        let not_others = WEIGHT_MAX.saturating_sub(self.taken.saturating_sub(before.in_all));
        let fits = |room| {
            taken.saturating_add(weight) <= part_of(consumer.party, room)
                && before.in_all.saturating_add(weight) <= part_of(Party::Manager, room)
        };
        if !fits(not_others) {
            return Err(if fits(WEIGHT_MAX) { Full::OfOthers } else { Full::OfItsOwn });
        }
        self.change(consumer, |taken| taken.saturating_add(weight));
        Ok(weight)
    }

    /// Gives back what was taken.
    pub fn give_back(&mut self, consumer: Consumer, weight: usize) {
        self.change(consumer, |taken| taken.saturating_sub(weight));
        if self.tenants.get(&consumer.tenant).is_some_and(|taken| taken.in_all == 0) {
            self.tenants.remove(&consumer.tenant);
        }
    }

    /// The weight that is taken.
    pub const fn taken(&self) -> usize {
        self.taken
    }

    fn change(&mut self, consumer: Consumer, change: impl Fn(usize) -> usize) {
        self.taken = change(self.taken);
        let tenant = self.tenants.entry(consumer.tenant).or_default();
        tenant.in_all = change(tenant.in_all);
        if consumer.party == Party::User {
            tenant.by_users = change(tenant.by_users);
        }
    }
}

/// What one side of a tenant may have of the room that others leave.
const fn part_of(party: Party, room: usize) -> usize {
    match party {
        Party::Manager => room / 2,
        Party::User => room / 2 / 4 * 3,
    }
}
