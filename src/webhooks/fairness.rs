//! Limits on concurrent deliveries to each host of each tenant, so that slow or dead targets delay
//! only their own tenant's deliveries. A tenant's users and its manager are counted separately, and
//! the users leave part of the tenant's limit to the manager. Pure.

use std::collections::{BTreeMap, HashMap};

use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;
use crate::domain::webhooks::Destination;

/// The most concurrent deliveries in total.
pub const TOTAL_MAX: usize = 256;
/// Those of one tenant.
pub const TENANT_MAX: usize = 64;
/// Those of a tenant's users, which leaves some for its manager.
pub const USERS_MAX: usize = TENANT_MAX - TENANT_MAX / 4;
/// The initial limit of one consumer. It grows by one whenever a target answers, up to the tenant's
/// limit.
pub const FIRST: usize = 16;
/// The lowest limit of one consumer. Its limit is halved whenever a target fails.
pub const MIN: usize = 8;
/// Those of one consumer to one host.
pub const HOST_MAX: usize = 16;
/// Those to one host that failed last time.
const FAILING_MAX: usize = 1;
/// One in this many of a consumer's deliveries may go to hosts that failed last time or are
/// unknown.
const UNPROVEN_PART: usize = 2;
/// The number of hosts remembered per consumer. Beyond that, the one with the oldest result is
/// removed.
const KNOWN_MAX: usize = 1000;

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameBack {
    /// With a response, quickly enough not to be a burden.
    Promptly,
    /// Late, or without a response.
    Badly,
    /// It was not sent after all, through no fault of the target.
    Untried,
}

/// The deliveries in flight.
#[derive(Debug, Default)]
pub struct InFlight {
    consumers: HashMap<Consumer, Flow>,
    total: usize,
}

/// The deliveries in flight of one consumer.
#[derive(Debug)]
struct Flow {
    hosts: HashMap<String, Host>,
    total: usize,
    allowed: usize,
    /// The number of deliveries that have ended.
    count: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    under_way: usize,
    /// How the last one ended, if one has.
    last: Option<CameBack>,
    /// Its number among the consumer's ended deliveries.
    number: u64,
}

impl Default for Flow {
    fn default() -> Self {
        Self { hosts: HashMap::new(), total: 0, allowed: FIRST, count: 0 }
    }
}

impl InFlight {
    /// Allots at most `max` deliveries that may start now among the destinations with something
    /// due. Slots go round-robin to tenants, within a tenant to its manager and its users, and
    /// within each of those to its hosts. `turn` determines who is first; if it increases by one
    /// each time, everyone is first before long.
    pub fn share_out(
        &self,
        due: impl IntoIterator<Item = Destination>,
        max: usize,
        turn: usize,
    ) -> Vec<(Destination, usize)> {
        let mut tenants: BTreeMap<UserId, Sharing> = BTreeMap::new();
        let nothing = Flow::default();
        for destination in due {
            let Consumer { tenant, party } = destination.consumer;
            let flow = self.consumers.get(&destination.consumer).unwrap_or(&nothing);
            tenants.entry(tenant).or_insert_with(|| self.sharing(tenant)).part(party, flow).add(destination, flow);
        }
        let mut tenants: Vec<_> = tenants.into_values().filter(Sharing::has_room).collect();
        let rounds = turn.checked_div(tenants.len()).unwrap_or_default();
        rotate(&mut tenants, turn);
        for tenant in &mut tenants {
            tenant.start_at(rounds);
        }
        let mut left = max.min(TOTAL_MAX.saturating_sub(self.total));
        loop {
            let before = left;
            for tenant in &mut tenants {
                if left > 0 && tenant.take_one() {
                    left -= 1;
                }
            }
            if left == before {
                break;
            }
        }
        let shares = tenants.into_iter().flat_map(|tenant| tenant.parts).flat_map(|part| part.hosts);
        shares.filter(|share| share.count > 0).map(|share| (share.destination, share.count)).collect()
    }

    fn sharing(&self, tenant: UserId) -> Sharing {
        let total = |party| self.consumers.get(&Consumer { tenant, party }).map_or(0, |flow| flow.total);
        let users = total(Party::User);
        let all = users.saturating_add(total(Party::Manager));
        Sharing {
            parts: Vec::new(),
            room: TENANT_MAX.saturating_sub(all),
            room_for_users: USERS_MAX.saturating_sub(users),
            next: 0,
        }
    }

    /// Whether no more deliveries may start.
    pub const fn is_full(&self) -> bool {
        self.total >= TOTAL_MAX
    }

    /// The number of deliveries in flight.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Records the start of a delivery.
    pub fn start(&mut self, destination: &Destination) {
        let flow = self.consumers.entry(destination.consumer).or_default();
        flow.hosts.entry(destination.host.clone()).or_default().under_way += 1;
        flow.total += 1;
        self.total += 1;
    }

    /// Records the end of a delivery.
    pub fn finish(&mut self, destination: &Destination, how: CameBack) {
        self.total = self.total.saturating_sub(1);
        if let Some(flow) = self.consumers.get_mut(&destination.consumer) {
            flow.finish(&destination.host, how);
        }
    }
}

