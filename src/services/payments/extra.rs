//! Adding to the data that a wallet keeps with what came in.

use super::Payment;
use crate::domain::extra::Extra;
use crate::domain::ids::PaymentHash;
use crate::ledger::state::InvoiceState;
use crate::services::callers::AdminKey;
use crate::services::{Error, Missing, Services};
use crate::store::{Db, StoreError, payments};

/// Adds members to the data of a settled payment that came in to the wallet of a key, and answers the
/// payment. What is there already is not changed. Nor is a payment that went out: it is an entry of
/// the ledger, which never changes.
pub async fn append_extra(
    services: &Services,
    key: AdminKey,
    hash: PaymentHash,
    more: Extra,
) -> Result<Payment, Error> {
    let appended = services.write_as(key, move |connection| append(connection, key, hash, &more));
    appended.await.map_err(Error::of(Missing::Payment))?
}

fn append(
    connection: &mut Db,
    key: AdminKey,
    hash: PaymentHash,
    more: &Extra,
) -> Result<Result<Payment, Error>, StoreError> {
    let sides = payments::find(connection, &[hash])?.remove(&hash).unwrap_or(Ok(Vec::new()))?;
    let mut own = sides.into_iter().filter(|side| side.wallet == key.wallet());
    let side = own.next().ok_or(StoreError::NotFound)?;
    if side.amount.is_negative() {
        return Ok(Err(refused("payment_hash", "is of a payment that went out, whose data never changes")));
    }
    payments::extra::lock(connection, side.invoice)?;
    let side = payments::find_row(connection, key.wallet(), side.row)?;
    if side.state != InvoiceState::Paid {
        return Ok(Err(refused("payment_hash", "is of a payment that has not succeeded yet")));
    }
    let extra = match side.extra.clone().unwrap_or_default().appended(more) {
        Ok(extra) => extra,
        Err(invalid) => return Ok(Err(refused("extra", &invalid.to_string()))),
    };
    payments::extra::replace(connection, side.invoice, &extra)?;
    Ok(Ok(Payment { extra: Some(extra), ..side }))
}

fn refused(field: &'static str, message: &str) -> Error {
    Error::Invalid { field, message: message.to_owned() }
}
