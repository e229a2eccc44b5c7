//! How many may listen, in all and for one tenant, and who has taken which places.

use std::collections::HashMap;

use crate::domain::ids::UserId;

/// How many may listen.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At once, in this process.
    pub streams_max: usize,
    /// Of these, to the wallets and invoices of one tenant.
    pub tenant_max: usize,
    /// Of these, to one wallet or invoice.
    pub topic_max: usize,
}

/// Nobody more may listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// In this process.
    Full,
    /// To this tenant's wallets and invoices.
    TenantFull,
    /// To this wallet or invoice.
    TopicFull,
    /// The process is stopping.
    Closing,
}

/// What a listener takes up.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whose the wallet or invoice is, where it is anybody's.
    pub tenant: Option<UserId>,
    /// Whether it needs no key, as for an invoice.
    pub keyless: bool,
}

/// The places that are taken.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: Taken,
    /// Tenants who have any.
    tenants: HashMap<UserId, Taken>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    open: usize,
    /// Those that need no key: half at most, so that strangers leave room for who has one.
    keyless: usize,
}

impl Places {
    /// How many are taken.
    pub(super) const fn open(&self) -> usize {
        self.all.open
    }

    /// Takes one.
    pub(super) fn take(&mut self, place: Place, limits: Limits) -> Result<(), Refused> {
        let of_tenant = place.tenant.and_then(|tenant| self.tenants.get(&tenant)).copied().unwrap_or_default();
        if !self.all.has_room(limits.streams_max, place.keyless) {
            return Err(Refused::Full);
        }
        if place.tenant.is_some() && !of_tenant.has_room(limits.tenant_max, place.keyless) {
            return Err(Refused::TenantFull);
        }
        self.all.add(place.keyless);
        if let Some(tenant) = place.tenant {
            self.tenants.entry(tenant).or_default().add(place.keyless);
        }
        Ok(())
    }

    /// Gives one back that was taken.
    pub(super) fn give_back(&mut self, place: Place) {
        self.all.remove(place.keyless);
        let Some(tenant) = place.tenant else { return };
        if let Some(taken) = self.tenants.get_mut(&tenant) {
            taken.remove(place.keyless);
            if taken.open == 0 {
                self.tenants.remove(&tenant);
            }
        }
    }
}

impl Taken {
    const fn has_room(self, max: usize, keyless: bool) -> bool {
        self.open < max && !(keyless && self.keyless >= max.div_ceil(2))
    }

    fn add(&mut self, keyless: bool) {
        self.open = self.open.saturating_add(1);
        self.keyless = self.keyless.saturating_add(usize::from(keyless));
    }

    fn remove(&mut self, keyless: bool) {
        self.open = self.open.saturating_sub(1);
        self.keyless = self.keyless.saturating_sub(usize::from(keyless));
    }
}
