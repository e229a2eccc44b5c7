//! Events waiting to be sent. They are written in the transaction in which they happen, and
//! afterwards handed over to [`crate::store::webhooks::claims`], in the order of
//! [`crate::store::webhooks::hand_over`].
//!
//! Events of payments are written by the settlement statements. An event that nobody subscribes to
//! is not written at all.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary};
use diesel::{PgConnection, SqliteConnection};
use serde::Serialize;

use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, DeliveryId, EventId, LineId, OwnerId, PaymentRow, UserId, WalletId};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{Destination, EventKind, EventKinds, OwnerKind};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, deliveries, events, subscriptions, users, wallets};
use crate::store::db::statement::statement;

/// An event that is not handed over yet.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id: the same for all recipients and all attempts.
    pub id: EventId,
    /// The consumer that handing it over is charged to: the wallet's user or the manager.
    pub consumer: Consumer,
    /// What happened.
    pub kind: EventKind,
    /// The wallet it is about, if any.
    pub account: Option<AccountId>,
    /// The payment's row in the wallet's list, if it is about a payment.
    pub row: Option<PaymentRow>,
    /// The manager whose endpoints are notified.
    pub manager: Option<UserId>,
    /// That manager's root manager.
    pub root: Option<UserId>,
    /// The wallet's user, if it is about a wallet.
    pub user: Option<UserId>,
    /// The payload, if it is not built from a row.
    pub payload: Option<String>,
    /// The webhook of the payment's side: the paid invoice's, or the payer's.
    pub webhook: Option<String>,
    /// When it happened.
    pub created_at: UnixMs,
}

/// An event to be sent to one target.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event's id.
    pub event: EventId,
    /// What happened.
    pub kind: EventKind,
    /// The owner's id.
    pub owner: OwnerId,
    /// The kind of owner.
    pub owner_kind: OwnerKind,
    /// The wallet that the event is about.
    pub account: Option<AccountId>,
    /// The payment's row.
    pub row: Option<PaymentRow>,
    /// The payload, if it is not built from a row.
    pub payload: Option<String>,
    /// Where it goes.
    pub destination: Destination,
    /// The queue that it is in; `None` if order does not matter.
    pub line: Option<LineId>,
    /// When the event happened.
    pub created_at: UnixMs,
}

/// The events that any of a manager's endpoints subscribes to.
pub fn subscribed(connection: &mut Db, manager: UserId) -> Result<EventKinds, StoreError> {
    let bits: Option<i64> = subscriptions::table
        .filter(subscriptions::manager_id.eq(manager.as_bytes().as_slice()))
        .select(subscriptions::kinds)
        .first(connection)
        .optional()?;
    Ok(EventKinds::from_stored(bits.unwrap_or_default()))
}

/// The tenant that a wallet's events belong to, if any.
pub fn tenant_of(connection: &mut Db, wallet: WalletId) -> Result<Option<UserId>, StoreError> {
    let tenant: Option<Vec<u8>> = accounts::table
        .filter(accounts::id.eq(wallet.as_bytes().as_slice()))
        .select(accounts::tenant)
        .first(connection)?;
    Ok(tenant.map(|id| UserId::from_slice(&id)).transpose()?)
}

/// The consumer that a wallet's events are charged to, or a manager's events that are not about a
/// wallet. All events of a wallet have the same consumer, because they are handed over in order.
fn consumer_of(connection: &mut Db, manager: UserId, account: Option<AccountId>) -> Result<Consumer, StoreError> {
    let user = match account {
        Some(account) => {
            let wallet = wallets::table.filter(wallets::id.eq(account.as_bytes().as_slice()));
            UserId::from_slice(&wallet.select(wallets::user_id).first::<Vec<u8>>(connection)?)?
        }
        None => manager,
    };
    consumer_of_user(connection, user)
}

/// The consumer that events of a user's wallets are charged to.
fn consumer_of_user(connection: &mut Db, user: UserId) -> Result<Consumer, StoreError> {
    let user_row = users::table.filter(users::id.eq(user.as_bytes().as_slice()));
    let root: Vec<u8> = user_row.select(users::root_id).first(connection)?;
    Ok(Consumer::of(UserId::from_slice(&root)?, user))
}

