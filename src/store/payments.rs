//! Payments: what one wallet sees of invoices and transfers.

use diesel::prelude::*;

use super::connection::Db;
use super::error::StoreError;
use super::payment_filter::{PaymentFilter, Sort};
use super::schema::payments;
use crate::domain::extra::Extra;
use crate::domain::ids::{InvoiceId, PaymentHash, WalletId};
use crate::domain::money::Msat;
use crate::domain::secret::Sealed;
use crate::domain::time::UnixMs;
use crate::ledger::state::InvoiceState;

/// One side of a payment, or an invoice that waits for it.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The wallet whose side it is.
    pub wallet: WalletId,
    /// What clients know it by.
    pub payment_hash: PaymentHash,
    /// The invoice behind it, which the preimage is bound to.
    pub invoice: InvoiceId,
    /// The preimage, sealed.
    pub preimage: Sealed,
    /// The text of the invoice; `None` for a direct transfer.
    pub bolt11: Option<String>,
    /// Above zero when coming in, below when going out.
    pub amount: Msat,
    /// What for.
    pub memo: String,
    /// Where the invoice stands.
    pub state: InvoiceState,
    /// Where to tell of the payment.
    pub webhook: Option<String>,
    /// The wallet's own data.
    pub extra: Option<Extra>,
    /// When the invoice was issued, or the payment made.
    pub created_at: UnixMs,
    /// From when on the invoice cannot be paid.
    pub expires_at: UnixMs,
    /// When it was paid.
    pub paid_at: Option<UnixMs>,
}

type Columns = (
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    Option<String>,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    i64,
    i64,
    Option<i64>,
);

const COLUMNS: (
    payments::wallet_id,
    payments::payment_hash,
    payments::invoice_id,
    payments::preimage_sealed,
    payments::bolt11,
    payments::amount_msat,
    payments::memo,
    payments::state,
    payments::webhook,
    payments::extra,
    payments::created_at_ms,
    payments::expires_at_ms,
    payments::paid_at_ms,
) = (
    payments::wallet_id,
    payments::payment_hash,
    payments::invoice_id,
    payments::preimage_sealed,
    payments::bolt11,
    payments::amount_msat,
    payments::memo,
    payments::state,
    payments::webhook,
    payments::extra,
    payments::created_at_ms,
    payments::expires_at_ms,
    payments::paid_at_ms,
);

fn payment(columns: Columns) -> Result<Payment, StoreError> {
    let (wallet, hash, invoice, preimage, bolt11, amount, memo, state, webhook, extra, created, expires, paid) =
        columns;
    Ok(Payment {
        wallet: WalletId::from_slice(&wallet)?,
        payment_hash: PaymentHash::from_slice(&hash)?,
        invoice: InvoiceId::from_slice(&invoice)?,
        preimage: Sealed::from_stored(preimage),
        bolt11,
        amount: Msat::new(amount),
        memo,
        state: InvoiceState::from_stored(&state)
            .ok_or_else(|| StoreError::Fault(format!("an invoice in the state {state:?}")))?,
        webhook,
        extra: extra.map(Extra::from_stored),
        created_at: UnixMs::new(created),
        expires_at: UnixMs::new(expires),
        paid_at: paid.map(UnixMs::new),
    })
}

/// Both sides of a payment, the payee's first; only the payee's where it waits; none where
/// there is no such payment. Who may see what of it, the caller decides.
pub fn find(connection: &mut Db, hash: PaymentHash) -> Result<Vec<Payment>, StoreError> {
    let rows: Vec<Columns> = payments::table
        .filter(payments::payment_hash.eq(hash.as_bytes().as_slice()))
        .order(payments::amount_msat.desc())
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(payment).collect()
}

/// A page of a wallet's payments.
pub fn list(
    connection: &mut Db,
    wallet: WalletId,
    filter: &PaymentFilter,
    sort: Sort,
    offset: i64,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    let query = sort.apply(filter.apply(wallet)).offset(offset).limit(limit).select(COLUMNS);
    query.load::<Columns>(connection)?.into_iter().map(payment).collect()
}

/// How many of a wallet's payments a filter lets through.
pub fn count(connection: &mut Db, wallet: WalletId, filter: &PaymentFilter) -> Result<i64, StoreError> {
    Ok(filter.apply(wallet).count().get_result(connection)?)
}
