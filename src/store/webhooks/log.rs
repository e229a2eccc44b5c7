//! The delivery log: the state of each delivery, and redelivery.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use crate::domain::ids::{DeliveryId, EventId, OwnerId, PaymentRow};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::functions::satkeep_in_time;
use crate::store::db::schema::{deliveries, failures};
use crate::store::wallets::CHUNK_IDS;
use crate::store::webhooks::events::{NewDelivery, insert, lock_queues, stored_kind};

/// The state of a delivery.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its id.
    pub id: DeliveryId,
    /// The event's id, which the target sees.
    pub event: EventId,
    /// What happened.
    pub kind: EventKind,
    /// `waiting`, `delivered` or `parked`.
    pub state: String,
    /// The number of attempts.
    pub attempts: i64,
    /// When the event happened.
    pub created_at: UnixMs,
    /// When it is tried next; also `None` if others are ahead of it.
    pub next_at: Option<UnixMs>,
    /// When it was last tried.
    pub attempted_at: Option<UnixMs>,
    /// When it was delivered.
    pub delivered_at: Option<UnixMs>,
    /// The status of the last response.
    pub status_code: Option<i64>,
    /// How long the last attempt took.
    pub duration_ms: Option<i64>,
    /// The first part of the last response.
    pub answer: Option<String>,
    /// What went wrong last time.
    pub error: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
struct Row {
    id: Vec<u8>,
    event_id: Vec<u8>,
    kind: String,
    state: String,
    attempts: i64,
    created_at_ms: i64,
    next_at_ms: Option<i64>,
    attempted_at_ms: Option<i64>,
    delivered_at_ms: Option<i64>,
    status_code: Option<i64>,
    duration_ms: Option<i64>,
    answer: Option<String>,
    error: Option<String>,
}

impl TryFrom<Row> for Logged {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeliveryId::from_slice(&row.id)?,
            event: EventId::from_slice(&row.event_id)?,
            kind: stored_kind(&row.kind)?,
            state: row.state,
            attempts: row.attempts,
            created_at: UnixMs::new(row.created_at_ms),
            next_at: row.next_at_ms.map(UnixMs::new),
            attempted_at: row.attempted_at_ms.map(UnixMs::new),
            delivered_at: row.delivered_at_ms.map(UnixMs::new),
            status_code: row.status_code,
            duration_ms: row.duration_ms,
            answer: row.answer,
            error: row.error,
        })
    }
}

