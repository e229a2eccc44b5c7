//! Settlement statements for SQLite: small ones in a loop, each prepared once. The write lock taken
//! by `BEGIN IMMEDIATE` covers everything that is read.

use std::collections::HashMap;

use diesel::SqliteConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::ids::{AccountId, PaymentHash};
use crate::ledger::batch::ReadSet;
use crate::ledger::state::{Account, Effects, Invoice};
use crate::store::db::columns::Columns;
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;
use crate::store::settlement::expect_rows;
use crate::store::settlement::rows;
use crate::store::settlement::rows::{
    AccountColumns, AccountTypes, ClaimColumns, ClaimTypes, Claims, InvoiceColumns, InvoiceTypes, account_columns,
    claim_columns, invoice_columns,
};
use crate::store::settlement::written::{
    OneAccount, OneClaim, OneEvent, OneInvoice, OneTransfer, claim_marks, claim_names, event_marks, event_names,
    invoice_marks, invoice_names, transfer_marks, transfer_names,
};

statement!(
    /// The invoice with a payment hash.
    SelectInvoice on SqliteConnection,
    (payment_hash: &'a [u8] as Binary) -> InvoiceTypes,
    concat!("SELECT ", invoice_columns!(), " FROM invoices WHERE payment_hash = ?")
);

statement!(
    /// One account.
    SelectAccount on SqliteConnection,
    (id: &'a [u8] as Binary) -> AccountTypes,
    concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = ?")
);

statement!(
    /// What was done under an idempotency key.
    SelectClaim on SqliteConnection,
    (account_id: &'a [u8] as Binary, key_digest: &'a [u8] as Binary) -> ClaimTypes,
    concat!("SELECT ", claim_columns!(), " FROM idempotency WHERE account_id = ? AND key_digest = ?")
);

statement!(
    /// A new invoice.
    InsertInvoice on SqliteConnection,
    (row: OneInvoice<'a> as Columns) -> (),
    concat!("INSERT INTO invoices (", invoice_names!(), ") VALUES (", invoice_marks!(), ")")
);

statement!(
    /// Marks an open invoice as paid.
    SettleInvoice on SqliteConnection,
    (paid_at_ms: i64 as BigInt, id: &'a [u8] as Binary) -> (),
    "UPDATE invoices SET state = 'paid', paid_at_ms = ?, open_origin = NULL WHERE id = ? AND state = 'open'"
);

statement!(
    /// A new transfer.
    InsertTransfer on SqliteConnection,
    (created_at_ms: i64 as BigInt, row: OneTransfer<'a> as Columns) -> (),
    concat!("INSERT INTO transfers (created_at_ms, ", transfer_names!(), ") VALUES (?, ", transfer_marks!(), ")")
);

statement!(
    /// The new state of an account, unless it has changed since it was read.
    UpdateAccount on SqliteConnection,
    (moved_at_ms: i64 as BigInt, row: OneAccount<'a> as Columns) -> (),
    "UPDATE accounts SET moved_at_ms = ?, balance_msat = ?, entries = ?, spent_day = ?, spent_msat = ? WHERE id = ? AND entries = ?"
);

statement!(
    /// What is done under an idempotency key.
    InsertClaim on SqliteConnection,
    (created_at_ms: i64 as BigInt, row: OneClaim<'a> as Columns) -> (),
    concat!("INSERT INTO idempotency (created_at_ms, ", claim_names!(), ") VALUES (?, ", claim_marks!(), ")")
);

statement!(
    /// A payment that somebody is to be notified of.
    InsertEvent on SqliteConnection,
    (created_at_ms: i64 as BigInt, row: OneEvent<'a> as Columns, same_account: &'a [u8] as Binary) -> (),
    concat!(
        "INSERT INTO events (created_at_ms, ", event_names!(), ", consumer) VALUES (?, ", event_marks!(), ", COALESCE( \
         (SELECT unhex(hex(u.root_id) || iif(u.id = u.root_id, '00', '01')) \
          FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = ?), \
         x'0000000000000000000000000000000000'))"
    )
);

pub(crate) fn claims(connection: &mut SqliteConnection, read_set: &ReadSet) -> Result<Claims, StoreError> {
    let mut found = Claims::with_capacity(read_set.claims.len());
    for (account, key) in &read_set.claims {
        let select = SelectClaim { account_id: account.as_bytes(), key_digest: key.as_bytes() };
        for row in select.load::<ClaimColumns>(connection)? {
            let (place, claimed) = rows::claim(&row)?;
            found.insert(place, claimed);
        }
    }
    Ok(found)
}

pub(crate) fn invoices(
    connection: &mut SqliteConnection,
    read_set: &ReadSet,
) -> Result<HashMap<PaymentHash, Invoice>, StoreError> {
    let mut found = HashMap::with_capacity(read_set.invoices.len());
    for hash in &read_set.invoices {
        let rows: Vec<InvoiceColumns> = SelectInvoice { payment_hash: hash.as_bytes() }.load(connection)?;
        for row in rows {
            let (hash, invoice) = rows::invoice(row)?;
            found.insert(hash, invoice);
        }
    }
    Ok(found)
}

pub(crate) fn accounts(
    connection: &mut SqliteConnection,
    read_set: &ReadSet,
) -> Result<HashMap<AccountId, Account>, StoreError> {
    let mut found = HashMap::with_capacity(read_set.accounts.len());
    for id in read_set.accounts.iter().chain(&read_set.readers) {
        let rows: Vec<AccountColumns> = SelectAccount { id: id.as_bytes() }.load(connection)?;
        for row in rows {
            let (id, account) = rows::account(&row)?;
            found.insert(id, account);
        }
    }
    Ok(found)
}

pub(crate) fn write(connection: &mut SqliteConnection, effects: &Effects) -> Result<(), StoreError> {
    for row in &effects.invoices {
        let inserted = InsertInvoice { row: OneInvoice::of(row) }.execute(connection)?;
        expect_rows("invoices", 1, inserted)?;
    }
    let at = effects.at.get();
    for id in &effects.settled {
        let settled = SettleInvoice { paid_at_ms: at, id: id.as_bytes() }.execute(connection)?;
        expect_rows("invoices to settle", 1, settled)?;
    }
    for row in &effects.transfers {
        let inserted = InsertTransfer { created_at_ms: at, row: OneTransfer::of(row) }.execute(connection)?;
        expect_rows("transfers", 1, inserted)?;
    }
    for row in &effects.accounts {
        let updated = UpdateAccount { moved_at_ms: at, row: OneAccount::of(row) }.execute(connection)?;
        expect_rows("accounts", 1, updated)?;
    }
    for row in &effects.claims {
        let inserted = InsertClaim { created_at_ms: at, row: OneClaim::of(row) }.execute(connection)?;
        expect_rows("idempotency keys", 1, inserted)?;
    }
    for row in &effects.events {
        let same_account = row.account.as_bytes().as_slice();
        let inserted = InsertEvent { created_at_ms: at, row: OneEvent::of(row), same_account }.execute(connection)?;
        expect_rows("events", 1, inserted)?;
    }
    Ok(())
}
