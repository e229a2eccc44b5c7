//! Who looks after managers and their money: operators over HTTP, and whoever runs satkeep.

use super::callers::{Caller, Operator, Session};
use crate::crypto::secret::MasterKey;
use crate::domain::consumer::Consumer;
use crate::domain::ids::AccountId;
use crate::store::{Db, StoreError};

/// Somebody who may look after every manager.
pub trait Administrator: Caller {
    /// The session that has proved it, where it is one.
    fn session(&self) -> Option<&Session>;
}

/// Whoever runs satkeep, at its command line or by its first start. Holding the master key is the
/// proof: there is nothing in the database that could be kept from its holder.
#[derive(Clone, Copy, Debug)]
pub struct LocalAdministrator(());

impl LocalAdministrator {
    /// The holder of the master key.
    pub const fn holding(_master: &MasterKey) -> Self {
        Self(())
    }
}

impl Caller for LocalAdministrator {
    fn account(&self) -> AccountId {
        AccountId::ISSUANCE
    }

    fn label(&self) -> Vec<u8> {
        b"local administrator".to_vec()
    }

    fn consumer(&self) -> Consumer {
        Consumer::NOBODY
    }

    /// Nobody takes the master key back.
    fn recheck(&self, _: &mut Db) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Administrator for LocalAdministrator {
    fn session(&self) -> Option<&Session> {
        None
    }
}

impl Administrator for Operator {
    fn session(&self) -> Option<&Session> {
        Some(self)
    }
}
