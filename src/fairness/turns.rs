//! Who is next, where only so much goes on at once. Pure: times are passed in.
//!
//! A tenant holds half of the places at most, and of these its users leave one to the manager. Of
//! tenants that wait, the one that has used the least time lately is next, and inside a tenant the
//! manager and its users alternate. The last free place is kept for tenants that have used little
//! lately: a few heavy ones cannot hold all.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;

/// After how many seconds half of the time that a tenant has used is forgotten.
const HALF_LIFE_S: f64 = 10.0;
/// Who has used no more than so many seconds lately has used little: a fourteenth of one place.
const LITTLE_S: f64 = 1.0;
/// Less than this is as good as nothing, in seconds.
const NOTHING_S: f64 = 0.001;
/// How many tenants are remembered before those are looked for that have used nothing lately.
const REMEMBERED: usize = 1024;

/// How many may do something at once, and wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Places in all.
    places: usize,
    /// Places of one tenant.
    tenant_max: usize,
    /// Of these, places of its users.
    users_max: usize,
    /// Places that only those take who have used little lately.
    kept: usize,
    /// Who waits, in all.
    waiting_max: usize,
    /// Who waits of one tenant.
    tenant_waiting_max: usize,
    /// Of these, users.
    users_waiting_max: usize,
}

impl Limits {
    /// So many places, and so many who wait: in all, and of one tenant. Three quarters of those
    /// may be its users.
    pub const fn new(places: usize, waiting_max: usize, tenant_waiting_max: usize) -> Self {
        let tenant_max = at_least_one(places / 2);
        Self {
            places,
            tenant_max,
            users_max: at_least_one(tenant_max.saturating_sub(1)),
            kept: if places > 1 { 1 } else { 0 },
            waiting_max,
            tenant_waiting_max,
            users_waiting_max: tenant_waiting_max.saturating_sub(tenant_waiting_max / 4),
        }
    }

    /// Places in all.
    pub const fn places(self) -> usize {
        self.places
    }

    /// Places of one tenant.
    pub const fn tenant_max(self) -> usize {
        self.tenant_max
    }

    /// Places that a tenant's users hold at once.
    pub const fn users_max(self) -> usize {
        self.users_max
    }
}

const fn at_least_one(number: usize) -> usize {
    if number == 0 { 1 } else { number }
}

/// By what tenants are told apart.
pub trait Tenant: Clone + Eq + Hash + Send + 'static {}

impl<T: Clone + Eq + Hash + Send + 'static> Tenant for T {}

/// To whom a place is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share<T> {
    /// The tenant.
    pub tenant: T,
    /// On which side of it.
    pub party: Party,
}

impl From<Consumer> for Share<UserId> {
    fn from(Consumer { tenant, party }: Consumer) -> Self {
        Self { tenant, party }
    }
}

/// Somebody who waits; earlier ones are smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What comes of asking for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is there.
    Granted,
    /// It comes later, under this ticket.
    Waiting(Ticket),
}

/// There is no room to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too many of the tenant wait.
    Tenant,
    /// Too many wait in all.
    All,
}

/// Who holds a place and who waits for one.
#[derive(Debug)]
pub struct Turns<T> {
    limits: Limits,
    tenants: HashMap<T, Account>,
    running: usize,
    waiting: usize,
    last_ticket: u64,
    /// At how many tenants those are forgotten next that have used nothing lately.
    forget_at: usize,
}

/// What is known of one tenant.
#[derive(Debug, Default)]
struct Account {
    manager: Side,
    users: Side,
    /// Which side got the last place.
    last: Option<Party>,
    /// Seconds that it has used, as they stood …
    used_s: f64,
    /// … at this time.
    used_at: Duration,
}

#[derive(Debug, Default)]
struct Side {
    running: usize,
    waiting: VecDeque<Ticket>,
    /// The sum of the times at which those began that hold a place.
    began_s: f64,
}

impl<T: Tenant> Turns<T> {
    /// Nobody holds a place yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, tenants: HashMap::new(), running: 0, waiting: 0, last_ticket: 0, forget_at: REMEMBERED }
    }

    /// How many places are held.
    pub const fn running(&self) -> usize {
        self.running
    }

    /// How many wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Asks for a place. Whoever waits gets it by [`Turns::next`], which is to be asked from now
    /// on until nobody is next, and again whenever a place was given back.
    pub fn ask(&mut self, share: &Share<T>, now: Duration) -> Result<Asked, Full> {
        self.forget_idle(now);
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

    /// Somebody waits no longer. One that has got the place meanwhile holds it.
    pub fn give_up(&mut self, share: &Share<T>, ticket: Ticket) {
        let Some(account) = self.tenants.get_mut(&share.tenant) else { return };
        let waiting = &mut account.side_mut(share.party).waiting;
        if let Some(position) = waiting.iter().position(|one| *one == ticket) {
            waiting.remove(position);
            self.waiting = self.waiting.saturating_sub(1);
        }
    }

    /// A place that was held since a time is given back.
    pub fn leave(&mut self, share: &Share<T>, since: Duration, now: Duration) {
        self.running = self.running.saturating_sub(1);
        if let Some(account) = self.tenants.get_mut(&share.tenant) {
            account.end(share.party, since, now);
        }
    }

    /// Gives a place to whoever is next, where there is one for anybody.
    pub fn next(&mut self, now: Duration) -> Option<(Share<T>, Ticket)> {
        if self.waiting == 0 || self.running >= self.limits.places {
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

    /// Forgets who has used nothing lately, now and then.
    fn forget_idle(&mut self, now: Duration) {
        if self.tenants.len() >= self.forget_at {
            self.tenants.retain(|_, account| !account.is_idle(now));
            self.forget_at = self.tenants.len().saturating_mul(2).max(REMEMBERED);
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

    /// Seconds that were used lately, those included that go on.
    fn used_s(&self, now: Duration) -> f64 {
        let quiet_s = now.saturating_sub(self.used_at).as_secs_f64();
        let ended_s = self.used_s * (-quiet_s / HALF_LIFE_S).exp2();
        ended_s + self.manager.running_s(now) + self.users.running_s(now)
    }

    /// Whether one of a side may begin, where so many run in all.
    fn may_begin(&self, party: Party, limits: Limits, running: usize, now: Duration) -> bool {
        let side_max = match party {
            Party::Manager => limits.tenant_max,
            Party::User => limits.users_max,
        };
        let free = limits.places.saturating_sub(running);
        free > 0
            && self.manager.running.saturating_add(self.users.running) < limits.tenant_max
            && self.side(party).running < side_max
            && (free > limits.kept || self.used_s(now) <= LITTLE_S)
    }

    /// Who of the tenant is next, where one may begin: of the side that had no place last, if it
    /// can be.
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
        // Not by a subtraction: what it leaves of zero would add up.
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
    /// Seconds that those have used so far who hold a place.
    fn running_s(&self, now: Duration) -> f64 {
        if self.running == 0 {
            return 0.0;
        }
        let running = u32::try_from(self.running).map_or(f64::MAX, f64::from);
        (running * now.as_secs_f64() - self.began_s).max(0.0)
    }
}
