//! All wallets of a tenant.

use crate::domain::ids::WalletId;
use crate::domain::search::SearchText;
use crate::domain::window::Window;
use crate::services::callers::{SeesTenant, TenantReader};
use crate::services::{Cursor, Error, Services, WalletWithKeys, managed_wallets, wallets as own};
use crate::store::StoreError;
use crate::store::wallets::WalletFilter;

/// A page of the wallets of a manager's tenant, oldest first, as they are shown, and after which of them
/// the next page begins, where there is one; for a key that manages nobody, its wallet.
pub async fn wallets<T: Send + 'static>(
    services: &Services,
    caller: TenantReader,
    search: Option<SearchText>,
    window: Window,
    after: Option<Cursor<WalletId>>,
    show: impl FnOnce(Vec<WalletWithKeys>) -> Result<T, StoreError> + Send + 'static,
) -> Result<(T, Option<Cursor<WalletId>>), Error> {
    match caller {
        TenantReader::Key(key) if caller.managed_tenant().is_none() => {
            let wallet = own::with_keys(services, key).await?;
            let mut found = vec![wallet];
            found.retain(|it| search.as_ref().is_none_or(|text| it.wallet.is_called(text)));
            let _ = window.take_from(&mut found);
            Ok((show(found)?, None))
        }
        TenantReader::Key(_) | TenantReader::Login(_) => {
            let filter = WalletFilter { with_managers: true, search };
            managed_wallets::list(services, caller, filter, window, after, show).await
        }
    }
}
