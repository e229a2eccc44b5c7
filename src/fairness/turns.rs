//! Who is next when only a limited number can run at once. Pure: times are passed in.
//!
//! A tenant holds at most half of the slots, and its users leave one of those to the manager. Among
//! waiting tenants, the one with the least recent usage is next; within a tenant, the manager and
//! the users alternate. The last free slot is reserved for tenants with little recent usage, so
//! that a few heavy tenants cannot hold all slots.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;

/// The half-life of a tenant's recorded usage, in seconds.
const HALF_LIFE_S: f64 = 10.0;
/// Usage up to this many seconds counts as little: a fourteenth of one slot.
const LITTLE_S: f64 = 1.0;
/// Usage below this many seconds counts as none.
const NOTHING_S: f64 = 0.001;
/// The number of tenants kept before idle ones are removed.
const REMEMBERED: usize = 1024;

/// How many may run at once, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Slots in total.
    slots: usize,
    /// Slots that one tenant may hold.
    tenant_max: usize,
    /// Slots that a tenant's users may hold, out of those.
    users_max: usize,
    /// Slots reserved for tenants with little recent usage.
    kept: usize,
    /// How many may wait in total.
    waiting_max: usize,
    /// How many of one tenant may wait.
    tenant_waiting_max: usize,
    /// How many of those may be its users'.
    users_waiting_max: usize,
}

impl Limits {
    /// Limits for this many slots, and for how many may wait in total and per tenant. Users may
    /// make up three quarters of a tenant's waiting requests.
    pub const fn new(slots: usize, waiting_max: usize, tenant_waiting_max: usize) -> Self {
        let tenant_max = at_least_one(slots / 2);
        Self {
            slots,
            tenant_max,
            users_max: at_least_one(tenant_max.saturating_sub(1)),
            kept: if slots > 1 { 1 } else { 0 },
            waiting_max,
            tenant_waiting_max,
            users_waiting_max: tenant_waiting_max.saturating_sub(tenant_waiting_max / 4),
        }
    }

    /// Slots in total.
    pub const fn slots(self) -> usize {
        self.slots
    }

    /// Slots that one tenant may hold.
    pub const fn tenant_max(self) -> usize {
        self.tenant_max
    }

    /// Slots that a tenant's users may hold at once.
    pub const fn users_max(self) -> usize {
        self.users_max
    }
}

const fn at_least_one(number: usize) -> usize {
    if number == 0 { 1 } else { number }
}

/// A key that identifies a tenant.
pub trait Tenant: Clone + Eq + Hash + Send + 'static {}

impl<T: Clone + Eq + Hash + Send + 'static> Tenant for T {}

/// Whom a slot is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share<T> {
    /// The tenant.
    pub tenant: T,
    /// The side of the tenant: its manager or its users.
    pub party: Party,
}

impl From<Consumer> for Share<UserId> {
    fn from(Consumer { tenant, party }: Consumer) -> Self {
        Self { tenant, party }
    }
}

/// A waiting request; earlier ones have smaller tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// The answer to a request for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The slot is granted.
    Granted,
    /// The slot will be granted later, to this ticket.
    Waiting(Ticket),
}

/// Why a request cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too many of the tenant are waiting.
    Tenant,
    /// Too many are waiting in total.
    All,
}

/// Who holds a slot and who waits for one.
#[derive(Debug)]
pub struct Turns<T> {
    limits: Limits,
    tenants: HashMap<T, Account>,
    running: usize,
    waiting: usize,
    last_ticket: u64,
    /// The number of tenants at which idle ones are removed next.
    evict_at: usize,
}

/// The state of one tenant.
#[derive(Debug, Default)]
struct Account {
    manager: Side,
    users: Side,
    /// The side that got the last slot.
    last: Option<Party>,
    /// Seconds used, as of `used_at`.
    used_s: f64,
    /// When `used_s` was updated.
    used_at: Duration,
}

#[derive(Debug, Default)]
struct Side {
    running: usize,
    waiting: VecDeque<Ticket>,
    /// The sum of the start times of the slots held.
    began_s: f64,
}

