//! The Lightning node, as the database knows it: up to where its receipts were read, who reads them, and the
//! invoices that stand at it.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::ids::{AccountId, InvoiceId, OriginId, OwnerId, PaymentHash};
use crate::domain::money::Msat;
use crate::domain::send::NodeName;
use crate::domain::time::UnixMs;
use crate::ledger::state::{AtNode, InvoiceState};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, invoices, nodes, receipts};
use crate::store::payments::counts;
use crate::store::wallets::CHUNK_IDS;

/// An invoice that stands at the node.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    /// Its id.
    pub id: InvoiceId,
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// The time from which it can no longer be paid.
    pub expires_at: UnixMs,
}

/// An id, a payment hash, and the end.
type WatchedColumns = (Vec<u8>, Vec<u8>, i64);

/// Makes sure that a node is known. Returns whether it was not.
pub fn meet(connection: &mut Db, node: &NodeName, now: UnixMs) -> Result<bool, StoreError> {
    let known: i64 = nodes::table.filter(nodes::id.eq(node.as_str())).count().get_result(connection)?;
    if known > 0 {
        return Ok(false);
    }
    diesel::insert_into(nodes::table)
        .values((nodes::id.eq(node.as_str()), nodes::cursor_place.eq(0_i64), nodes::first_seen_at_ms.eq(now.get())))
        .execute(connection)?;
    Ok(true)
}

/// The nodes that were ever connected.
pub fn known(connection: &mut Db) -> Result<Vec<NodeName>, StoreError> {
    let ids: Vec<String> = nodes::table.order(nodes::first_seen_at_ms).select(nodes::id).load(connection)?;
    Ok(ids.into_iter().map(NodeName::new).collect())
}

/// Makes this process the one that reads what the node has received, until a time; `None` while another one
/// does. Returns up to where it was read. Two that read at once would do no harm: what has arrived is booked
/// once.
pub fn lead(
    connection: &mut Db,
    node: &NodeName,
    worker: OwnerId,
    now: UnixMs,
    until: UnixMs,
) -> Result<Option<i64>, StoreError> {
    let me = worker.as_bytes().as_slice();
    let mine_or_free = nodes::table.filter(nodes::id.eq(node.as_str())).filter(
        nodes::leads_until_ms.le(now.get()).or(nodes::leader.is_not_null().and(nodes::leader.assume_not_null().eq(me))),
    );
    let leads = diesel::update(mine_or_free)
        .set((nodes::leader.eq(me), nodes::leads_until_ms.eq(until.get())))
        .execute(connection)?;
    if leads == 0 {
        return Ok(None);
    }
    Ok(Some(nodes::table.filter(nodes::id.eq(node.as_str())).select(nodes::cursor_place).first(connection)?))
}

/// Lets another process read at once what the nodes have received, where this one does.
pub fn stop_leading(connection: &mut Db, worker: OwnerId) -> Result<(), StoreError> {
    let mine = nodes::leader.is_not_null().and(nodes::leader.assume_not_null().eq(worker.as_bytes().as_slice()));
    diesel::update(nodes::table.filter(mine)).set(nodes::leads_until_ms.eq(0_i64)).execute(connection)?;
    Ok(())
}

/// Notes up to where the node's receipts are booked. Never goes back.
pub fn advance(connection: &mut Db, node: &NodeName, cursor: i64) -> Result<(), StoreError> {
    diesel::update(nodes::table.filter(nodes::id.eq(node.as_str())).filter(nodes::cursor_place.lt(cursor)))
        .set(nodes::cursor_place.eq(cursor))
        .execute(connection)?;
    Ok(())
}

/// Invoices that stand at the node, in order of their end, after one of them.
pub fn watched(
    connection: &mut Db,
    after: Option<(UnixMs, InvoiceId)>,
    ended_before: Option<UnixMs>,
    limit: i64,
) -> Result<Vec<Watched>, StoreError> {
    let mut query = invoices::table
        .filter(invoices::at_node.assume_not_null().eq(AtNode::Open.as_str()))
        .order((invoices::expires_at_ms, invoices::id))
        .limit(limit)
        .select((invoices::id, invoices::payment_hash, invoices::expires_at_ms))
        .into_boxed();
    if let Some((at, id)) = after {
        let id = id.as_bytes().to_vec();
        let later = invoices::expires_at_ms.gt(at.get());
        query = query.filter(later.or(invoices::expires_at_ms.eq(at.get()).and(invoices::id.gt(id))));
    }
    if let Some(before) = ended_before {
        query = query.filter(invoices::expires_at_ms.le(before.get()));
    }
    let rows: Vec<WatchedColumns> = query.load(connection)?;
    rows.into_iter().map(watched_of).collect()
}

