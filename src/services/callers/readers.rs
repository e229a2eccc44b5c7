//! Who sees a tenant as a whole.

use super::{AdminKey, Caller, ManagerLogin, Reach, Reads, SeesTenant};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, UserId};
use crate::store::payments::scope::Scope;
use crate::store::wallets::Wallet;
use crate::store::{Db, StoreError};

/// Somebody who may be shown all at once of what it manages: by an admin key, or as a manager after a
/// login or by a token. Who manages nobody is shown its own wallet's, or nothing.
#[derive(Clone, Copy, Debug)]
pub enum TenantReader {
    /// An admin key.
    Key(AdminKey),
    /// A manager's login or token.
    Login(ManagerLogin<Reads>),
}

/// Which keys of a wallet may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenKeys {
    /// The one that spends.
    pub admin: bool,
    /// The one that reads and receives.
    pub invoice: bool,
}

impl<R: Reach> ManagerLogin<R> {
    /// The keys that the caller may be shown.
    pub const fn seen_keys(&self) -> SeenKeys {
        SeenKeys { admin: self.sees_admin_keys(), invoice: self.sees_invoice_keys() }
    }
}

impl TenantReader {
    /// Whose payments the caller sees.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Key(key) => key.managed_tenant().map_or(Scope::Wallet(key.wallet()), Scope::Tenant),
            Self::Login(login) => Scope::Tenant(login.user()),
        }
    }

    /// The keys of a wallet of the tenant that the caller may be shown. A manager's key gives no power
    /// over other wallets of the manager itself.
    pub fn seen_keys_of(&self, wallet: &Wallet) -> SeenKeys {
        match self {
            Self::Key(key) => {
                let may_see = wallet.id == key.wallet() || wallet.user != key.user();
                SeenKeys { admin: may_see, invoice: may_see }
            }
            Self::Login(login) => login.seen_keys(),
        }
    }
}

impl Caller for TenantReader {
    fn account(&self) -> AccountId {
        match self {
            Self::Key(key) => key.account(),
            Self::Login(login) => login.account(),
        }
    }

    fn label(&self) -> Vec<u8> {
        match self {
            Self::Key(key) => key.label(),
            Self::Login(login) => login.label(),
        }
    }

    fn consumer(&self) -> Consumer {
        match self {
            Self::Key(key) => key.consumer(),
            Self::Login(login) => login.consumer(),
        }
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        match self {
            Self::Key(key) => key.recheck(connection),
            Self::Login(login) => login.recheck(connection),
        }
    }
}

impl SeesTenant for TenantReader {
    fn recheck_tenant(&self, connection: &mut Db) -> Result<(), StoreError> {
        match self {
            Self::Key(key) => key.recheck_tenant(connection),
            Self::Login(login) => login.recheck_tenant(connection),
        }
    }

    fn managed_tenant(&self) -> Option<UserId> {
        match self {
            Self::Key(key) => key.managed_tenant(),
            Self::Login(login) => login.managed_tenant(),
        }
    }
}
