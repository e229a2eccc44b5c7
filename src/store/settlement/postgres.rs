//! Settlement statements for PostgreSQL: one round trip per step, whatever the size of the batch.
//! Values are sent as arrays, which `unnest` turns into rows.
//!
//! Rows are locked with `FOR NO KEY UPDATE`: as strong against other settlers as `FOR UPDATE`, but
//! it does not conflict with the foreign keys of rows that others insert. These take a key share
//! lock on accounts, which would otherwise violate the lock order.

use std::collections::HashMap;

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Text};

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
    ManyAccounts, ManyClaims, ManyEvents, ManyInvoices, ManyTransfers, account_marks, account_names, claim_marks,
    claim_names, event_marks, event_names, invoice_marks, invoice_names, transfer_marks, transfer_names,
};

statement!(
    /// The invoices with these payment hashes, locked in hash order.
    LockInvoices on PgConnection,
    (hashes: Vec<&'a [u8]> as Array<Binary>) -> InvoiceTypes,
    concat!("SELECT ", invoice_columns!(), " FROM invoices WHERE payment_hash = ANY(?) ORDER BY payment_hash FOR NO KEY UPDATE")
);

statement!(
    /// Accounts, locked in id order.
    LockAccounts on PgConnection,
    (ids: Vec<&'a [u8]> as Array<Binary>) -> AccountTypes,
    concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = ANY(?) ORDER BY id FOR NO KEY UPDATE")
);

statement!(
    /// Accounts that only authorize.
    ReadAccounts on PgConnection,
    (ids: Vec<&'a [u8]> as Array<Binary>) -> AccountTypes,
    concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = ANY(?)")
);

statement!(
    /// What was done under idempotency keys.
    ReadClaims on PgConnection,
    (accounts: Vec<&'a [u8]> as Array<Binary>, keys: Vec<&'a [u8]> as Array<Binary>) -> ClaimTypes,
    concat!(
        "SELECT ", claim_columns!(), " FROM idempotency
         WHERE (account_id, key_digest) IN (SELECT * FROM unnest(?, ?))"
    )
);

statement!(
    /// Everything that a batch writes, in one statement. Returns the number of rows of each kind,
    /// and the transaction id.
    WriteBatch on PgConnection,
    (
        invoices: ManyInvoices<'a> as Columns,
        settled_at: i64 as BigInt,
        settled_ids: Vec<&'a [u8]> as Array<Binary>,
        moved_at: i64 as BigInt,
        transfers: ManyTransfers<'a> as Columns,
        balanced_at: i64 as BigInt,
        accounts: ManyAccounts<'a> as Columns,
        claimed_at: i64 as BigInt,
        claims: ManyClaims<'a> as Columns,
    ) -> (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
    concat!(
        "WITH issued AS (
            INSERT INTO invoices (", invoice_names!(), ") SELECT * FROM unnest(", invoice_marks!(), ")
            RETURNING 1
        ), settled AS (
            UPDATE invoices SET state = 'paid', paid_at_ms = ?, open_origin = NULL WHERE id = ANY(?) AND state = 'open'
            RETURNING 1
        ), moved AS (
            INSERT INTO transfers (created_at_ms, ", transfer_names!(), ")
            SELECT ?, t.* FROM unnest(", transfer_marks!(), ") AS t
            RETURNING 1
        ), balanced AS (
            UPDATE accounts AS a SET moved_at_ms = ?, balance_msat = n.balance_msat, entries = n.entries, spent_day = n.spent_day,
                spent_msat = n.spent_msat
            FROM unnest(", account_marks!(), ") AS n (", account_names!(), ")
            WHERE a.id = n.id AND a.entries = n.entries_before
            RETURNING 1
        ), claimed AS (
            INSERT INTO idempotency (created_at_ms, ", claim_names!(), ")
            SELECT ?, c.* FROM unnest(", claim_marks!(), ") AS c
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM issued), (SELECT count(*) FROM settled), (SELECT count(*) FROM moved),
            (SELECT count(*) FROM balanced), (SELECT count(*) FROM claimed),
            pg_current_xact_id()::text::bigint"
    )
);

statement!(
    /// Writes the events of a batch, each charged to the user whose wallet it is about. Separate
    /// from the rest, because every part of a statement's plan costs every batch, whether or not
    /// there are events.
    WriteEvents on PgConnection,
    (at: i64 as BigInt, events: ManyEvents<'a> as Columns) -> (BigInt),
    concat!(
        "WITH told AS (
            INSERT INTO events (created_at_ms, ", event_names!(), ", consumer)
            SELECT ?, e.*, COALESCE(
                (SELECT u.root_id || CASE WHEN u.id = u.root_id THEN '\\x00'::BYTEA ELSE '\\x01'::BYTEA END
                 FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = e.account_id),
                '\\x0000000000000000000000000000000000'::BYTEA)
            FROM unnest(", event_marks!(), ") AS e (", event_names!(), ")
            RETURNING 1
        )
        SELECT count(*) FROM told"
    )
);

pub(crate) fn lock_invoices(
    connection: &mut PgConnection,
    read_set: &ReadSet,
) -> Result<HashMap<PaymentHash, Invoice>, StoreError> {
    if read_set.invoices.is_empty() {
        return Ok(HashMap::new());
    }
    let hashes = read_set.invoices.iter().map(|hash| hash.as_bytes().as_slice()).collect();
    let rows: Vec<InvoiceColumns> = LockInvoices { hashes }.load(connection)?;
    rows.into_iter().map(rows::invoice).collect()
}

pub(crate) fn lock_accounts(
    connection: &mut PgConnection,
    read_set: &ReadSet,
) -> Result<HashMap<AccountId, Account>, StoreError> {
    let mut rows: Vec<AccountColumns> = Vec::new();
    if !read_set.accounts.is_empty() {
        let ids = read_set.accounts.iter().map(|id| id.as_bytes().as_slice()).collect();
        rows = LockAccounts { ids }.load(connection)?;
    }
    if !read_set.readers.is_empty() {
        let ids = read_set.readers.iter().map(|id| id.as_bytes().as_slice()).collect();
        rows.extend(ReadAccounts { ids }.load::<AccountColumns>(connection)?);
    }
    rows.iter().map(rows::account).collect()
}

/// Read after the accounts are locked, so that claims by another batch are visible.
pub(crate) fn claims(connection: &mut PgConnection, read_set: &ReadSet) -> Result<Claims, StoreError> {
    if read_set.claims.is_empty() {
        return Ok(Claims::new());
    }
    let (accounts, keys) =
        read_set.claims.iter().map(|(account, key)| (account.as_bytes().as_slice(), key.as_bytes().as_slice())).unzip();
    let rows: Vec<ClaimColumns> = ReadClaims { accounts, keys }.load(connection)?;
    rows.iter().map(rows::claim).collect()
}

/// Writes a batch. Returns its transaction id.
pub(crate) fn write(connection: &mut PgConnection, effects: &Effects) -> Result<i64, StoreError> {
    let (issued, settled, moved, balanced, claimed, transaction): (i64, i64, i64, i64, i64, i64) =
        batch_of(effects).get_result(connection)?;
    let told = write_events(connection, effects)?;
    for (what, expected, written) in [
        ("invoices", effects.invoices.len(), issued),
        ("invoices to settle", effects.settled.len(), settled),
        ("transfers", effects.transfers.len(), moved),
        ("accounts", effects.accounts.len(), balanced),
        ("idempotency keys", effects.claims.len(), claimed),
        ("events", effects.events.len(), told),
    ] {
        expect_rows(what, expected, usize::try_from(written).unwrap_or_default())?;
    }
    Ok(transaction)
}

fn batch_of(effects: &Effects) -> WriteBatch<'_> {
    let Effects { invoices, settled, transfers, accounts, claims, at, .. } = effects;
    WriteBatch {
        invoices: ManyInvoices::of(invoices),
        settled_at: at.get(),
        settled_ids: settled.iter().map(|id| id.as_bytes().as_slice()).collect(),
        moved_at: at.get(),
        transfers: ManyTransfers::of(transfers),
        balanced_at: at.get(),
        accounts: ManyAccounts::of(accounts),
        claimed_at: at.get(),
        claims: ManyClaims::of(claims),
    }
}

fn write_events(connection: &mut PgConnection, effects: &Effects) -> Result<i64, StoreError> {
    if effects.events.is_empty() {
        return Ok(0);
    }
    let write = WriteEvents { at: effects.at.get(), events: ManyEvents::of(&effects.events) };
    let (told,): (i64,) = write.get_result(connection)?;
    Ok(told)
}

/// Whether a transaction is still in progress. If this server has not reached the id (which can
/// happen after a failover), there is nothing to wait for. Only a transaction id of our own shows
/// how far the server is: to a snapshot, the newest transaction in progress looks like a future
/// one.
pub(crate) fn is_in_progress(connection: &mut PgConnection, number: i64) -> Result<bool, StoreError> {
    let known = format!("'{number}'::xid8 < pg_current_xact_id()");
    let known: bool = diesel::select(diesel::dsl::sql::<Bool>(&known)).get_result(connection)?;
    if !known {
        return Ok(false);
    }
    let status = format!("COALESCE(pg_xact_status('{number}'::xid8), '')");
    let status: String = diesel::select(diesel::dsl::sql::<Text>(&status)).get_result(connection)?;
    Ok(status == "in progress")
}
