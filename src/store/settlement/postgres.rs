//! Settlement statements of PostgreSQL: one round trip a step, whatever the size of the
//! batch. Values travel as arrays, which `unnest` turns into rows.
//!
//! Rows are locked with `FOR NO KEY UPDATE`: as strong against other settlers as
//! `FOR UPDATE`, but it lets the foreign keys of rows that others insert (which take a key
//! share lock on accounts) pass, which would otherwise be a lock outside of the order.

use std::collections::HashMap;

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};

use crate::domain::extra::Extra;
use crate::domain::ids::{AccountId, EventId, PaymentHash};
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::state::{Account, Effects, Invoice, InvoiceState};
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;
use crate::store::settlement::expect_rows;
use crate::store::settlement::rows;
use crate::store::settlement::rows::{
    AccountColumns, ClaimColumns, Claims, InvoiceColumns, account_columns, claim_columns, invoice_columns,
};

statement!(
    /// The invoices of payment hashes, locked in the order of the hashes.
    LockInvoices on PgConnection,
    (hashes: Vec<&'a [u8]> as Array<Binary>) ->
    (Binary, Binary, Binary, BigInt, Text, Nullable<Text>, Text, Binary, BigInt, BigInt, Bool),
    concat!("SELECT ", invoice_columns!(), " FROM invoices WHERE payment_hash = ANY(?) ORDER BY payment_hash FOR NO KEY UPDATE")
);

statement!(
    /// Accounts, locked in the order of their ids.
    LockAccounts on PgConnection,
    (ids: Vec<&'a [u8]> as Array<Binary>) -> (
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
    concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = ANY(?) ORDER BY id FOR NO KEY UPDATE")
);

statement!(
    /// Accounts that only authorize.
    ReadAccounts on PgConnection,
    (ids: Vec<&'a [u8]> as Array<Binary>) -> (
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
    concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = ANY(?)")
);

statement!(
    /// What was done under idempotency keys.
    ReadClaims on PgConnection,
    (accounts: Vec<&'a [u8]> as Array<Binary>, keys: Vec<&'a [u8]> as Array<Binary>) ->
    (Binary, Binary, Binary, Nullable<Binary>),
    concat!(
        "SELECT ", claim_columns!(), " FROM idempotency
         WHERE (account_id, key_digest) IN (SELECT * FROM unnest(?, ?))"
    )
);

statement!(
    /// Everything that a batch writes, in one statement; answers how many rows of each kind
    /// were written, and the number of the transaction.
    WriteBatch on PgConnection,
    (
        invoice_ids: Vec<&'a [u8]> as Array<Binary>,
        invoice_wallets: Vec<&'a [u8]> as Array<Binary>,
        invoice_hashes: Vec<&'a [u8]> as Array<Binary>,
        invoice_preimages: Vec<&'a [u8]> as Array<Binary>,
        invoice_bolt11s: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        invoice_amounts: Vec<i64> as Array<BigInt>,
        invoice_memos: Vec<&'a str> as Array<Text>,
        invoice_states: Vec<&'a str> as Array<Text>,
        invoice_webhooks: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        invoice_extras: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        invoice_tags: Vec<Option<String>> as Array<Nullable<Text>>,
        invoice_created: Vec<i64> as Array<BigInt>,
        invoice_expires: Vec<i64> as Array<BigInt>,
        invoice_paid: Vec<Option<i64>> as Array<Nullable<BigInt>>,
        settled_at: i64 as BigInt,
        settled_ids: Vec<&'a [u8]> as Array<Binary>,
        transfer_at: i64 as BigInt,
        transfer_ids: Vec<&'a [u8]> as Array<Binary>,
        transfer_invoices: Vec<&'a [u8]> as Array<Binary>,
        transfer_kinds: Vec<&'a str> as Array<Text>,
        transfer_debits: Vec<&'a [u8]> as Array<Binary>,
        transfer_credits: Vec<&'a [u8]> as Array<Binary>,
        transfer_amounts: Vec<i64> as Array<BigInt>,
        transfer_debit_balances: Vec<i64> as Array<BigInt>,
        transfer_credit_balances: Vec<i64> as Array<BigInt>,
        transfer_debit_entries: Vec<i64> as Array<BigInt>,
        transfer_credit_entries: Vec<i64> as Array<BigInt>,
        transfer_extras: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        transfer_tags: Vec<Option<String>> as Array<Nullable<Text>>,
        transfer_webhooks: Vec<Option<&'a str>> as Array<Nullable<Text>>,
        account_ids: Vec<&'a [u8]> as Array<Binary>,
        account_balances: Vec<i64> as Array<BigInt>,
        account_entries: Vec<i64> as Array<BigInt>,
        account_spent_days: Vec<i64> as Array<BigInt>,
        account_spent: Vec<i64> as Array<BigInt>,
        account_entries_before: Vec<i64> as Array<BigInt>,
        claimed_at: i64 as BigInt,
        claim_accounts: Vec<&'a [u8]> as Array<Binary>,
        claim_keys: Vec<&'a [u8]> as Array<Binary>,
        claim_requests: Vec<&'a [u8]> as Array<Binary>,
        claim_payments: Vec<Vec<u8>> as Array<Binary>,
    ) -> (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
    "WITH issued AS (
        INSERT INTO invoices (id, wallet_id, payment_hash, preimage_sealed, bolt11, amount_msat, memo, state, webhook,
            extra, tag, created_at_ms, expires_at_ms, paid_at_ms)
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        RETURNING 1
    ), settled AS (
        UPDATE invoices SET state = 'paid', paid_at_ms = ? WHERE id = ANY(?) AND state = 'open'
        RETURNING 1
    ), moved AS (
        INSERT INTO transfers (created_at_ms, id, invoice_id, kind, debit_account, credit_account, amount_msat,
            debit_balance_msat, credit_balance_msat, debit_entry, credit_entry, extra, tag,
            webhook)
        SELECT ?, t.* FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS t
        RETURNING 1
    ), balanced AS (
        UPDATE accounts AS a SET balance_msat = n.balance_msat, entries = n.entries, spent_day = n.spent_day,
            spent_msat = n.spent_msat
        FROM unnest(?, ?, ?, ?, ?, ?) AS n (id, balance_msat, entries, spent_day, spent_msat, entries_before)
        WHERE a.id = n.id AND a.entries = n.entries_before
        RETURNING 1
    ), claimed AS (
        INSERT INTO idempotency (created_at_ms, account_id, key_digest, request_digest, payment_ids)
        SELECT ?, c.* FROM unnest(?, ?, ?, ?) AS c
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM issued), (SELECT count(*) FROM settled), (SELECT count(*) FROM moved),
        (SELECT count(*) FROM balanced), (SELECT count(*) FROM claimed),
        pg_current_xact_id()::text::bigint"
);

statement!(
    /// Writes the events of a batch, each charged to the user whose wallet it is about. Apart from
    /// the rest, which costs every batch more by as much as there is in its plan, whether or not
    /// anybody is told.
    WriteEvents on PgConnection,
    (
        at: i64 as BigInt,
        ids: Vec<Vec<u8>> as Array<Binary>,
        kinds: Vec<&'a str> as Array<Text>,
        accounts: Vec<&'a [u8]> as Array<Binary>,
        rows: Vec<&'a [u8]> as Array<Binary>,
    ) -> (BigInt),
    "WITH told AS (
        INSERT INTO events (created_at_ms, id, kind, account_id, row_id, consumer)
        SELECT ?, e.*, COALESCE(
            (SELECT u.root_id || CASE WHEN u.id = u.root_id THEN '\\x00'::BYTEA ELSE '\\x01'::BYTEA END
             FROM wallets AS w INNER JOIN users AS u ON u.id = w.user_id WHERE w.id = e.account_id),
            '\\x0000000000000000000000000000000000'::BYTEA)
        FROM unnest(?, ?, ?, ?) AS e (id, kind, account_id, row_id)
        RETURNING 1
    )
    SELECT count(*) FROM told"
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
    rows.into_iter().map(rows::account).collect()
}

/// After the accounts are locked, so that what another batch has claimed for one of them is
/// seen.
pub(crate) fn claims(connection: &mut PgConnection, read_set: &ReadSet) -> Result<Claims, StoreError> {
    if read_set.claims.is_empty() {
        return Ok(Claims::new());
    }
    let (accounts, keys) =
        read_set.claims.iter().map(|(account, key)| (account.as_bytes().as_slice(), key.as_bytes().as_slice())).unzip();
    let rows: Vec<ClaimColumns> = ReadClaims { accounts, keys }.load(connection)?;
    rows.into_iter().map(rows::claim).collect()
}

/// Writes a batch, and answers the number of its transaction.
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
    let issued = || invoices.iter().map(|row| &row.invoice);
    WriteBatch {
        invoice_ids: issued().map(|i| i.id.as_bytes().as_slice()).collect(),
        invoice_wallets: issued().map(|i| i.payee.as_bytes().as_slice()).collect(),
        invoice_hashes: issued().map(|i| i.payment_hash.as_bytes().as_slice()).collect(),
        invoice_preimages: issued().map(|i| i.preimage.as_bytes()).collect(),
        invoice_bolt11s: issued().map(|i| i.bolt11.as_deref()).collect(),
        invoice_amounts: issued().map(|i| i.amount.msat()).collect(),
        invoice_memos: issued().map(|i| i.memo.as_str()).collect(),
        invoice_states: invoices
            .iter()
            .map(|row| if row.paid_at.is_some() { InvoiceState::Paid } else { InvoiceState::Open })
            .map(InvoiceState::as_str)
            .collect(),
        invoice_webhooks: issued().map(|i| i.webhook.as_deref()).collect(),
        invoice_extras: issued().map(|i| i.extra.as_ref().map(Extra::as_str)).collect(),
        invoice_tags: issued().map(|i| i.extra.as_ref().and_then(Extra::tag)).collect(),
        invoice_created: issued().map(|i| i.created_at.get()).collect(),
        invoice_expires: issued().map(|i| i.expires_at.get()).collect(),
        invoice_paid: invoices.iter().map(|row| row.paid_at.map(UnixMs::get)).collect(),
        settled_at: at.get(),
        settled_ids: settled.iter().map(|id| id.as_bytes().as_slice()).collect(),
        transfer_at: at.get(),
        transfer_ids: transfers.iter().map(|t| t.id.as_bytes().as_slice()).collect(),
        transfer_invoices: transfers.iter().map(|t| t.invoice.as_bytes().as_slice()).collect(),
        transfer_kinds: transfers.iter().map(|t| t.kind.as_str()).collect(),
        transfer_debits: transfers.iter().map(|t| t.debit_account.as_bytes().as_slice()).collect(),
        transfer_credits: transfers.iter().map(|t| t.credit_account.as_bytes().as_slice()).collect(),
        transfer_amounts: transfers.iter().map(|t| t.amount.msat()).collect(),
        transfer_debit_balances: transfers.iter().map(|t| t.debit_balance.get()).collect(),
        transfer_credit_balances: transfers.iter().map(|t| t.credit_balance.get()).collect(),
        transfer_debit_entries: transfers.iter().map(|t| t.debit_entry).collect(),
        transfer_credit_entries: transfers.iter().map(|t| t.credit_entry).collect(),
        transfer_extras: transfers.iter().map(|t| t.extra.as_ref().map(Extra::as_str)).collect(),
        transfer_tags: transfers.iter().map(|t| t.extra.as_ref().and_then(Extra::tag)).collect(),
        transfer_webhooks: transfers.iter().map(|t| t.webhook.as_deref()).collect(),
        account_ids: accounts.iter().map(|a| a.id.as_bytes().as_slice()).collect(),
        account_balances: accounts.iter().map(|a| a.balance.get()).collect(),
        account_entries: accounts.iter().map(|a| a.entries).collect(),
        account_spent_days: accounts.iter().map(|a| a.spent.day).collect(),
        account_spent: accounts.iter().map(|a| a.spent.total.get()).collect(),
        account_entries_before: accounts.iter().map(|a| a.entries_before).collect(),
        claimed_at: at.get(),
        claim_accounts: claims.iter().map(|c| c.account.as_bytes().as_slice()).collect(),
        claim_keys: claims.iter().map(|c| c.key.as_bytes().as_slice()).collect(),
        claim_requests: claims.iter().map(|c| c.claimed.request.as_bytes().as_slice()).collect(),
        claim_payments: claims.iter().map(|c| c.claimed.payments.concat()).collect(),
    }
}

fn write_events(connection: &mut PgConnection, effects: &Effects) -> Result<i64, StoreError> {
    let events = &effects.events;
    if events.is_empty() {
        return Ok(0);
    }
    let write = WriteEvents {
        at: effects.at.get(),
        ids: events.iter().map(|_| EventId::next().as_bytes().to_vec()).collect(),
        kinds: events.iter().map(|e| e.kind.as_str()).collect(),
        accounts: events.iter().map(|e| e.account.as_bytes().as_slice()).collect(),
        rows: events.iter().map(|e| e.row.as_slice()).collect(),
    };
    let (told,): (i64,) = write.get_result(connection)?;
    Ok(told)
}

/// Whether a transaction is still under way. A number that this server has not come to (after
/// a failover it may not have) is nothing to wait for. How far it has come only a number of
/// one's own tells: to a snapshot the newest transaction that is under way is one to come.
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