/// Invoices that were paid inside, or belong to a wallet that was deleted, and may still be paid at the node: those
/// after one of them.
pub fn to_cancel(connection: &mut Db, after: InvoiceId, limit: i64) -> Result<Vec<Watched>, StoreError> {
    let columns = (invoices::id, invoices::payment_hash, invoices::expires_at_ms);
    let at_node = || invoices::table.filter(invoices::at_node.assume_not_null().eq(AtNode::Open.as_str()));
    let ended = at_node()
        .filter(invoices::state.eq_any([InvoiceState::Paid.as_str(), InvoiceState::Cancelled.as_str()]))
        .filter(invoices::id.gt(after.as_bytes().as_slice()))
        .order(invoices::id)
        .limit(limit)
        .select(columns);
    let mut rows: Vec<WatchedColumns> = ended.load(connection)?;
    let of_deleted = at_node()
        .inner_join(accounts::table.on(accounts::id.eq(invoices::wallet_id)))
        .filter(accounts::closed_at_ms.is_not_null())
        .filter(invoices::state.eq(InvoiceState::Open.as_str()))
        .filter(invoices::id.gt(after.as_bytes().as_slice()))
        .order(invoices::id)
        .limit(limit)
        .select(columns);
    rows.extend(of_deleted.load::<WatchedColumns>(connection)?);
    rows.sort_unstable();
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    rows.into_iter().map(watched_of).collect()
}

/// How many invoices of a payee that were issued without a key for one thing wait to be paid.
pub fn waiting_of(connection: &mut Db, payee: AccountId, origin: OriginId, now: UnixMs) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        waiting: i64,
    }
    let query = diesel::sql_query(
        "SELECT count(*) AS waiting FROM invoices
         WHERE open_origin = $1 AND wallet_id = $2 AND state = 'open' AND expires_at_ms > $3",
    )
    .bind::<Binary, _>(origin.as_bytes().to_vec())
    .bind::<Binary, _>(payee.as_bytes().to_vec())
    .bind::<BigInt, _>(now.get());
    let count: Count = match connection {
        Db::Sqlite(c) => query.get_result(c)?,
        Db::Postgres(c) => query.get_result(c)?,
    };
    Ok(count.waiting)
}

/// Notes that an invoice can no longer be paid at the node. One that anybody could ask for without a key, and that
/// was not paid, is deleted: otherwise anybody could fill the disk.
pub fn conclude(connection: &mut Db, id: InvoiceId) -> Result<(), StoreError> {
    let keyless = invoices::table
        .filter(invoices::id.eq(id.as_bytes().as_slice()))
        .filter(invoices::state.eq(InvoiceState::Open.as_str()))
        .filter(invoices::at_node.assume_not_null().eq(AtNode::Open.as_str()))
        .filter(invoices::origin.is_not_null());
    let tenant: Option<Option<Vec<u8>>> = keyless.select(invoices::tenant).first(connection).optional()?;
    if let Some(tenant) = tenant {
        let deleted = diesel::delete(keyless).execute(connection)?;
        if let (1, Some(tenant)) = (deleted, tenant) {
            counts::forget_invoices(connection, &tenant, &[id.into()])?;
        }
        return Ok(());
    }
    let open = invoices::table
        .filter(invoices::id.eq(id.as_bytes().as_slice()))
        .filter(invoices::at_node.assume_not_null().eq(AtNode::Open.as_str()));
    diesel::update(open).set(invoices::at_node.eq(AtNode::Cancelled.as_str())).execute(connection)?;
    Ok(())
}

/// A receipt, as it is booked.
#[derive(Clone, Debug)]
pub struct BookedReceipt {
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// How much.
    pub amount: Msat,
}

/// All that was booked of what a node has received.
pub fn booked(connection: &mut Db, node: &NodeName) -> Result<Vec<BookedReceipt>, StoreError> {
    let rows: Vec<(Vec<u8>, i64)> = receipts::table
        .filter(receipts::node.eq(node.as_str()))
        .select((receipts::payment_hash, receipts::amount_msat))
        .load(connection)?;
    let booked = |(hash, msat): (Vec<u8>, i64)| {
        Ok(BookedReceipt { payment_hash: PaymentHash::from_slice(&hash)?, amount: Msat::new(msat) })
    };
    rows.into_iter().map(booked).collect()
}

/// Those of these payment hashes whose invoices satkeep has made at a node.
pub fn own_hashes(connection: &mut Db, hashes: &[PaymentHash]) -> Result<HashSet<PaymentHash>, StoreError> {
    let mut found = HashSet::new();
    for hashes in hashes.chunks(CHUNK_IDS) {
        let bytes: Vec<_> = hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        let own = invoices::table.filter(invoices::payment_hash.eq_any(bytes)).filter(invoices::at_node.is_not_null());
        for hash in own.select(invoices::payment_hash).load::<Vec<u8>>(connection)? {
            found.insert(PaymentHash::from_slice(&hash)?);
        }
    }
    Ok(found)
}

fn watched_of((id, hash, expires_at_ms): WatchedColumns) -> Result<Watched, StoreError> {
    Ok(Watched {
        id: InvoiceId::from_slice(&id)?,
        payment_hash: PaymentHash::from_slice(&hash)?,
        expires_at: UnixMs::new(expires_at_ms),
    })
}
