//! Expired invoices: found in order of expiry, marked, and reported once. Those that anybody could
//! ask for without a key are deleted, because otherwise anybody could fill the disk with them.
//!
//! A single walk goes over the index of expiry times. Its position is a row that all processes
//! share: whoever locks it continues from there. The walk stays a minute behind, so that it does
//! not miss an invoice that was stored late. It does not decide whether an invoice can be paid: the
//! time of payment does.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::consumer::Consumer;
use crate::domain::ids::{EventId, PaymentRow, UserId};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{EventKind, EventKinds};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, cursors, events, invoices, subscriptions, users, wallets};
use crate::store::payments::counts;
use crate::store::settlement::expect_rows;

/// The name of the walk's position.
const CURSOR: &str = "expiry";
/// How far the walk stays behind: longer than a command may wait to be settled.
const BEHIND_S: i64 = 60;
/// Invoices processed in one transaction.
const PAGE_ROWS: i64 = 500;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    expires_at_ms: i64,
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
}

/// The next expired invoices after the walk's position.
fn page(connection: &mut Db, now: UnixMs, limit: i64) -> Result<Vec<Row>, StoreError> {
    let (at_ms, id): (i64, Vec<u8>) =
        cursors::table.filter(cursors::name.eq(CURSOR)).select((cursors::at_ms, cursors::id)).first(connection)?;
    let query = diesel::sql_query(
        "SELECT expires_at_ms, id FROM invoices WHERE (expires_at_ms, id) > ($1, $2) AND expires_at_ms <= $3
         ORDER BY expires_at_ms, id LIMIT $4",
    )
    .bind::<BigInt, _>(at_ms)
    .bind::<Binary, _>(id)
    .bind::<BigInt, _>(now.plus_seconds(-BEHIND_S).get())
    .bind::<BigInt, _>(limit);
    Ok(match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    })
}

/// Whether the walk has anything to do.
pub fn is_due(connection: &mut Db, now: UnixMs) -> Result<bool, StoreError> {
    Ok(!page(connection, now, 1)?.is_empty())
}

/// Continues the walk over some invoices. Returns whether there may be more.
pub fn sweep_some(connection: &mut Db, now: UnixMs) -> Result<bool, StoreError> {
    // The update locks the row.
    diesel::update(cursors::table.filter(cursors::name.eq(CURSOR)))
        .set(cursors::name.eq(cursors::name))
        .execute(connection)?;
    let rows = page(connection, now, PAGE_ROWS)?;
    let Some(last) = rows.last() else { return Ok(false) };
    diesel::update(cursors::table.filter(cursors::name.eq(CURSOR)))
        .set((cursors::at_ms.eq(last.expires_at_ms), cursors::id.eq(&last.id)))
        .execute(connection)?;
    let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < PAGE_ROWS);
    let open = lock_open(connection, rows.into_iter().map(|row| row.id).collect())?;
    let (keyless, keyed): (Vec<_>, Vec<_>) = open.into_iter().partition(|open| open.is_keyless);
    let mut of_tenants: BTreeMap<Vec<u8>, Vec<PaymentRow>> = BTreeMap::new();
    for Open { id, tenant, .. } in &keyless {
        if let Some(tenant) = tenant {
            of_tenants.entry(tenant.clone()).or_default().push(PaymentRow::from_slice(id)?);
        }
    }
    let keyless: Vec<_> = keyless.into_iter().map(|open| open.id).collect();
    let deleted = diesel::delete(invoices::table.filter(invoices::id.eq_any(&keyless))).execute(connection)?;
    expect_rows("expired invoices to delete", keyless.len(), deleted)?;
    // In one order, so that two walks never wait for each other.
    for (tenant, gone) in of_tenants {
        counts::forget_invoices(connection, &tenant, &gone)?;
    }
    let expired = of_open_wallets(connection, keyed)?;
    diesel::update(invoices::table.filter(invoices::id.eq_any(&expired)))
        .set(invoices::expired_at_ms.eq(now.get()))
        .execute(connection)?;
    tell(connection, expired, now)?;
    Ok(!is_last)
}