/// A page of an owner's deliveries, newest event first, in any of these states, or in any state if
/// none is given.
pub fn list(
    connection: &mut Db,
    owner: OwnerId,
    states: &[&'static str],
    offset: i64,
    limit: i64,
) -> Result<Vec<Logged>, StoreError> {
    let mut query = deliveries::table
        .filter(deliveries::owner_id.eq(owner.as_bytes().to_vec()))
        .filter(satkeep_in_time())
        .order((deliveries::event_id.desc(), deliveries::id.desc()))
        .select(Row::as_select())
        .offset(offset)
        .limit(limit)
        .into_boxed();
    if !states.is_empty() {
        query = query.filter(deliveries::state.eq_any(states.to_vec()));
    }
    query.load::<Row>(connection)?.into_iter().map(Logged::try_from).collect()
}

/// The owner of a delivery.
pub fn owner_of(connection: &mut Db, id: DeliveryId) -> Result<OwnerId, StoreError> {
    let owner: Vec<u8> = deliveries::table
        .filter(deliveries::id.eq(id.as_bytes().as_slice()))
        .select(deliveries::owner_id)
        .first(connection)?;
    Ok(OwnerId::from_slice(&owner)?)
}

/// One of an owner's deliveries.
pub fn find(connection: &mut Db, owner: OwnerId, id: DeliveryId) -> Result<Logged, StoreError> {
    let row: Row = deliveries::table
        .filter(deliveries::id.eq(id.as_bytes().as_slice()))
        .filter(deliveries::owner_id.eq(owner.as_bytes().as_slice()))
        .select(Row::as_select())
        .first(connection)?;
    Logged::try_from(row)
}

/// A failed attempt.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When it was made.
    pub at: UnixMs,
    /// How long it took.
    pub duration_ms: i64,
    /// The response status.
    pub status_code: Option<i64>,
    /// The first part of the response.
    pub answer: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

type FailureColumns = (i64, i64, Option<i64>, Option<String>, Option<String>);

/// One of an owner's deliveries, with the failed attempts since it was first sent or last
/// redelivered manually, newest first.
pub fn find_with_failures(
    connection: &mut Db,
    owner: OwnerId,
    id: DeliveryId,
) -> Result<(Logged, Vec<Failure>), StoreError> {
    let delivery = find(connection, owner, id)?;
    let query = failures::table
        .filter(failures::delivery_id.eq(id.as_bytes().as_slice()))
        .order(failures::at_ms.desc())
        .select((failures::at_ms, failures::duration_ms, failures::status_code, failures::answer, failures::error));
    let failures = query.load::<FailureColumns>(connection)?.into_iter();
    let failure = |(at_ms, duration_ms, status_code, answer, error)| Failure {
        at: UnixMs::new(at_ms),
        duration_ms,
        status_code,
        answer,
        error,
    };
    Ok((delivery, failures.map(failure).collect()))
}

/// Stores a delivery of its own, without a shared event: it is due at once.
pub fn add(connection: &mut Db, new: NewDelivery, now: UnixMs) -> Result<(), StoreError> {
    lock_queues(connection)?;
    insert(connection, [new], now)
}

/// Redelivers one of an owner's deliveries, or sends it at once if it is waiting; attempts are
/// counted from one again. A delivery that is behind others in its queue keeps waiting for them.
pub fn redeliver(connection: &mut Db, owner: OwnerId, id: DeliveryId, now: UnixMs) -> Result<(), StoreError> {
    lock_queues(connection)?;
    let found = find(connection, owner, id)?;
    if found.state != "waiting" || found.next_at.is_some() {
        start_again(connection, vec![id.as_bytes().to_vec()], now)?;
    }
    Ok(())
}

/// Makes deliveries due now, as if they had never been tried. Returns how many.
fn start_again(connection: &mut Db, ids: Vec<Vec<u8>>, now: UnixMs) -> Result<usize, StoreError> {
    diesel::delete(failures::table.filter(failures::delivery_id.eq_any(ids.clone()))).execute(connection)?;
    let updated = diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .set((
            deliveries::state.eq("waiting"),
            deliveries::next_at_ms.eq(now.get()),
            deliveries::attempts.eq(0),
            deliveries::delivered_at_ms.eq(None::<i64>),
        ))
        .execute(connection)?;
    Ok(updated)
}

/// Deliveries redelivered in one transaction.
const REDELIVER_ROWS: i64 = 1000;

/// Selects finished deliveries, with the same condition as their indexes, so that waiting ones are
/// not read, however many there are.
const ENDED: &str = "state <> 'waiting'";

/// Redelivers some of an owner's finished deliveries, of events in a time range (end exclusive),
/// after a given one. Returns how many, and the last one if there may be more.
pub fn redeliver_some(
    connection: &mut Db,
    owner: OwnerId,
    since: UnixMs,
    until: UnixMs,
    after: Option<EventId>,
    now: UnixMs,
) -> Result<(usize, Option<EventId>), StoreError> {
    lock_queues(connection)?;
    let from = after.unwrap_or(EventId::first_at(since));
    let rows: Vec<(Vec<u8>, Vec<u8>)> = deliveries::table
        .filter(deliveries::owner_id.eq(owner.as_bytes().to_vec()))
        .filter(deliveries::event_id.gt(from.as_bytes().to_vec()))
        .filter(deliveries::event_id.lt(EventId::first_at(until).as_bytes().to_vec()))
        .filter(sql::<Bool>(ENDED))
        .order(deliveries::event_id)
        .select((deliveries::id, deliveries::event_id))
        .limit(REDELIVER_ROWS)
        .load(connection)?;
    let last = rows.last().map(|(_, event)| EventId::from_slice(event)).transpose()?;
    let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < REDELIVER_ROWS);
    let mut sent = 0;
    for ids in rows.chunks(CHUNK_IDS) {
        let ids: Vec<_> = ids.iter().map(|(id, _)| id.clone()).collect();
        sent += start_again(connection, ids, now)?;
    }
    Ok((sent, last.filter(|_| !is_last)))
}

/// The status of the last response to payments' webhooks, if any, by the rows of the payments'
/// sides: their deliveries have the same ids.
pub(crate) fn statuses(connection: &mut Db, rows: &[PaymentRow]) -> Result<HashMap<PaymentRow, i64>, StoreError> {
    let mut found = HashMap::new();
    for rows in rows.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, Option<i64>)> = deliveries::table
            .filter(deliveries::id.eq_any(rows.iter().map(|row| row.as_bytes().to_vec()).collect::<Vec<_>>()))
            .select((deliveries::id, deliveries::status_code))
            .load(connection)?;
        for (id, status) in rows {
            if let Some(status) = status {
                found.insert(PaymentRow::from_slice(&id)?, status);
            }
        }
    }
    Ok(found)
}

/// Rows purged in one go.
const PRUNE_ROWS: i64 = 500;

/// Prunes some of the finished deliveries older than a time. Returns whether there may be more.
pub fn prune(connection: &mut Db, before: UnixMs) -> Result<bool, StoreError> {
    let query = diesel::sql_query(format!(
        "DELETE FROM deliveries WHERE id IN (
            SELECT id FROM deliveries WHERE created_at_ms < $1 AND {ENDED} ORDER BY created_at_ms LIMIT $2)"
    ))
    .bind::<BigInt, _>(before.get())
    .bind::<BigInt, _>(PRUNE_ROWS);
    let pruned = match connection {
        Db::Sqlite(c) => query.execute(c)?,
        Db::Postgres(c) => query.execute(c)?,
    };
    Ok(i64::try_from(pruned).is_ok_and(|rows| rows >= PRUNE_ROWS))
}
