//! Limits on the number of listeners, in total and per tenant, and the slots in use.

use std::collections::HashMap;

use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;

/// One in this many of a tenant's slots is reserved for its manager, whatever its users do.
const KEPT_FOR_MANAGER: usize = 4;

/// The maximum numbers of listeners.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "what is a bound says so last, here as everywhere")]
pub struct Limits {
    /// At once, in this process.
    pub streams_max: usize,
    /// Of these, on the wallets and invoices of one tenant.
    pub tenant_max: usize,
    /// Of these, on one wallet or invoice.
    pub topic_max: usize,
}

impl Limits {
    /// How many of a tenant's slots its users may take.
    const fn users_max(self) -> usize {
        self.tenant_max - self.tenant_max / KEPT_FOR_MANAGER
    }
}

/// Why a listener is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The process has no free slots.
    Full,
    /// The tenant has no free slots.
    TenantFull,
    /// The wallet or invoice has no free slots.
    TopicFull,
    /// The process is stopping.
    Closing,
}

/// A listener's slot.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// The owner of the wallet or invoice.
    pub consumer: Consumer,
    /// Whether it needs no key, as for an invoice.
    pub keyless: bool,
}

/// The slots in use.
#[derive(Debug, Default)]
pub(super) struct Slots {
    all: Taken,
    /// The tenants that have any.
    tenants: HashMap<UserId, OfTenant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct OfTenant {
    all: Taken,
    users: Taken,
}

#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    open: usize,
    /// Those without a key: at most half, so that strangers leave room for callers with a key.
    keyless: usize,
}

impl Slots {
    /// The number in use.
    pub(super) const fn open(&self) -> usize {
        self.all.open
    }

    /// Takes a slot.
    pub(super) fn take(&mut self, slot: Slot, limits: Limits) -> Result<(), Refused> {
        let Slot { consumer: Consumer { tenant, party }, keyless } = slot;
        let of_tenant = self.tenants.get(&tenant).copied().unwrap_or_default();
        if !self.all.has_room(limits.streams_max, keyless) {
            return Err(Refused::Full);
        }
        let has_room = of_tenant.all.has_room(limits.tenant_max, keyless)
            && match party {
                Party::Manager => true,
                Party::User => of_tenant.users.has_room(limits.users_max(), keyless),
            };
        if !has_room {
            return Err(Refused::TenantFull);
        }
        self.all.add(keyless);
        let of_tenant = self.tenants.entry(tenant).or_default();
        of_tenant.all.add(keyless);
        match party {
            Party::Manager => {}
            Party::User => of_tenant.users.add(keyless),
        }
        Ok(())
    }

    /// Gives a slot back.
    pub(super) fn give_back(&mut self, slot: Slot) {
        let Slot { consumer: Consumer { tenant, party }, keyless } = slot;
        self.all.remove(keyless);
        let Some(of_tenant) = self.tenants.get_mut(&tenant) else { return };
        of_tenant.all.remove(keyless);
        match party {
            Party::Manager => {}
            Party::User => of_tenant.users.remove(keyless),
        }
        if of_tenant.all.open == 0 {
            self.tenants.remove(&tenant);
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
