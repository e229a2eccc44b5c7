//! Who uses up what all tenants share: places in queues, streams, deliveries, hashes of passwords.

use super::ids::{InvalidId, UserId};

/// Whose share something is charged to (promise I14).
///
/// Users that users have made count as the root manager's, however deep they are, so that nobody
/// multiplies a share by making more users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Consumer {
    /// The root manager: the one that no other user has created.
    pub tenant: UserId,
    /// On which side of the tenant.
    pub party: Party,
}

/// The two sides of a tenant, which have parts of its share: what its users do never uses up what
/// the manager itself needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// The root manager's own keys, wallets and endpoints.
    Manager,
    /// Everybody whom it, or one of its users, has created.
    User,
}

/// How many bytes a consumer is stored in: the tenant's id, and one for the party.
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
    /// What is nobody's: operators, the command line.
    pub const NOBODY: Self = Self::manager(UserId::new([0; 16]));

    /// The manager itself.
    pub const fn manager(tenant: UserId) -> Self {
        Self { tenant, party: Party::Manager }
    }

    /// As it is stored: those of one tenant stand together, the manager first.
    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [self.party.byte(); BYTES];
        for (byte, of_id) in bytes.iter_mut().zip(self.tenant.as_bytes()) {
            *byte = *of_id;
        }
        bytes
    }

    /// Out of what [`Consumer::to_bytes`] made.
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
