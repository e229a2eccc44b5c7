//! Payments: issuing invoices, paying them, and what a wallet sees of both.

mod create;
mod extra;
mod held;
mod history;
mod list;
mod pay;
pub(crate) mod stats;
mod transactions;

pub(in crate::services) use create::issue;
pub use create::{InvoiceTerms, create, created_before};
pub use extra::append_extra;
pub use held::{cancel_held, settle_held};
pub use history::{Grouping, HistoryPoint, history};
pub use list::{PaymentQuery, list, list_and_count};
pub use pay::{PayTerms, paid_before, pay};
pub use transactions::{Slice, managed_wallet, transactions};

pub use crate::store::payments::Payment;
pub use crate::store::payments::filter::{Condition, PaymentFilter, Range, Sort, SortKey, Status, Test, TextTest};

use super::{Error, Services};
use crate::clock;
use crate::domain::ids::PaymentHash;
use crate::domain::invoice::PaymentRequest;
use crate::domain::money::Msat;
use crate::ledger::outcome::Rejection;

/// Both sides of a payment, the payee's first; only the payee's where it waits; nothing where
/// there is no such payment. Who may see what of it, the caller decides.
pub async fn sides(services: &Services, hash: PaymentHash) -> Result<Vec<Payment>, Error> {
    Ok(services.store.sides(hash).await?)
}

/// What routing the payment of an invoice may cost: nothing, because only invoices that were
/// issued here are paid.
pub async fn fee_reserve(services: &Services, request: PaymentRequest) -> Result<Msat, Error> {
    let sides = sides(services, request.payment_hash()).await?;
    match sides.first() {
        Some(side) if side.bolt11.as_deref() == Some(request.text()) => Ok(Msat::ZERO),
        Some(_) => Err(Rejection::InvoiceMismatch.into()),
        None => Err(not_ours(services, request)),
    }
}

/// Why an invoice that was not issued here is not paid. Only such an invoice needs the
/// check of its signature. One that this server has signed was deleted after it had expired.
fn not_ours(services: &Services, request: PaymentRequest) -> Error {
    match request.verify() {
        Ok(decoded) if decoded.payee() == services.node.public_key() && decoded.has_expired_at(clock::now()) => {
            Rejection::InvoiceExpired.into()
        }
        Ok(_) => Rejection::InvoiceNotFound.into(),
        Err(error) => error.into(),
    }
}
