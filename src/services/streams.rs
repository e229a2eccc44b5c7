//! Live streams: who may follow a wallet or an invoice.

use std::sync::Arc;

use super::callers::WalletKey;
use super::{Error, Missing, Services};
use crate::domain::ids::PaymentHash;
use crate::live::feed::{Feed, NotOpened};
use crate::live::hub::Hub;
use crate::live::watch::InvoiceWatch;

/// Follows the wallet of a key that was just proved: after the movement of a number, or from now
/// on. A number that the wallet has not come to is now.
pub async fn follow_wallet(
    services: &Services,
    hub: &Arc<Hub>,
    key: WalletKey,
    after: Option<i64>,
) -> Result<Feed, Error> {
    Ok(Feed::open(services.store.clone(), hub, key.consumer(), key.authority(), after).await?)
}

/// Follows an invoice, for whoever has its hash.
pub async fn follow_invoice(services: &Services, hub: &Arc<Hub>, hash: PaymentHash) -> Result<InvoiceWatch, Error> {
    InvoiceWatch::open(services.store.clone(), hub, hash).await?.ok_or(Error::Missing(Missing::Payment))
}

impl From<NotOpened> for Error {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::Refused(refused) => Self::NoStream(refused),
            NotOpened::TooFarBack(too_far) => Self::TooFarBack(too_far),
            NotOpened::Store(error) => error.into(),
        }
    }
}
