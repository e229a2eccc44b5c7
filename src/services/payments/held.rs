//! Hold invoices, after somebody has paid them: the payee settles with the preimage, or cancels.

use super::{Payment, sides};
use crate::domain::ids::{PaymentHash, TransferId};
use crate::domain::node::Preimage;
use crate::ledger::command::{CancelHeld, SettleHeld};
use crate::services::callers::AdminKey;
use crate::services::{Error, Missing, Services};

/// Pays the payee of a hold invoice with what is held for it. The preimage says which invoice.
pub async fn settle_held(services: &Services, key: AdminKey, preimage: &Preimage) -> Result<Payment, Error> {
    let payment = own_invoice(services, key, preimage.payment_hash()).await?;
    let command = SettleHeld {
        authority: key.authority(),
        transfer: TransferId::next(),
        payment_hash: payment.payment_hash,
        preimage: preimage.seal(&services.sealer, payment.invoice),
    };
    services.settle(command, key.consumer()).await?;
    Ok(payment)
}

/// Gives back what is held for a hold invoice, which can no longer be paid afterwards.
pub async fn cancel_held(services: &Services, key: AdminKey, payment_hash: PaymentHash) -> Result<Payment, Error> {
    let payment = own_invoice(services, key, payment_hash).await?;
    services.settle(CancelHeld { authority: key.authority(), payment_hash }, key.consumer()).await?;
    Ok(payment)
}

/// An invoice of the key's wallet.
async fn own_invoice(services: &Services, key: AdminKey, payment_hash: PaymentHash) -> Result<Payment, Error> {
    let sides = sides(services, payment_hash).await?;
    let own = sides.into_iter().find(|side| side.wallet == key.wallet() && !side.amount.is_negative());
    own.ok_or(Error::Missing(Missing::Payment))
}
