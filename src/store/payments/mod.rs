//! Payments: a wallet's view of invoices and transfers.

pub mod counts;
pub mod expiry;
pub(crate) mod extra;
pub(crate) mod filter;
pub(crate) mod flows;
pub(crate) mod history;
mod page;
pub(crate) mod scope;
pub(crate) mod stats;

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};

use super::holds;
use super::wallets::CHUNK_IDS;
use crate::crypto::secret::{Sealed, Sealer};
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::{InvoiceId, PaymentHash, PaymentRow, WalletId};
use crate::domain::money::Msat;
use crate::domain::node::Preimage;
use crate::domain::time::UnixMs;
use crate::ledger::state::InvoiceState;
use crate::store::db::columns::read_columns;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::functions::satkeep_in_time;
use crate::store::db::schema::{accounts, invoices, payments};
use crate::store::db::statement::statement;
use crate::store::lookup_batcher::Found;
use crate::store::payments::filter::{PaymentFilter, Sort};
use crate::store::payments::page::Page;
use crate::store::payments::scope::Scope;
use crate::store::webhooks::log;

/// One side of a payment, or an invoice that waits to be paid.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Its position in the wallet's list, which the next page starts from.
    pub row: PaymentRow,
    /// The wallet whose side it is.
    pub wallet: WalletId,
    /// The hash that clients identify it by.
    pub payment_hash: PaymentHash,
    /// The invoice behind it, which the preimage is bound to.
    pub invoice: InvoiceId,
    /// The encrypted preimage; `None` where only the payee knows it.
    pub preimage: Option<Sealed>,
    /// The invoice string; `None` for a direct transfer.
    pub bolt11: Option<String>,
    /// Positive for incoming payments, negative for outgoing ones.
    pub amount: Msat,
    /// What it costs beside, zero or negative: what is reserved for that while it is under way.
    pub fee: Msat,
    /// What the payment is for.
    pub memo: String,
    /// The state of the invoice.
    pub state: InvoiceState,
    /// The URL to notify of the payment.
    pub webhook: Option<String>,
    /// The status of its last response.
    pub webhook_status: Option<i64>,
    /// The wallet's own data.
    pub extra: Option<Extra>,
    /// When the invoice was issued, or the payment made.
    pub created_at: UnixMs,
    /// The time from which the invoice can no longer be paid.
    pub expires_at: UnixMs,
    /// When it was paid.
    pub paid_at: Option<UnixMs>,
    /// What the wallet calls it.
    pub external_id: Option<ExternalId>,
}

impl Payment {
    /// The preimage in hex, once the payment is settled.
    pub fn revealed_preimage(&self, sealer: &Sealer) -> Result<Option<String>, StoreError> {
        let sealed = self.preimage.as_ref().filter(|_| self.state == InvoiceState::Paid);
        let preimage = sealed.map(|sealed| Preimage::unseal(sealer, self.invoice, sealed)).transpose()?;
        Ok(preimage.map(|preimage| preimage.reveal()))
    }

    /// Takes into account that the wallet may be deleted: then the invoice can no longer be paid.
    fn in_wallet(self, deleted: bool) -> Self {
        let cancelled = deleted && self.state == InvoiceState::Open;
        Self { state: if cancelled { InvoiceState::Cancelled } else { self.state }, ..self }
    }
}

read_columns!(
    #[derive(Selectable)]
    #[diesel(table_name = payments)]
    struct Row, RowTypes, row_columns {
        id: Vec<u8> as Binary,
        wallet_id: Vec<u8> as Binary,
        payment_hash: Vec<u8> as Binary,
        invoice_id: Vec<u8> as Binary,
        preimage_sealed: Option<Vec<u8>> as Nullable<Binary>,
        bolt11: Option<String> as Nullable<Text>,
        amount_msat: i64 as BigInt,
        fee_msat: i64 as BigInt,
        memo: String as Text,
        state: String as Text,
        webhook: Option<String> as Nullable<Text>,
        extra: Option<String> as Nullable<Text>,
        created_at_ms: i64 as BigInt,
        expires_at_ms: i64 as BigInt,
        paid_at_ms: Option<i64> as Nullable<BigInt>,
        external_id: Option<String> as Nullable<Text>,
    }
);

impl TryFrom<Row> for Payment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            row: PaymentRow::from_slice(&row.id)?,
            wallet: WalletId::from_slice(&row.wallet_id)?,
            payment_hash: PaymentHash::from_slice(&row.payment_hash)?,
            invoice: InvoiceId::from_slice(&row.invoice_id)?,
            preimage: row.preimage_sealed.map(Sealed::from_stored),
            bolt11: row.bolt11,
            amount: Msat::new(row.amount_msat),
            fee: Msat::new(row.fee_msat),
            memo: row.memo,
            state: InvoiceState::from_stored(&row.state)
                .ok_or_else(|| StoreError::Broken(format!("an invoice in the state {:?}", row.state)))?,
            webhook: row.webhook,
            webhook_status: None,
            extra: row.extra.map(Extra::from_stored),
            created_at: UnixMs::new(row.created_at_ms),
            expires_at: UnixMs::new(row.expires_at_ms),
            paid_at: row.paid_at_ms.map(UnixMs::new),
            external_id: row.external_id.map(ExternalId::from_stored),
        })
    }
}

