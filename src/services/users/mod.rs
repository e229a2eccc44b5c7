//! The users of a tenant, as their manager creates, sees and changes them. A user that the manager
//! has not created is not there (promise I8).

mod change;
mod create;
mod list;
pub(crate) mod overview;
mod verify;

pub use change::{UserTerms, change, change_unseen};
pub use create::{NewUserTerms, create};
pub use list::{Step, list};
pub use verify::verify;

use super::callers::{SeesTenant, WalletKey};
use super::{Error, Missing, Services, UserWithWallets};
use crate::crypto::secret::Sealer;
use crate::domain::ids::UserId;
use crate::store::{Db, StoreError, users};

/// A user of the tenant, with its wallets.
pub async fn find(services: &Services, caller: impl SeesTenant, id: UserId) -> Result<UserWithWallets, Error> {
    let sealer = services.sealer.clone();
    let tenant = caller.managed_tenant().ok_or(Error::Missing(Missing::User))?;
    let find = move |connection: &mut Db| with_wallets(connection, &sealer, tenant, id);
    services.store.read_list(caller.consumer(), find).await.map_err(Error::of(Missing::User))
}

/// Makes sure that a user is the caller's own, or one that this has created.
pub async fn check_known(services: &Services, caller: WalletKey, id: UserId) -> Result<(), Error> {
    let tenant = caller.user();
    if id == tenant {
        return Ok(());
    }
    let found = services.store.read(move |connection| users::find(connection, tenant, id)).await;
    found.map(drop).map_err(Error::of(Missing::User))
}

fn with_wallets(
    connection: &mut Db,
    sealer: &Sealer,
    tenant: UserId,
    id: UserId,
) -> Result<UserWithWallets, StoreError> {
    let user = users::find(connection, tenant, id)?;
    UserWithWallets::one(connection, sealer, user)
}
