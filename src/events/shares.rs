//! How many deliveries may be under way to each host of each tenant: who names slow or dead
//! targets keeps only its own deliveries waiting. Pure.

use std::collections::{BTreeMap, HashMap};

use crate::domain::events::Place;
use crate::domain::ids::UserId;

/// Deliveries that are under way at once, all together.
pub const TOTAL_MAX: usize = 256;
/// Those of one tenant at first: one more whenever a target answers …
pub const TENANT_FIRST: usize = 16;
/// … up to so many …
pub const TENANT_MAX: usize = 64;
/// … and half as many whenever one does not, but never fewer than these.
pub const TENANT_MIN: usize = 8;
/// Of one tenant to one host.
pub const HOST_MAX: usize = 16;
/// To one host that did not answer the last time.
const FAILING_MAX: usize = 1;
/// The part of a tenant's that hosts which did not answer may take together: one in so many.
const FAILING_PART: usize = 2;
/// Hosts of one tenant of which it is remembered that they did not answer. When there are more,
/// it is learned again.
const FAILING_HOSTS_MAX: usize = 100;

/// What is under way.
#[derive(Debug, Default)]
pub struct UnderWay {
    tenants: HashMap<UserId, Tenant>,
    total: usize,
}

#[derive(Debug)]
struct Tenant {
    hosts: HashMap<String, Host>,
    total: usize,
    allowed: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    under_way: usize,
    is_failing: bool,
}

impl Default for Tenant {
    fn default() -> Self {
        Self { hosts: HashMap::new(), total: 0, allowed: TENANT_FIRST }
    }
}

impl UnderWay {
    /// Shares out what may set out now, at most `max`, among places that have something due: one
    /// to each tenant in turn, and of each tenant one to each host in turn. `turn` says who is
    /// first: with numbers that follow each other, everyone is before long.
    pub fn share_out(&self, due: impl IntoIterator<Item = Place>, max: usize, turn: usize) -> Vec<(Place, usize)> {
        let mut tenants: BTreeMap<UserId, Sharing> = BTreeMap::new();
        let nobody = Tenant::default();
        for place in due {
            let tenant = self.tenants.get(&place.tenant).unwrap_or(&nobody);
            tenants.entry(place.tenant).or_insert_with(|| Sharing::new(tenant)).add(place, tenant);
        }
        let mut tenants: Vec<_> = tenants.into_values().filter(Sharing::has_room).collect();
        let rounds = turn.checked_div(tenants.len()).unwrap_or_default();
        rotate(&mut tenants, turn);
        for tenant in &mut tenants {
            rotate(&mut tenant.hosts, rounds);
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
        let shares = tenants.into_iter().flat_map(|tenant| tenant.hosts);
        shares.filter(|share| share.count > 0).map(|share| (share.place, share.count)).collect()
    }

    /// Whether any more may go anywhere.
    pub const fn is_full(&self) -> bool {
        self.total >= TOTAL_MAX
    }

    /// How many are under way.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// One sets out.
    pub fn start(&mut self, place: &Place) {
        let tenant = self.tenants.entry(place.tenant).or_default();
        tenant.hosts.entry(place.host.clone()).or_default().under_way += 1;
        tenant.total += 1;
        self.total += 1;
    }

    /// One has come back, with an answer or without.
    pub fn finish(&mut self, place: &Place, answered: bool) {
        self.total = self.total.saturating_sub(1);
        let Some(tenant) = self.tenants.get_mut(&place.tenant) else { return };
        tenant.finish(&place.host, answered);
        if tenant.hosts.is_empty() && tenant.allowed == TENANT_FIRST {
            self.tenants.remove(&place.tenant);
        }
    }
}

impl Tenant {
    fn finish(&mut self, host: &str, answered: bool) {
        self.total = self.total.saturating_sub(1);
        self.allowed = if answered { self.allowed + 1 } else { self.allowed / 2 }.clamp(TENANT_MIN, TENANT_MAX);
        if let Some(host) = self.hosts.get_mut(host) {
            host.under_way = host.under_way.saturating_sub(1);
            host.is_failing = !answered;
        }
        if self.hosts.values().filter(|host| host.is_failing).count() > FAILING_HOSTS_MAX {
            self.hosts.values_mut().for_each(|host| host.is_failing = false);
        }
        self.hosts.retain(|_, host| host.under_way > 0 || host.is_failing);
    }
}

/// What one tenant may have of a turn.
struct Sharing {
    hosts: Vec<Share>,
    /// How much more may set out, …
    room: usize,
    /// … and of that to hosts that did not answer.
    room_for_failing: usize,
    /// Whose turn it is.
    next: usize,
}

struct Share {
    place: Place,
    is_failing: bool,
    room: usize,
    count: usize,
}

impl Sharing {
    fn new(tenant: &Tenant) -> Self {
        let failing: usize = tenant.hosts.values().filter(|it| it.is_failing).map(|it| it.under_way).sum();
        Self {
            hosts: Vec::new(),
            room: tenant.allowed.saturating_sub(tenant.total),
            room_for_failing: (tenant.allowed / FAILING_PART).saturating_sub(failing),
            next: 0,
        }
    }

    fn add(&mut self, place: Place, tenant: &Tenant) {
        let Host { under_way, is_failing } = tenant.hosts.get(&place.host).copied().unwrap_or_default();
        let max = if is_failing { FAILING_MAX } else { HOST_MAX };
        self.hosts.push(Share { place, is_failing, room: max.saturating_sub(under_way), count: 0 });
    }

    fn has_room(&self) -> bool {
        self.room > 0 && self.hosts.iter().any(|share| self.may_take(share))
    }

    fn may_take(&self, share: &Share) -> bool {
        share.count < share.room && (!share.is_failing || self.room_for_failing > 0)
    }

    /// Gives one more to the next host that may take it. Answers whether there is any.
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
            self.room_for_failing -= usize::from(share.is_failing);
        }
        true
    }
}

/// Another one is first.
fn rotate<T>(all: &mut [T], by: usize) {
    if let Some(by) = by.checked_rem(all.len()) {
        all.rotate_left(by);
    }
}