/// The query of both databases, up to what the hash is compared with.
macro_rules! select_sides {
    ($hash:literal) => {
        concat!(
            "SELECT ",
            row_columns!(),
            ", (SELECT closed_at_ms FROM accounts WHERE accounts.id = payments.wallet_id) \
             FROM payments WHERE payment_hash ",
            $hash
        )
    };
}

statement!(
    /// The sides of a payment, on SQLite.
    SelectSides on SqliteConnection,
    (hash: &'a [u8] as Binary) -> (RowTypes, Nullable<BigInt>),
    select_sides!("= ?")
);

statement!(
    /// The sides of payments, on PostgreSQL.
    SelectSidesOfMany on PgConnection,
    (hashes: Vec<&'a [u8]> as Array<Binary>) -> (RowTypes, Nullable<BigInt>),
    select_sides!("= ANY(?)")
);

/// Both sides of payments, the payee's first; only the payee's if it is still waiting; nothing if
/// there is no such payment. An open invoice of a deleted wallet is cancelled. The caller decides
/// who may see what.
pub(crate) fn find(
    connection: &mut Db,
    hashes: &[PaymentHash],
) -> Result<Found<PaymentHash, Vec<Payment>>, StoreError> {
    let bytes = hashes.iter().map(|hash| hash.as_bytes().as_slice());
    let rows: Vec<(Row, Option<i64>)> = match connection {
        Db::Sqlite(c) => {
            let mut rows = Vec::new();
            for hash in bytes {
                rows.extend(SelectSides { hash }.load::<(Row, Option<i64>)>(c)?);
            }
            rows
        }
        Db::Postgres(c) => SelectSidesOfMany { hashes: bytes.collect() }.load(c)?,
    };
    let mut found: Found<PaymentHash, Vec<Payment>> = Found::with_capacity(hashes.len());
    for (row, closed_at) in rows {
        let hash = PaymentHash::from_slice(&row.payment_hash)?;
        let side = Payment::try_from(row).map(|side| side.in_wallet(closed_at.is_some()));
        let sides = found.entry(hash).or_insert_with(|| Ok(Vec::with_capacity(2)));
        match (sides.as_mut(), side) {
            (Ok(sides), Ok(side)) if side.amount.is_negative() => insert_outgoing(sides, side),
            (Ok(sides), Ok(side)) => sides.insert(0, side),
            (Ok(_), Err(error)) => *sides = Err(error),
            (Err(_), _) => {}
        }
    }
    add_webhook_statuses(connection, found.values_mut().flatten().flatten())?;
    Ok(found)
}

/// Adds a payer's side: of several attempts to pay another node the one that has not failed comes first.
fn insert_outgoing(sides: &mut Vec<Payment>, side: Payment) {
    let is_better = |other: &Payment| other.amount.is_negative() && other.state == InvoiceState::Cancelled;
    let place = sides.iter().position(is_better).filter(|_| side.state != InvoiceState::Cancelled);
    sides.insert(place.unwrap_or(sides.len()), side);
}

/// Adds the status of each webhook's last response.
fn add_webhook_statuses<'p>(
    connection: &mut Db,
    payments: impl IntoIterator<Item = &'p mut Payment>,
) -> Result<(), StoreError> {
    let told = |payment: &&mut Payment| payment.webhook.is_some() && payment.state == InvoiceState::Paid;
    let mut told: Vec<&mut Payment> = payments.into_iter().filter(told).collect();
    let rows: Vec<_> = told.iter().map(|payment| payment.row).collect();
    let statuses = log::statuses(connection, &rows)?;
    for payment in &mut told {
        payment.webhook_status = statuses.get(&payment.row).copied();
    }
    Ok(())
}

/// The payees' sides of payments, or the invoices waiting for them, by invoice id.
pub fn of_invoices(connection: &mut Db, ids: &[InvoiceId]) -> Result<HashMap<InvoiceId, Payment>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<Row> = invoices::table
            .filter(invoices::id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .select((
                invoices::id,
                invoices::wallet_id,
                invoices::payment_hash,
                invoices::id,
                invoices::preimage_sealed,
                invoices::bolt11,
                invoices::amount_msat,
                0_i64.into_sql::<BigInt>(),
                invoices::memo,
                invoices::state,
                invoices::webhook,
                invoices::extra,
                invoices::created_at_ms,
                invoices::expires_at_ms,
                invoices::paid_at_ms,
                invoices::external_id,
            ))
            .load(connection)?;
        for row in rows {
            let payment = Payment::try_from(row)?;
            found.insert(payment.invoice, payment);
        }
    }
    Ok(found)
}

