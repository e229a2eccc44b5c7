//! Who uses resources that all tenants share: queue slots, streams, deliveries, password hashes.

use super::ids::{InvalidId, UserId};

/// Whom usage is charged to (promise I14).
///
/// Users created by users are charged to the root manager at any depth, so that nobody gains a
/// larger share by creating more users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Consumer {
    /// The root manager: the one that no other user has created.
    pub tenant: UserId,
    /// The side of the tenant.
    pub party: Party,
}

/// The two sides of a tenant, each with its part of the tenant's share: users can never use up what
/// the manager itself needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// The root manager's own keys, wallets and endpoints.
    Manager,
    /// Everybody created by it or by one of its users.
    User,
}

/// The number of bytes that a consumer is stored in: the tenant's id, and one for the party.
const BYTES: usize = 17;

impl Party {
    const fn byte(self) -> u8 {
        match self {
            Self::Manager => 0,
            Self::User => 1,
        }
    }
}

impl Consumer {
    /// For what belongs to no tenant: operators, the command line.
    pub const NOBODY: Self = Self::manager(UserId::new([0; 16]));
    /// For those who have not proved who they are. They share with [`Consumer::NOBODY`] as users
    /// share with their manager: they can never use up what operators need.
    pub const STRANGERS: Self = Self { party: Party::User, ..Self::NOBODY };

    /// The manager itself.
    pub const fn manager(tenant: UserId) -> Self {
        Self { tenant, party: Party::Manager }
    }

    /// The stored form, in which those of one tenant are adjacent, the manager first.
    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [self.party.byte(); BYTES];
        for (byte, of_id) in bytes.iter_mut().zip(self.tenant.as_bytes()) {
            *byte = *of_id;
        }
        bytes
    }

    /// From what [`Consumer::to_bytes`] made.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
        let (party, tenant) = bytes.split_last().unwrap_or((&0, &[]));
        let party = if *party == Party::User.byte() { Party::User } else { Party::Manager };
        Ok(Self { tenant: UserId::from_slice(tenant)?, party })
    }

    /// The user of a tenant, which may be its manager.
    pub fn of(tenant: UserId, user: UserId) -> Self {
        Self { tenant, party: if user == tenant { Party::Manager } else { Party::User } }
    }
}
