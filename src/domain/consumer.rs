//! Who uses up what all tenants share: places in queues, streams, deliveries, hashes of passwords.

use super::ids::UserId;

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

impl Consumer {
    /// What is nobody's: operators, the command line.
    pub const NOBODY: Self = Self::manager(UserId::new([0; 16]));

    /// The manager itself.
    pub const fn manager(tenant: UserId) -> Self {
        Self { tenant, party: Party::Manager }
    }

    /// The user of a tenant, which may be its manager.
    pub fn of(tenant: UserId, user: UserId) -> Self {
        Self { tenant, party: if user == tenant { Party::Manager } else { Party::User } }
    }
}