/// One side of a payment, by the id of its row.
pub fn find_row(connection: &mut Db, wallet: WalletId, row: PaymentRow) -> Result<Payment, StoreError> {
    let row: Row = payments::table
        .filter(payments::wallet_id.eq(wallet.as_bytes().as_slice()))
        .filter(payments::id.eq(row.as_bytes().as_slice()))
        .select(Row::as_select())
        .first(connection)?;
    let mut payment = [Payment::try_from(row)?];
    add_webhook_statuses(connection, &mut payment)?;
    let [payment] = payment;
    Ok(payment)
}

/// Sides of payments, by wallet and row id, in this order. Takes one query per wallet, because a
/// row can only be found by its id within a wallet. A payment that was pending and has settled since is
/// found by the row that it had then.
pub fn find_sides(connection: &mut Db, sides: &[(WalletId, PaymentRow)]) -> Result<Vec<Payment>, StoreError> {
    let mut rows: HashMap<WalletId, Vec<PaymentRow>> = HashMap::new();
    for (wallet, row) in sides {
        rows.entry(*wallet).or_default().push(*row);
    }
    let mut found = HashMap::with_capacity(sides.len());
    for (wallet, rows) in rows {
        for side in find_rows(connection, wallet, &rows)? {
            found.insert((wallet, side.row), side);
        }
    }
    for (wallet, row) in sides {
        if !found.contains_key(&(*wallet, *row))
            && let Some(settled) = holds::settled_as(connection, row.hold())?
        {
            found.insert((*wallet, *row), find_row(connection, *wallet, settled.into())?);
        }
    }
    let in_order = sides.iter().map(|(wallet, row)| found.remove(&(*wallet, *row)).ok_or(StoreError::NotFound));
    let mut sides: Vec<Payment> = in_order.collect::<Result<_, _>>()?;
    add_webhook_statuses(connection, &mut sides)?;
    Ok(sides)
}

/// A wallet's sides of payments, by row id, in no particular order.
pub fn find_rows(connection: &mut Db, wallet: WalletId, rows: &[PaymentRow]) -> Result<Vec<Payment>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for rows in rows.chunks(CHUNK_IDS) {
        let rows: Vec<Row> = payments::table
            .filter(payments::wallet_id.eq(wallet.as_bytes().as_slice()))
            .filter(payments::id.eq_any(rows.iter().map(|row| row.as_bytes().to_vec()).collect::<Vec<_>>()))
            .select(Row::as_select())
            .load(connection)?;
        for row in rows {
            found.push(Payment::try_from(row)?);
        }
    }
    Ok(found)
}

/// A page of the payments of a wallet or a tenant.
pub fn list(
    connection: &mut Db,
    scope: Scope,
    filter: &PaymentFilter,
    sort: Sort,
    offset: i64,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    let rows: Vec<Row> = match connection {
        // Uses the indexes of both halves of the view by itself.
        Db::Sqlite(_) => {
            let page = sort.apply(filter.apply(scope)).filter(satkeep_in_time()).offset(offset).limit(limit);
            page.select(Row::as_select()).load(connection)?
        }
        // Would sort all of the payments, unless each half is queried for its own part.
        Db::Postgres(_) => {
            let half = || {
                let half = sort.apply_to_half(scope, filter.apply_to_half(scope)).limit(offset.saturating_add(limit));
                // The tag is only used for sorting.
                half.select((Row::as_select(), payments::tag))
            };
            let page = Page { incoming: half(), outgoing: half(), held: half(), sort, offset, limit };
            page.load::<(Row, Option<String>)>(connection)?.into_iter().map(|(row, _)| row).collect()
        }
    };
    let mut page: Vec<Payment> = rows.into_iter().map(Payment::try_from).collect::<Result<_, _>>()?;
    if matches!(scope, Scope::Tenant(_)) {
        cancel_in_deleted(connection, &mut page)?;
    }
    add_webhook_statuses(connection, &mut page)?;
    Ok(page)
}

/// Takes into account that wallets may be deleted: then their open invoices can no longer be paid.
fn cancel_in_deleted(connection: &mut Db, payments: &mut [Payment]) -> Result<(), StoreError> {
    let is_open = |payment: &&mut Payment| payment.state == InvoiceState::Open;
    let wallets: HashSet<_> = payments.iter_mut().filter(is_open).map(|payment| payment.wallet).collect();
    let ids: Vec<_> = wallets.iter().map(|id| id.as_bytes().to_vec()).collect();
    let mut deleted = HashSet::new();
    for ids in ids.chunks(CHUNK_IDS) {
        let closed = accounts::table.filter(accounts::id.eq_any(ids)).filter(accounts::closed_at_ms.is_not_null());
        for id in closed.select(accounts::id).load::<Vec<u8>>(connection)? {
            deleted.insert(WalletId::from_slice(&id)?);
        }
    }
    for payment in payments.iter_mut().filter(is_open).filter(|payment| deleted.contains(&payment.wallet)) {
        payment.state = InvoiceState::Cancelled;
    }
    Ok(())
}

/// The number of payments of a wallet or a tenant that match a filter.
pub fn count(connection: &mut Db, scope: Scope, filter: &PaymentFilter) -> Result<i64, StoreError> {
    Ok(filter.apply(scope).filter(satkeep_in_time()).count().get_result(connection)?)
}