impl Flow {
    fn finish(&mut self, host: &str, how: CameBack) {
        self.total = self.total.saturating_sub(1);
        self.count += 1;
        if let Some(host) = self.hosts.get_mut(host) {
            host.under_way = host.under_way.saturating_sub(1);
            if how != CameBack::Untried {
                (host.last, host.number) = (Some(how), self.count);
            }
        }
        let allowed = match how {
            CameBack::Promptly => self.allowed + 1,
            CameBack::Badly => self.allowed / 2,
            CameBack::Untried => self.allowed,
        };
        self.allowed = allowed.clamp(MIN, TENANT_MAX);
        if self.hosts.len() > KNOWN_MAX {
            let idle = self.hosts.iter().filter(|(_, host)| host.under_way == 0);
            if let Some(oldest) = idle.min_by_key(|(_, host)| host.number).map(|(name, _)| name.clone()) {
                self.hosts.remove(&oldest);
            }
        }
    }
}

impl Host {
    fn is_proven(self) -> bool {
        self.last == Some(CameBack::Promptly)
    }
}

/// What may be allotted to one tenant.
struct Sharing {
    /// The manager's and the users' parts, as far as they have something due.
    parts: Vec<Part>,
    /// How many more may start.
    room: usize,
    /// How many of those may be the users'.
    room_for_users: usize,
    /// The part that is next.
    next: usize,
}

/// What may be allotted to one side of a tenant.
struct Part {
    party: Party,
    hosts: Vec<Share>,
    /// How many more may start.
    room: usize,
    /// How many of those may go to unproven hosts.
    room_for_unproven: usize,
    /// The host that is next.
    next: usize,
}

struct Share {
    destination: Destination,
    is_proven: bool,
    room: usize,
    count: usize,
}

impl Sharing {
    /// The part of one side, created if necessary.
    fn part(&mut self, party: Party, flow: &Flow) -> &mut Part {
        let found = self.parts.iter().position(|part| part.party == party);
        let index = found.unwrap_or_else(|| {
            self.parts.push(Part::new(party, flow));
            self.parts.len() - 1
        });
        // It was just found or created.
        self.parts.get_mut(index).expect("a part at its index")
    }

    fn start_at(&mut self, round: usize) {
        rotate(&mut self.parts, round);
        for part in &mut self.parts {
            rotate(&mut part.hosts, round);
        }
    }

    fn has_room(&self) -> bool {
        self.parts.iter().any(|part| self.lets(part.party) && part.has_room())
    }

    fn lets(&self, party: Party) -> bool {
        self.room > 0
            && match party {
                Party::Manager => true,
                Party::User => self.room_for_users > 0,
            }
    }

    /// Allots one more to the next side that may have it. Returns whether there was one.
    fn take_one(&mut self) -> bool {
        for _ in 0..self.parts.len() {
            let index = self.next % self.parts.len();
            self.next = index + 1;
            let Some(party) = self.parts.get(index).map(|part| part.party) else { return false };
            if self.lets(party) && self.parts.get_mut(index).is_some_and(Part::take_one) {
                self.room -= 1;
                self.room_for_users -= usize::from(party == Party::User);
                return true;
            }
        }
        false
    }
}

impl Part {
    fn new(party: Party, flow: &Flow) -> Self {
        let unproven: usize = flow.hosts.values().filter(|it| !it.is_proven()).map(|it| it.under_way).sum();
        Self {
            party,
            hosts: Vec::new(),
            room: flow.allowed.saturating_sub(flow.total),
            room_for_unproven: (flow.allowed / UNPROVEN_PART).saturating_sub(unproven),
            next: 0,
        }
    }

    fn add(&mut self, destination: Destination, flow: &Flow) {
        let host = flow.hosts.get(&destination.host).copied().unwrap_or_default();
        let max = if host.last == Some(CameBack::Badly) { FAILING_MAX } else { HOST_MAX };
        let (is_proven, room) = (host.is_proven(), max.saturating_sub(host.under_way));
        self.hosts.push(Share { destination, is_proven, room, count: 0 });
    }

    fn has_room(&self) -> bool {
        self.room > 0 && self.hosts.iter().any(|share| self.may_take(share))
    }

    fn may_take(&self, share: &Share) -> bool {
        share.count < share.room && (share.is_proven || self.room_for_unproven > 0)
    }

    /// Allots one more to the next host that may have it. Returns whether there was one.
    fn take_one(&mut self) -> bool {
        let hosts = self.hosts.len();
        let found = (self.next..self.next + hosts)
            .map(|number| number % hosts)
            .find(|number| self.hosts.get(*number).is_some_and(|share| self.may_take(share)));
        let (true, Some(number)) = (self.room > 0, found) else { return false };
        self.room -= 1;
        self.next = number + 1;
        if let Some(share) = self.hosts.get_mut(number) {
            share.count += 1;
            self.room_for_unproven = self.room_for_unproven.saturating_sub(usize::from(!share.is_proven));
        }
        true
    }
}

/// Makes another element the first.
fn rotate<T>(all: &mut [T], by: usize) {
    if let Some(by) = by.checked_rem(all.len()) {
        all.rotate_left(by);
    }
}
