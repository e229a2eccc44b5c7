//! What has happened, on its way to those who are to be told: written in the transaction in
//! which it happens, and handed over to [`super::claims`] afterwards.
//!
//! Events of payments are written by the settlement statements. Where an event is nobody's
//! business, it is not written at all.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};
use serde::Serialize;

use super::connection::Db;
use super::error::StoreError;
use super::schema::{accounts, deliveries, events, subscriptions};
use super::statement::statement;
use crate::domain::events::{EventKind, EventKinds, OwnerKind, Place};
use crate::domain::ids::{AccountId, DeliveryId, EventId, UserId, WalletId};
use crate::domain::time::UnixMs;

/// Something that has happened and is not handed over yet.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id: the same for all who are told, and at every attempt.
    pub id: EventId,
    /// What has happened.
    pub kind: EventKind,
    /// To which wallet, where it was one.
    pub account: Option<AccountId>,
    /// The payment's row in the wallet's list, where it is about a payment.
    pub row: Option<[u8; 16]>,
    /// Whose endpoints are told.
    pub manager: Option<UserId>,
    /// The root manager of that one.
    pub root: Option<UserId>,
    /// Whose wallet it is, where it was one.
    pub user: Option<UserId>,
    /// What to tell, where no row tells it.
    pub payload: Option<String>,
    /// The webhook of the payment's side: of the invoice that was paid, or the payer's.
    pub webhook: Option<String>,
    /// When it happened.
    pub created_at: UnixMs,
}

/// An event to be sent to one target.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event's.
    pub event: EventId,
    /// What has happened.
    pub kind: EventKind,
    /// Whose it is: an endpoint's or a wallet's id.
    pub owner: [u8; 16],
    /// Which of the two.
    pub owner_kind: OwnerKind,
    /// To which wallet it has happened.
    pub account: Option<AccountId>,
    /// The payment's row.
    pub row: Option<[u8; 16]>,
    /// What to tell, where no row tells it.
    pub payload: Option<String>,
    /// Where it goes.
    pub place: Place,
    /// In which line it stands; `None` where order does not matter.
    pub line: Option<[u8; 16]>,
    /// When it happened.
    pub created_at: UnixMs,
}

/// Which events any of a manager's endpoints asks for.
pub fn subscribed(connection: &mut Db, manager: UserId) -> Result<EventKinds, StoreError> {
    let bits: Option<i64> = subscriptions::table
        .filter(subscriptions::manager_id.eq(manager.as_bytes().as_slice()))
        .select(subscriptions::kinds)
        .first(connection)
        .optional()?;
    Ok(EventKinds::from_stored(bits.unwrap_or_default()))
}

/// Whose events those of a wallet are, where it is anybody's.
pub fn tenant_of(connection: &mut Db, wallet: WalletId) -> Result<Option<UserId>, StoreError> {
    let tenant: Option<Vec<u8>> = accounts::table
        .filter(accounts::id.eq(wallet.as_bytes().as_slice()))
        .select(accounts::tenant)
        .first(connection)?;
    Ok(tenant.map(|id| UserId::from_slice(&id)).transpose()?)
}

/// Tells a manager's endpoints of an event that no row of a payment tells, where one of them
/// asks for it.
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
    diesel::insert_into(events::table)
        .values((
            events::id.eq(EventId::next().as_bytes().as_slice()),
            events::kind.eq(kind.as_str()),
            events::account_id.eq(account.as_ref().map(|id| id.as_bytes().as_slice())),
            events::manager_id.eq(manager.as_bytes().as_slice()),
            events::payload.eq(payload),
            events::created_at_ms.eq(now.get()),
        ))
        .execute(connection)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Binary>)]
    account_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>, column_name = row_id)]
    payment: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    manager_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    root_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    user_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    payload: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    webhook: Option<String>,
    #[diesel(sql_type = BigInt)]
    created_at_ms: i64,
}

impl TryFrom<Row> for Event {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: EventId::from_slice(&row.id)?,
            kind: stored_kind(&row.kind)?,
            account: row.account_id.map(|id| AccountId::from_slice(&id)).transpose()?,
            row: row.payment.as_deref().map(row_id).transpose()?,
            manager: row.manager_id.map(|id| UserId::from_slice(&id)).transpose()?,
            root: row.root_id.map(|id| UserId::from_slice(&id)).transpose()?,
            user: row.user_id.map(|id| UserId::from_slice(&id)).transpose()?,
            payload: row.payload,
            webhook: row.webhook,
            created_at: UnixMs::new(row.created_at_ms),
        })
    }
}

