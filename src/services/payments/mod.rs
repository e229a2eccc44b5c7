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

use super::lightning::outside;
use super::{Error, Services};
use crate::domain::ids::PaymentHash;
use crate::domain::invoice::PaymentRequest;
use crate::domain::money::Msat;
use crate::ledger::outcome::Rejection;

/// Both sides of a payment, the payee's first; only the payee's where it waits; nothing where
/// there is no such payment. Who may see what of it, the caller decides.
pub async fn sides(services: &Services, hash: PaymentHash) -> Result<Vec<Payment>, Error> {
    Ok(services.store.sides(hash).await?)
}

/// What paying an invoice may cost beside its amount: nothing where it was issued here.
pub async fn fee_reserve(services: &Services, request: PaymentRequest) -> Result<Msat, Error> {
    let sides = sides(services, request.payment_hash()).await?;
    let issued = sides.iter().find(|side| !side.amount.is_negative());
    match issued {
        Some(side) if side.bolt11.as_deref() == Some(request.text()) => Ok(Msat::ZERO),
        Some(_) => outside::reserve(services, request, Rejection::InvoiceMismatch),
        None => outside::reserve(services, request, Rejection::InvoiceNotFound),
    }
}
