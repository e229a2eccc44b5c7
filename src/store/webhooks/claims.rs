//! Deliveries in flight, claimed for a while by the process that sends them.
//!
//! A claim is a time in the future at which the delivery is due again, so a process that crashes
//! while it holds one loses nothing. Any number of processes may claim at once; each takes what no
//! other has (PostgreSQL: `FOR UPDATE SKIP LOCKED`; SQLite has one writer).

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::domain::ids::{AccountId, DeliveryId, EventId, LineId, OwnerId, PaymentRow};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{Destination, EventKind, OwnerKind};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::webhooks::events::stored_kind;

/// A delivery that this process has claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
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
    /// The queue in which it is first.
    pub line: Option<LineId>,
    /// The number of attempts, including this one.
    pub attempts: i64,
    /// When the claim expires.
    pub until: UnixMs,
    /// When the event happened.
    pub created_at: UnixMs,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    event_id: Vec<u8>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Binary)]
    owner_id: Vec<u8>,
    #[diesel(sql_type = Text)]
    owner_kind: String,
    #[diesel(sql_type = Nullable<Binary>)]
    account_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>, column_name = row_id)]
    payment: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    payload: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    line: Option<Vec<u8>>,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
    #[diesel(sql_type = BigInt)]
    created_at_ms: i64,
}

/// Claims what is due at a destination, the longest due first.
pub fn claim(
    connection: &mut Db,
    destination: &Destination,
    limit: i64,
    now: UnixMs,
    until: UnixMs,
) -> Result<Vec<Claimed>, StoreError> {
    let sql = |lock: &str| {
        format!(
            "UPDATE deliveries SET next_at_ms = $1, attempts = attempts + 1
             WHERE id {lock}
             RETURNING id, event_id, kind, owner_id, owner_kind, account_id, row_id, payload, line, attempts,
                created_at_ms"
        )
    };
    let due = "SELECT id FROM deliveries WHERE consumer = $2 AND host = $3 AND next_at_ms <= $4
               ORDER BY next_at_ms LIMIT $5";
    let bound = |sql: String| {
        diesel::sql_query(sql)
            .bind::<BigInt, _>(until.get())
            .bind::<Binary, _>(destination.consumer.to_bytes().to_vec())
            .bind::<Text, _>(destination.host.as_str())
            .bind::<BigInt, _>(now.get())
            .bind::<BigInt, _>(limit)
    };
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => bound(sql(&format!("IN ({due})"))).load(c)?,
        Db::Postgres(c) => bound(sql(&format!("= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))"))).load(c)?,
    };
    rows.into_iter().map(|row| claimed(row, destination, until)).collect()
}

fn claimed(row: Row, destination: &Destination, until: UnixMs) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        id: DeliveryId::from_slice(&row.id)?,
        event: EventId::from_slice(&row.event_id)?,
        kind: stored_kind(&row.kind)?,
        owner: OwnerId::from_slice(&row.owner_id)?,
        owner_kind: stored_owner(&row.owner_kind)?,
        account: row.account_id.map(|id| AccountId::from_slice(&id)).transpose()?,
        row: row.payment.map(|id| PaymentRow::from_slice(&id)).transpose()?,
        payload: row.payload,
        destination: destination.clone(),
        line: row.line.map(|id| LineId::from_slice(&id)).transpose()?,
        attempts: row.attempts,
        until,
        created_at: UnixMs::new(row.created_at_ms),
    })
}

pub(crate) fn stored_owner(name: &str) -> Result<OwnerKind, StoreError> {
    OwnerKind::from_stored(name).ok_or_else(|| StoreError::Broken(format!("a delivery of a {name:?}")))
}