/// Writes an event that is not about a payment's row for a manager's endpoints, if one of them
/// subscribes to it.
pub fn tell(
    connection: &mut Db,
    kind: EventKind,
    manager: UserId,
    account: Option<AccountId>,
    payload: &impl Serialize,
    now: UnixMs,
) -> Result<(), StoreError> {
    if !subscribed(connection, manager)?.contains(kind) {
        return Ok(());
    }
    let payload = serde_json::to_string(payload).map_err(|error| StoreError::Fault(error.to_string()))?;
    let consumer = consumer_of(connection, manager, account)?;
    diesel::insert_into(events::table)
        .values((
            events::id.eq(EventId::next().as_bytes().as_slice()),
            events::kind.eq(kind.as_str()),
            events::account_id.eq(account.as_ref().map(|id| id.as_bytes().as_slice())),
            events::manager_id.eq(manager.as_bytes().as_slice()),
            events::payload.eq(payload),
            events::created_at_ms.eq(now.get()),
            events::consumer.eq(consumer.to_bytes().as_slice()),
        ))
        .execute(connection)?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = events)]
struct EventRow {
    id: Vec<u8>,
    kind: &'static str,
    account_id: Vec<u8>,
    manager_id: Vec<u8>,
    payload: String,
    created_at_ms: i64,
    consumer: Vec<u8>,
}

/// As [`tell`], an event for each of some wallets of one user.
pub fn tell_of_wallets<P: Serialize>(
    connection: &mut Db,
    kind: EventKind,
    manager: UserId,
    user: UserId,
    told: impl IntoIterator<Item = (AccountId, P)>,
    now: UnixMs,
) -> Result<(), StoreError> {
    if !subscribed(connection, manager)?.contains(kind) {
        return Ok(());
    }
    let consumer = consumer_of_user(connection, user)?.to_bytes().to_vec();
    let row = |(account, payload): (AccountId, P)| {
        let payload = serde_json::to_string(&payload).map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(EventRow {
            id: EventId::next().as_bytes().to_vec(),
            kind: kind.as_str(),
            account_id: account.as_bytes().to_vec(),
            manager_id: manager.as_bytes().to_vec(),
            payload,
            created_at_ms: now.get(),
            consumer: consumer.clone(),
        })
    };
    let rows = told.into_iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
    for rows in rows.chunks(ROWS_MAX) {
        match connection {
            Db::Sqlite(c) => diesel::insert_into(events::table).values(rows).execute(c)?,
            Db::Postgres(c) => diesel::insert_into(events::table).values(rows).execute(c)?,
        };
    }
    Ok(())
}

pub(crate) fn stored_kind(name: &str) -> Result<EventKind, StoreError> {
    EventKind::from_stored(name).ok_or_else(|| StoreError::Broken(format!("an event of the kind {name:?}")))
}

/// Makes other processes that change the queues wait until the transaction ends. SQLite has only
/// one writer anyway.
pub(crate) fn lock_queues(connection: &mut Db) -> Result<(), StoreError> {
    /// Any number that nothing else locks.
    const LOCK: i64 = 0x7361_746b_6565_7001;
    match connection {
        Db::Sqlite(_) => {}
        Db::Postgres(c) => {
            diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(LOCK).execute(c)?;
        }
    }
    Ok(())
}

/// Rows stored by one statement: SQLite accepts 32,766 values at once, and PostgreSQL 65,535.
const ROWS_MAX: usize = 1000;

#[derive(Insertable)]
#[diesel(table_name = deliveries, treat_none_as_default_value = false)]
struct DeliveryRow {
    id: Vec<u8>,
    event_id: Vec<u8>,
    kind: &'static str,
    owner_id: Vec<u8>,
    owner_kind: &'static str,
    account_id: Option<Vec<u8>>,
    row_id: Option<Vec<u8>>,
    payload: Option<String>,
    host: String,
    state: &'static str,
    line: Option<Vec<u8>>,
    next_at_ms: Option<i64>,
    attempts: i64,
    created_at_ms: i64,
    consumer: Vec<u8>,
}

statement!(
    /// Removes an event that is handed over, on SQLite.
    RemoveSqlite on SqliteConnection,
    (consumer: &'a [u8] as Binary, id: &'a [u8] as Binary) -> (Binary),
    "DELETE FROM events WHERE consumer = ? AND id = ? RETURNING id"
);

statement!(
    /// Removes events that are handed over, on PostgreSQL.
    RemovePostgres on PgConnection,
    (consumers: Vec<&'a [u8]> as Array<Binary>, ids: Vec<&'a [u8]> as Array<Binary>) -> (Binary),
    "DELETE FROM events AS e USING unnest(?, ?) AS h (consumer, id) WHERE e.consumer = h.consumer AND e.id = h.id
     RETURNING e.id"
);