pub(super) fn stored_kind(name: &str) -> Result<EventKind, StoreError> {
    EventKind::from_stored(name).ok_or_else(|| StoreError::Broken(format!("an event of the kind {name:?}")))
}

pub(super) fn row_id(bytes: &[u8]) -> Result<[u8; 16], StoreError> {
    bytes.try_into().or(Err(StoreError::Broken("the id of a payment's row has another length".to_owned())))
}

/// The oldest events that are not handed over yet.
pub fn oldest(connection: &mut Db, limit: i64) -> Result<Vec<Event>, StoreError> {
    let query = diesel::sql_query(
        "SELECT e.id, e.kind, e.account_id, e.row_id, COALESCE(e.manager_id, a.tenant) AS manager_id, m.root_id,
            w.user_id, e.payload, COALESCE(i.webhook, t.webhook) AS webhook, e.created_at_ms
         FROM events AS e
         LEFT JOIN accounts AS a ON a.id = e.account_id
         LEFT JOIN wallets AS w ON w.id = e.account_id
         LEFT JOIN users AS m ON m.id = COALESCE(e.manager_id, a.tenant)
         LEFT JOIN invoices AS i ON i.id = e.row_id AND e.kind = 'payment.received'
         LEFT JOIN transfers AS t ON t.debit_account = e.account_id AND t.id = e.row_id AND e.kind = 'payment.sent'
         ORDER BY e.id LIMIT $1",
    )
    .bind::<BigInt, _>(limit);
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    };
    rows.into_iter().map(Event::try_from).collect()
}

/// Makes other processes wait that change which deliveries stand in which line, until the
/// transaction ends. SQLite has one writer anyway.
pub(super) fn lock_lines(connection: &mut Db) -> Result<(), StoreError> {
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

/// Deliveries that are stored by one statement: SQLite takes 32,766 values at once, and
/// PostgreSQL 65,535.
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

/// Hands events over: they are gone, and their deliveries are there. Events that another
/// process has handed over meanwhile are left out with their deliveries.
pub fn hand_over(
    connection: &mut Db,
    handed: &[EventId],
    new: Vec<NewDelivery>,
    now: UnixMs,
) -> Result<(), StoreError> {
    lock_lines(connection)?;
    let ids: Vec<_> = handed.iter().map(|id| id.as_bytes().to_vec()).collect();
    let gone: Vec<Vec<u8>> =
        diesel::delete(events::table.filter(events::id.eq_any(ids))).returning(events::id).get_results(connection)?;
    let ours: HashSet<Vec<u8>> = gone.into_iter().collect();
    insert(connection, new.into_iter().filter(|new| ours.contains(new.event.as_bytes().as_slice())), now)
}

statement!(
    /// Whether anything stands in a line, on SQLite.
    InLineSqlite on SqliteConnection,
    (line: &'a [u8] as Binary) -> (Binary),
    "SELECT line FROM deliveries WHERE line = ? LIMIT 1"
);

statement!(
    /// The lines in which anything stands, on PostgreSQL.
    InLinePostgres on PgConnection,
    (lines: Vec<&'a [u8]> as Array<Binary>) -> (Binary),
    "SELECT l.line FROM unnest(?) AS l (line) WHERE EXISTS (SELECT 1 FROM deliveries AS d WHERE d.line = l.line)"
);

/// Those of the lines in which anything stands: one look for each, however long it is.
fn taken_lines(connection: &mut Db, lines: &HashSet<[u8; 16]>) -> Result<HashSet<[u8; 16]>, StoreError> {
    let mut taken: Vec<(Vec<u8>,)> = Vec::new();
    match connection {
        Db::Sqlite(c) => {
            for line in lines {
                taken.extend(InLineSqlite { line }.load::<(Vec<u8>,)>(c)?);
            }
        }
        Db::Postgres(c) => {
            taken = InLinePostgres { lines: lines.iter().map(<[u8; 16]>::as_slice).collect() }.load(c)?;
        }
    }
    taken.iter().map(|(line,)| row_id(line)).collect()
}

/// Stores deliveries; the first one of each line is due.
pub(super) fn insert(
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
                owner_id: new.owner.to_vec(),
                owner_kind: new.owner_kind.as_str(),
                account_id: new.account.map(|id| id.as_bytes().to_vec()),
                row_id: new.row.map(|id| id.to_vec()),
                payload: new.payload,
                host: new.place.host,
                state: "waiting",
                line: new.line.map(|line| line.to_vec()),
                next_at_ms: (!waits).then_some(now.get()),
                attempts: 0,
                created_at_ms: new.created_at.get(),
                consumer: new.place.consumer.to_bytes().to_vec(),
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