impl<T: Tenant> Turns<T> {
    /// No slots are held yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, tenants: HashMap::new(), running: 0, waiting: 0, last_ticket: 0, evict_at: REMEMBERED }
    }

    /// The number of slots held.
    pub const fn running(&self) -> usize {
        self.running
    }

    /// The number of waiting requests.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Asks for a slot. If the answer is to wait, the slot is granted by [`Turns::next`]. Call that
    /// now until it returns `None`, and again whenever a slot is given back.
    pub fn ask(&mut self, share: &Share<T>, now: Duration) -> Result<Asked, Full> {
        self.evict_idle(now);
        let (limits, running) = (self.limits, self.running);
        let account = self.tenants.entry(share.tenant.clone()).or_default();
        if self.waiting == 0 && account.may_begin(share.party, limits, running, now) {
            account.begin(share.party, now);
            self.running += 1;
            return Ok(Asked::Granted);
        }
        let (manager, users) = (account.manager.waiting.len(), account.users.waiting.len());
        let users_full = share.party == Party::User && users >= limits.users_waiting_max;
        if users_full || manager.saturating_add(users) >= limits.tenant_waiting_max {
            return Err(Full::Tenant);
        }
        if self.waiting >= limits.waiting_max {
            return Err(Full::All);
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        account.side_mut(share.party).waiting.push_back(ticket);
        self.waiting += 1;
        Ok(Asked::Waiting(ticket))
    }

    /// Stops waiting. A slot that was already granted stays held.
    pub fn give_up(&mut self, share: &Share<T>, ticket: Ticket) {
        let Some(account) = self.tenants.get_mut(&share.tenant) else { return };
        let waiting = &mut account.side_mut(share.party).waiting;
        if let Some(position) = waiting.iter().position(|one| *one == ticket) {
            waiting.remove(position);
            self.waiting = self.waiting.saturating_sub(1);
        }
    }

    /// Gives back a slot that was held since `since`.
    pub fn leave(&mut self, share: &Share<T>, since: Duration, now: Duration) {
        self.running = self.running.saturating_sub(1);
        if let Some(account) = self.tenants.get_mut(&share.tenant) {
            account.end(share.party, since, now);
        }
    }

    /// Grants a free slot to whoever is next, if anybody may have one.
    pub fn next(&mut self, now: Duration) -> Option<(Share<T>, Ticket)> {
        if self.waiting == 0 || self.running >= self.limits.slots {
            return None;
        }
        let candidates = self.tenants.iter().filter_map(|(tenant, account)| {
            let (party, ticket) = account.next(self.limits, self.running, now)?;
            Some((account.used_s(now), ticket, Share { tenant: tenant.clone(), party }))
        });
        let (_, ticket, share) = candidates.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        let account = self.tenants.get_mut(&share.tenant)?;
        account.side_mut(share.party).waiting.pop_front();
        account.begin(share.party, now);
        self.waiting = self.waiting.saturating_sub(1);
        self.running += 1;
        Some((share, ticket))
    }

    /// Removes idle tenants from time to time.
    fn evict_idle(&mut self, now: Duration) {
        if self.tenants.len() >= self.evict_at {
            self.tenants.retain(|_, account| !account.is_idle(now));
            self.evict_at = self.tenants.len().saturating_mul(2).max(REMEMBERED);
        }
    }
}

impl Account {
    const fn side(&self, party: Party) -> &Side {
        match party {
            Party::Manager => &self.manager,
            Party::User => &self.users,
        }
    }

    const fn side_mut(&mut self, party: Party) -> &mut Side {
        match party {
            Party::Manager => &mut self.manager,
            Party::User => &mut self.users,
        }
    }

    /// Seconds used recently, including by slots still held.
    fn used_s(&self, now: Duration) -> f64 {
        let quiet_s = now.saturating_sub(self.used_at).as_secs_f64();
        let ended_s = self.used_s * (-quiet_s / HALF_LIFE_S).exp2();
        ended_s + self.manager.running_s(now) + self.users.running_s(now)
    }

    /// Whether one side may take a slot while `running` slots are held in total.
    fn may_begin(&self, party: Party, limits: Limits, running: usize, now: Duration) -> bool {
        let side_max = match party {
            Party::Manager => limits.tenant_max,
            Party::User => limits.users_max,
        };
        let free = limits.slots.saturating_sub(running);
        free > 0
            && self.manager.running.saturating_add(self.users.running) < limits.tenant_max
            && self.side(party).running < side_max
            && (free > limits.kept || self.used_s(now) <= LITTLE_S)
    }

    /// The tenant's next request, if it may start. The side that did not get the last slot goes
    /// first if it can.
    fn next(&self, limits: Limits, running: usize, now: Duration) -> Option<(Party, Ticket)> {
        let order = match self.last {
            Some(Party::Manager) => [Party::User, Party::Manager],
            Some(Party::User) | None => [Party::Manager, Party::User],
        };
        let first_of = |party: Party| Some((party, *self.side(party).waiting.front()?));
        order.into_iter().filter_map(first_of).find(|(party, _)| self.may_begin(*party, limits, running, now))
    }

    fn begin(&mut self, party: Party, now: Duration) {
        self.last = Some(party);
        let side = self.side_mut(party);
        side.running += 1;
        side.began_s += now.as_secs_f64();
    }

    fn end(&mut self, party: Party, since: Duration, now: Duration) {
        let side = self.side_mut(party);
        side.running = side.running.saturating_sub(1);
        // Reset to exactly zero: rounding errors of the subtraction would add up.
        side.began_s = if side.running == 0 { 0.0 } else { side.began_s - since.as_secs_f64() };
        let quiet_s = now.saturating_sub(self.used_at).as_secs_f64();
        self.used_s = self.used_s * (-quiet_s / HALF_LIFE_S).exp2() + now.saturating_sub(since).as_secs_f64();
        self.used_at = now;
    }

    fn is_idle(&self, now: Duration) -> bool {
        let sides = [&self.manager, &self.users];
        sides.iter().all(|side| side.running == 0 && side.waiting.is_empty()) && self.used_s(now) < NOTHING_S
    }
}

impl Side {
    /// Seconds used so far by the slots still held.
    fn running_s(&self, now: Duration) -> f64 {
        if self.running == 0 {
            return 0.0;
        }
        let running = u32::try_from(self.running).map_or(f64::MAX, f64::from);
        (running * now.as_secs_f64() - self.began_s).max(0.0)
    }
}