/// Removes events. Returns those that still existed.
fn remove(connection: &mut Db, handed: &[(Consumer, EventId)]) -> Result<HashSet<Vec<u8>>, StoreError> {
    let consumers: Vec<_> = handed.iter().map(|(consumer, _)| consumer.to_bytes()).collect();
    let keys = consumers.iter().map(AsRef::as_ref).zip(handed.iter().map(|(_, id)| id.as_bytes().as_slice()));
    let mut gone: Vec<(Vec<u8>,)> = Vec::new();
    match connection {
        Db::Sqlite(c) => {
            for (consumer, id) in keys {
                gone.extend(RemoveSqlite { consumer, id }.load::<(Vec<u8>,)>(c)?);
            }
        }
        Db::Postgres(c) => {
            let (consumers, ids) = keys.unzip();
            gone = RemovePostgres { consumers, ids }.load(c)?;
        }
    }
    Ok(gone.into_iter().map(|(id,)| id).collect())
}

/// Hands events over: replaces them with their deliveries. Events that another process has handed
/// over in the meantime are skipped, along with their deliveries.
pub fn hand_over(
    connection: &mut Db,
    handed: &[(Consumer, EventId)],
    new: Vec<NewDelivery>,
    now: UnixMs,
) -> Result<(), StoreError> {
    lock_queues(connection)?;
    let ours = remove(connection, handed)?;
    insert(connection, new.into_iter().filter(|new| ours.contains(new.event.as_bytes().as_slice())), now)
}

statement!(
    /// Whether a queue has any deliveries, on SQLite.
    InLineSqlite on SqliteConnection,
    (line: &'a [u8] as Binary) -> (Binary),
    "SELECT line FROM deliveries WHERE line = ? LIMIT 1"
);

statement!(
    /// The queues that have any deliveries, on PostgreSQL.
    InLinePostgres on PgConnection,
    (lines: Vec<&'a [u8]> as Array<Binary>) -> (Binary),
    "SELECT l.line FROM unnest(?) AS l (line) WHERE EXISTS (SELECT 1 FROM deliveries AS d WHERE d.line = l.line)"
);

/// The queues that have any deliveries: one lookup for each, however long it is.
fn taken_lines(connection: &mut Db, lines: &HashSet<LineId>) -> Result<HashSet<LineId>, StoreError> {
    let mut taken: Vec<(Vec<u8>,)> = Vec::new();
    match connection {
        Db::Sqlite(c) => {
            for line in lines {
                taken.extend(InLineSqlite { line: line.as_bytes() }.load::<(Vec<u8>,)>(c)?);
            }
        }
        Db::Postgres(c) => {
            taken = InLinePostgres { lines: lines.iter().map(|line| line.as_bytes().as_slice()).collect() }.load(c)?;
        }
    }
    taken.iter().map(|(line,)| Ok(LineId::from_slice(line)?)).collect()
}

/// Stores deliveries; the first one of each queue is due.
pub(crate) fn insert(
    connection: &mut Db,
    new: impl IntoIterator<Item = NewDelivery>,
    now: UnixMs,
) -> Result<(), StoreError> {
    let new: Vec<_> = new.into_iter().collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut taken = taken_lines(connection, &new.iter().filter_map(|new| new.line).collect())?;
    let rows: Vec<_> = new
        .into_iter()
        .map(|new| {
            let waits = new.line.is_some_and(|line| !taken.insert(line));
            DeliveryRow {
                id: new.id.as_bytes().to_vec(),
                event_id: new.event.as_bytes().to_vec(),
                kind: new.kind.as_str(),
                owner_id: new.owner.as_bytes().to_vec(),
                owner_kind: new.owner_kind.as_str(),
                account_id: new.account.map(|id| id.as_bytes().to_vec()),
                row_id: new.row.map(|id| id.as_bytes().to_vec()),
                payload: new.payload,
                host: new.destination.host,
                state: "waiting",
                line: new.line.map(|line| line.as_bytes().to_vec()),
                next_at_ms: (!waits).then_some(now.get()),
                attempts: 0,
                created_at_ms: new.created_at.get(),
                consumer: new.destination.consumer.to_bytes().to_vec(),
            }
        })
        .collect();
    for rows in rows.chunks(ROWS_MAX) {
        match connection {
            Db::Sqlite(c) => diesel::insert_into(deliveries::table).values(rows).execute(c)?,
            Db::Postgres(c) => diesel::insert_into(deliveries::table).values(rows).execute(c)?,
        };
    }
    Ok(())
}
