//! Limits on how much may wait for the settler, in total and for each tenant. Pure.
//!
//! Nobody can take the last of the room. A tenant may take at most as much as it leaves free: half
//! of the room if it is alone, and a third if another tenant has also taken all it can. There is
//! always room for a newcomer. A tenant's users leave a quarter of its part to the manager.

use std::collections::HashMap;

use super::queue::BATCH_WEIGHT_MAX;
use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;

/// The maximum weight of commands that are waiting or in progress.
pub const WEIGHT_MAX: usize = 8192;

/// The room that is taken.
#[derive(Debug, Default)]
pub struct Room {
    taken: usize,
    tenants: HashMap<UserId, Taken>,
}

/// What one tenant has taken.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    in_all: usize,
    /// How much of that its users have taken.
    by_users: usize,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The tenant has used up its own part.
    OfItsOwn,
    /// All tenants together leave too little.
    OfOthers,
}

impl Room {
    /// Takes room for a weight, and returns how much was taken, for [`Room::give_back`]. A command
    /// heavier than a batch takes only as much as a batch, because it might never find more.
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

    /// Gives room back.
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

/// How much of the room that others leave may go to one side of a tenant.
const fn part_of(party: Party, room: usize) -> usize {
    match party {
        Party::Manager => room / 2,
        Party::User => room / 2 / 4 * 3,
    }
}