/// An invoice that waits to be paid.
struct Open {
    id: Vec<u8>,
    wallet: Vec<u8>,
    tenant: Option<Vec<u8>>,
    /// Whether it was issued without a key, for a pay link or a refund, and does not stand at the node, where it may
    /// have been paid in time.
    is_keyless: bool,
}

/// An id, a wallet, a tenant, and whether it was issued without a key.
type OpenColumns = (Vec<u8>, Vec<u8>, Option<Vec<u8>>, bool);

/// Those of the invoices that wait to be paid, locked in the order in which everybody locks invoices.
fn lock_open(connection: &mut Db, ids: Vec<Vec<u8>>) -> Result<Vec<Open>, StoreError> {
    let open = invoices::table
        .filter(invoices::id.eq_any(ids))
        .filter(invoices::state.eq("open"))
        .filter(invoices::expired_at_ms.is_null())
        .order(invoices::payment_hash)
        .select((
            invoices::id,
            invoices::wallet_id,
            invoices::tenant,
            invoices::origin.is_not_null().and(invoices::at_node.is_null()),
        ));
    let locked: Vec<OpenColumns> = match connection {
        // The transaction holds the only write lock.
        Db::Sqlite(c) => open.load(c)?,
        Db::Postgres(c) => open.for_no_key_update().load(c)?,
    };
    Ok(locked.into_iter().map(|(id, wallet, tenant, is_keyless)| Open { id, wallet, tenant, is_keyless }).collect())
}

/// Those of the invoices whose wallets exist.
fn of_open_wallets(connection: &mut Db, invoices: Vec<Open>) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut wallets: Vec<_> = invoices.iter().map(|invoice| invoice.wallet.clone()).collect();
    wallets.sort_unstable();
    wallets.dedup();
    let here: Vec<Vec<u8>> = accounts::table
        .filter(accounts::id.eq_any(wallets))
        .filter(accounts::closed_at_ms.is_null())
        .select(accounts::id)
        .load(connection)?;
    Ok(invoices.into_iter().filter(|invoice| here.contains(&invoice.wallet)).map(|invoice| invoice.id).collect())
}

/// An invoice, its wallet, the wallet's root manager and user, and the events subscribed to.
type Asked = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, i64);

/// Writes events for expired invoices, where anybody subscribes to them. Those issued without a key
/// cause none: they are deleted.
fn tell(connection: &mut Db, expired: Vec<Vec<u8>>, now: UnixMs) -> Result<(), StoreError> {
    let asked: Vec<Asked> = invoices::table
        .inner_join(accounts::table.on(accounts::id.eq(invoices::wallet_id)))
        .inner_join(subscriptions::table.on(accounts::tenant.eq(subscriptions::manager_id.nullable())))
        .inner_join(wallets::table.on(wallets::id.eq(invoices::wallet_id)))
        .inner_join(users::table.on(users::id.eq(wallets::user_id)))
        .filter(invoices::id.eq_any(expired))
        .order((invoices::expires_at_ms, invoices::id))
        .select((invoices::id, invoices::wallet_id, users::root_id, users::id, subscriptions::kinds))
        .load(connection)?;
    for (invoice, wallet, root, user, kinds) in asked {
        if !EventKinds::from_stored(kinds).contains(EventKind::InvoiceExpired) {
            continue;
        }
        let consumer = Consumer::of(UserId::from_slice(&root)?, UserId::from_slice(&user)?);
        diesel::insert_into(events::table)
            .values((
                events::id.eq(EventId::next().as_bytes().as_slice()),
                events::kind.eq(EventKind::InvoiceExpired.as_str()),
                events::account_id.eq(wallet),
                events::row_id.eq(invoice),
                events::created_at_ms.eq(now.get()),
                events::consumer.eq(consumer.to_bytes().as_slice()),
            ))
            .execute(connection)?;
    }
    Ok(())
}
