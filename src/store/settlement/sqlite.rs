//! Settlement statements of SQLite: small ones in a loop, each prepared once. The write
//! lock that `BEGIN IMMEDIATE` took covers everything that is read.

use std::collections::HashMap;

use diesel::SqliteConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use crate::domain::extra::Extra;
use crate::domain::ids::{AccountId, EventId, PaymentHash};
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::state::{
    Account, AccountRow, ClaimRow, Effects, Invoice, InvoiceRow, InvoiceState, PaymentEvent, TransferRow,
};
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;
use crate::store::idempotency::joined_rows;
use crate::store::settlement::expect_rows;
use crate::store::settlement::rows;
use crate::store::settlement::rows::{
    AccountColumns, ClaimColumns, Claims, InvoiceColumns, account_columns, claim_columns, invoice_columns,
};

statement!(
    /// The invoice of a payment hash.
    SelectInvoice on SqliteConnection,
    (payment_hash: &'a [u8] as Binary) ->
    (Binary, Binary, Binary, BigInt, Text, Nullable<Text>, Text, Binary, BigInt, BigInt, Bool),
    concat!("SELECT ", invoice_columns!(), " FROM invoices WHERE payment_hash = ?")
);

statement!(
    /// One account.
    SelectAccount on SqliteConnection,
    (id: &'a [u8] as Binary) -> (
        Binary,
        Text,
        BigInt,
        BigInt,
        BigInt,
        Nullable<BigInt>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        BigInt,
        BigInt,
        Nullable<BigInt>,
    ),
    concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = ?")
);

statement!(
    /// A new invoice, open or paid in the same moment.
    InsertInvoice on SqliteConnection,
    (
        id: &'a [u8] as Binary,
        wallet_id: &'a [u8] as Binary,
        payment_hash: &'a [u8] as Binary,
        preimage_sealed: &'a [u8] as Binary,
        bolt11: Option<&'a str> as Nullable<Text>,
        amount_msat: i64 as BigInt,
        memo: &'a str as Text,
        state: &'a str as Text,
        webhook: Option<&'a str> as Nullable<Text>,
        extra: Option<&'a str> as Nullable<Text>,
        tag: Option<String> as Nullable<Text>,
        created_at_ms: i64 as BigInt,
        expires_at_ms: i64 as BigInt,
        paid_at_ms: Option<i64> as Nullable<BigInt>,
    ) -> (),
    "INSERT INTO invoices (id, wallet_id, payment_hash, preimage_sealed, bolt11, amount_msat, memo, state, webhook, \
     extra, tag, created_at_ms, expires_at_ms, paid_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

statement!(
    /// An open invoice becomes a paid one.
    SettleInvoice on SqliteConnection,
    (paid_at_ms: i64 as BigInt, id: &'a [u8] as Binary) -> (),
    "UPDATE invoices SET state = 'paid', paid_at_ms = ? WHERE id = ? AND state = 'open'"
);

statement!(
    /// A new transfer.
    InsertTransfer on SqliteConnection,
    (
        id: &'a [u8] as Binary,
        invoice_id: &'a [u8] as Binary,
        kind: &'a str as Text,
        debit_account: &'a [u8] as Binary,
        credit_account: &'a [u8] as Binary,
        amount_msat: i64 as BigInt,
        debit_balance_msat: i64 as BigInt,
        credit_balance_msat: i64 as BigInt,
        debit_entry: i64 as BigInt,
        credit_entry: i64 as BigInt,
        extra: Option<&'a str> as Nullable<Text>,
        tag: Option<String> as Nullable<Text>,
        created_at_ms: i64 as BigInt,
        webhook: Option<&'a str> as Nullable<Text>,
    ) -> (),
    "INSERT INTO transfers (id, invoice_id, kind, debit_account, credit_account, amount_msat, debit_balance_msat, \
     credit_balance_msat, debit_entry, credit_entry, extra, tag, created_at_ms, webhook) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

statement!(
    /// The new standing of an account that nobody else has moved meanwhile.
    UpdateAccount on SqliteConnection,
    (
        balance_msat: i64 as BigInt,
        entries: i64 as BigInt,
        spent_day: i64 as BigInt,
        spent_msat: i64 as BigInt,
        id: &'a [u8] as Binary,
        entries_before: i64 as BigInt,
    ) -> (),
    "UPDATE accounts SET balance_msat = ?, entries = ?, spent_day = ?, spent_msat = ? WHERE id = ? AND entries = ?"
);

statement!(
    /// What was done under an idempotency key.
    SelectClaim on SqliteConnection,
    (account_id: &'a [u8] as Binary, key_digest: &'a [u8] as Binary) -> (Binary, Binary, Binary, Nullable<Binary>),
    concat!("SELECT ", claim_columns!(), " FROM idempotency WHERE account_id = ? AND key_digest = ?")
);

statement!(
    /// What is done under an idempotency key.
    InsertClaim on SqliteConnection,
    (
        account_id: &'a [u8] as Binary,
        key_digest: &'a [u8] as Binary,
        request_digest: &'a [u8] as Binary,
        payment_ids: Vec<u8> as Binary,
        created_at_ms: i64 as BigInt,
    ) -> (),
    "INSERT INTO idempotency (account_id, key_digest, request_digest, payment_ids, created_at_ms) \
     VALUES (?, ?, ?, ?, ?)"
);

statement!(
    /// A payment that somebody is to be told of.
    InsertEvent on SqliteConnection,
    (
        id: &'a [u8] as Binary,
        kind: &'a str as Text,
        account_id: &'a [u8] as Binary,
        row_id: &'a [u8] as Binary,
        created_at_ms: i64 as BigInt,
        same_account: &'a [u8] as Binary,
    ) -> (),
    "INSERT INTO events (id, kind, account_id, row_id, created_at_ms, consumer) VALUES (?, ?, ?, ?, ?, COALESCE( \
     (SELECT unhex(hex(u.root_id) || iif(u.id = u.root_id, '00', '01')) \
      FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = ?), \
     x'0000000000000000000000000000000000'))"
);

pub(crate) fn claims(connection: &mut SqliteConnection, read_set: &ReadSet) -> Result<Claims, StoreError> {
    let mut found = Claims::with_capacity(read_set.claims.len());
    for (account, key) in &read_set.claims {
        let select = SelectClaim { account_id: account.as_bytes(), key_digest: key.as_bytes() };
        for row in select.load::<ClaimColumns>(connection)? {
            let (place, claimed) = rows::claim(row)?;
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
            let (id, account) = rows::account(row)?;
            found.insert(id, account);
        }
    }
    Ok(found)
}

pub(crate) fn write(connection: &mut SqliteConnection, effects: &Effects) -> Result<(), StoreError> {
    for row in &effects.invoices {
        insert_invoice(connection, row)?;
    }
    for id in &effects.settled {
        let settled = SettleInvoice { paid_at_ms: effects.at.get(), id: id.as_bytes() }.execute(connection)?;
        expect_rows("invoices to settle", 1, settled)?;
    }
    for row in &effects.transfers {
        insert_transfer(connection, row)?;
    }
    for row in &effects.accounts {
        update_account(connection, row)?;
    }
    for row in &effects.claims {
        insert_claim(connection, row, effects.at)?;
    }
    for event in &effects.events {
        insert_event(connection, event, effects.at)?;
    }
    Ok(())
}

fn insert_invoice(connection: &mut SqliteConnection, row: &InvoiceRow) -> Result<(), StoreError> {
    let InvoiceRow { invoice, paid_at } = row;
    let state = if paid_at.is_some() { InvoiceState::Paid } else { InvoiceState::Open };
    let inserted = InsertInvoice {
        id: invoice.id.as_bytes(),
        wallet_id: invoice.payee.as_bytes(),
        payment_hash: invoice.payment_hash.as_bytes(),
        preimage_sealed: invoice.preimage.as_bytes(),
        bolt11: invoice.bolt11.as_deref(),
        amount_msat: invoice.amount.msat(),
        memo: &invoice.memo,
        state: state.as_str(),
        webhook: invoice.webhook.as_deref(),
        extra: invoice.extra.as_ref().map(Extra::as_str),
        tag: invoice.extra.as_ref().and_then(Extra::tag),
        created_at_ms: invoice.created_at.get(),
        expires_at_ms: invoice.expires_at.get(),
        paid_at_ms: paid_at.map(UnixMs::get),
    }
    .execute(connection)?;
    expect_rows("invoices", 1, inserted)
}

fn insert_transfer(connection: &mut SqliteConnection, row: &TransferRow) -> Result<(), StoreError> {
    let inserted = InsertTransfer {
        id: row.id.as_bytes(),
        invoice_id: row.invoice.as_bytes(),
        kind: row.kind.as_str(),
        debit_account: row.debit_account.as_bytes(),
        credit_account: row.credit_account.as_bytes(),
        amount_msat: row.amount.msat(),
        debit_balance_msat: row.debit_balance.get(),
        credit_balance_msat: row.credit_balance.get(),
        debit_entry: row.debit_entry,
        credit_entry: row.credit_entry,
        extra: row.extra.as_ref().map(Extra::as_str),
        tag: row.extra.as_ref().and_then(Extra::tag),
        created_at_ms: row.created_at.get(),
        webhook: row.webhook.as_deref(),
    }
    .execute(connection)?;
    expect_rows("transfers", 1, inserted)
}

fn update_account(connection: &mut SqliteConnection, row: &AccountRow) -> Result<(), StoreError> {
    let updated = UpdateAccount {
        balance_msat: row.balance.get(),
        entries: row.entries,
        spent_day: row.spent.day,
        spent_msat: row.spent.total.get(),
        id: row.id.as_bytes(),
        entries_before: row.entries_before,
    }
    .execute(connection)?;
    expect_rows("accounts", 1, updated)
}

fn insert_claim(connection: &mut SqliteConnection, row: &ClaimRow, at: UnixMs) -> Result<(), StoreError> {
    let inserted = InsertClaim {
        account_id: row.account.as_bytes(),
        key_digest: row.key.as_bytes(),
        request_digest: row.claimed.request.as_bytes(),
        payment_ids: joined_rows(&row.claimed.payments),
        created_at_ms: at.get(),
    }
    .execute(connection)?;
    expect_rows("idempotency keys", 1, inserted)
}

fn insert_event(connection: &mut SqliteConnection, event: &PaymentEvent, at: UnixMs) -> Result<(), StoreError> {
    let inserted = InsertEvent {
        id: EventId::next().as_bytes(),
        kind: event.kind.as_str(),
        account_id: event.account.as_bytes(),
        row_id: event.row.as_bytes(),
        created_at_ms: at.get(),
        same_account: event.account.as_bytes(),
    }
    .execute(connection)?;
    expect_rows("events", 1, inserted)
}
