//! Endpoints: where managers want the events of their tenants sent.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::domain::ids::{EndpointId, UserId};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKinds;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{endpoints, subscriptions, users};
use crate::store::users::lock_caller;
use crate::store::wallets::CHUNK_IDS;

/// A stored endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// The manager it belongs to.
    pub manager: UserId,
    /// The URL that events are sent to.
    pub url: String,
    /// The events it subscribes to.
    pub kinds: EventKinds,
    /// When it was created.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
    /// When it was paused, if it is.
    pub paused_at: Option<UnixMs>,
}

/// The most endpoints of one manager.
pub const ENDPOINTS_MAX: i64 = 20;

type Columns = (Vec<u8>, Vec<u8>, String, i64, i64, i64, Option<i64>);

const COLUMNS: (
    endpoints::id,
    endpoints::manager_id,
    endpoints::url,
    endpoints::kinds,
    endpoints::created_at_ms,
    endpoints::updated_at_ms,
    endpoints::paused_at_ms,
) = (
    endpoints::id,
    endpoints::manager_id,
    endpoints::url,
    endpoints::kinds,
    endpoints::created_at_ms,
    endpoints::updated_at_ms,
    endpoints::paused_at_ms,
);

fn endpoint(columns: Columns) -> Result<Endpoint, StoreError> {
    let (id, manager, url, kinds, created_at_ms, updated_at_ms, paused_at_ms) = columns;
    Ok(Endpoint {
        id: EndpointId::from_slice(&id)?,
        manager: UserId::from_slice(&manager)?,
        url,
        kinds: EventKinds::from_stored(kinds),
        created_at: UnixMs::new(created_at_ms),
        updated_at: UnixMs::new(updated_at_ms),
        paused_at: paused_at_ms.map(UnixMs::new),
    })
}

/// Stores the set of events that any of a manager's endpoints subscribes to.
fn subscribe(connection: &mut Db, manager: UserId) -> Result<(), StoreError> {
    let all = list(connection, manager)?;
    let asked = all.iter().filter(|endpoint| endpoint.paused_at.is_none());
    let kinds = asked.fold(EventKinds::default(), |kinds, endpoint| kinds.or(endpoint.kinds));
    let id = manager.as_bytes().as_slice();
    let updated = diesel::update(subscriptions::table.filter(subscriptions::manager_id.eq(id)))
        .set(subscriptions::kinds.eq(kinds.bits()))
        .execute(connection)?;
    if updated == 0 {
        diesel::insert_into(subscriptions::table)
            .values((subscriptions::manager_id.eq(id), subscriptions::kinds.eq(kinds.bits())))
            .execute(connection)?;
    }
    Ok(())
}

/// Creates an endpoint; false if the manager has the maximum number.
pub fn create(connection: &mut Db, new: &Endpoint) -> Result<bool, StoreError> {
    lock_caller(connection, new.manager)?;
    if i64::try_from(list(connection, new.manager)?.len()).unwrap_or(i64::MAX) >= ENDPOINTS_MAX {
        return Ok(false);
    }
    diesel::insert_into(endpoints::table)
        .values((
            endpoints::id.eq(new.id.as_bytes().as_slice()),
            endpoints::manager_id.eq(new.manager.as_bytes().as_slice()),
            endpoints::url.eq(new.url.as_str()),
            endpoints::kinds.eq(new.kinds.bits()),
            endpoints::created_at_ms.eq(new.created_at.get()),
            endpoints::updated_at_ms.eq(new.updated_at.get()),
            endpoints::paused_at_ms.eq(new.paused_at.map(UnixMs::get)),
        ))
        .execute(connection)?;
    subscribe(connection, new.manager)?;
    Ok(true)
}

/// A manager's endpoints, oldest first.
pub fn list(connection: &mut Db, manager: UserId) -> Result<Vec<Endpoint>, StoreError> {
    let rows: Vec<Columns> = endpoints::table
        .filter(endpoints::manager_id.eq(manager.as_bytes().as_slice()))
        .filter(endpoints::deleted_at_ms.is_null())
        .order((endpoints::created_at_ms, endpoints::id))
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(endpoint).collect()
}

/// One of a manager's endpoints.
pub fn find(connection: &mut Db, manager: UserId, id: EndpointId) -> Result<Endpoint, StoreError> {
    let columns: Columns = endpoints::table
        .filter(endpoints::id.eq(id.as_bytes().as_slice()))
        .filter(endpoints::manager_id.eq(manager.as_bytes().as_slice()))
        .filter(endpoints::deleted_at_ms.is_null())
        .select(COLUMNS)
        .first(connection)?;
    endpoint(columns)
}

/// Endpoints of any manager, by id; deleted ones are missing.
pub fn by_ids(connection: &mut Db, ids: &[EndpointId]) -> Result<HashMap<EndpointId, Endpoint>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<Columns> = endpoints::table
            .filter(endpoints::id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(endpoints::deleted_at_ms.is_null())
            .select(COLUMNS)
            .load(connection)?;
        for row in rows {
            let endpoint = endpoint(row)?;
            found.insert(endpoint.id, endpoint);
        }
    }
    Ok(found)
}

/// The endpoints of managers that are not paused. A manager that has lost the right to create users
/// is not notified until it regains it.
pub fn active_of(connection: &mut Db, managers: &[UserId]) -> Result<Vec<Endpoint>, StoreError> {
    let mut found = Vec::new();
    for managers in managers.chunks(CHUNK_IDS) {
        let ids: Vec<_> = managers.iter().map(|id| id.as_bytes().to_vec()).collect();
        let may: Vec<Vec<u8>> = users::table
            .filter(users::id.eq_any(ids))
            .filter(users::may_create_users)
            .select(users::id)
            .load(connection)?;
        let rows: Vec<Columns> = endpoints::table
            .filter(endpoints::manager_id.eq_any(may))
            .filter(endpoints::deleted_at_ms.is_null())
            .filter(endpoints::paused_at_ms.is_null())
            .order((endpoints::created_at_ms, endpoints::id))
            .select(COLUMNS)
            .load(connection)?;
        for row in rows {
            found.push(endpoint(row)?);
        }
    }
    Ok(found)
}

/// Changes one of a manager's endpoints to the given state, based on what this transaction has
/// read. Waiting deliveries go to the new destination: each is moved there when it is due.
pub fn update(connection: &mut Db, changed: &Endpoint) -> Result<(), StoreError> {
    lock_caller(connection, changed.manager)?;
    let id = changed.id.as_bytes().as_slice();
    let updated = diesel::update(endpoints::table.filter(endpoints::id.eq(id)))
        .filter(endpoints::manager_id.eq(changed.manager.as_bytes().as_slice()))
        .filter(endpoints::deleted_at_ms.is_null())
        .set((
            endpoints::url.eq(changed.url.as_str()),
            endpoints::kinds.eq(changed.kinds.bits()),
            endpoints::updated_at_ms.eq(changed.updated_at.get()),
            endpoints::paused_at_ms.eq(changed.paused_at.map(UnixMs::get)),
        ))
        .execute(connection)?;
    if updated != 1 {
        return Err(StoreError::NotFound);
    }
    subscribe(connection, changed.manager)
}

/// Deletes one of a manager's endpoints. Waiting deliveries to it are no longer sent.
pub fn delete(connection: &mut Db, manager: UserId, id: EndpointId, now: UnixMs) -> Result<(), StoreError> {
    lock_caller(connection, manager)?;
    let deleted = diesel::update(endpoints::table.filter(endpoints::id.eq(id.as_bytes().as_slice())))
        .filter(endpoints::manager_id.eq(manager.as_bytes().as_slice()))
        .filter(endpoints::deleted_at_ms.is_null())
        .set(endpoints::deleted_at_ms.eq(now.get()))
        .execute(connection)?;
    if deleted != 1 {
        return Err(StoreError::NotFound);
    }
    subscribe(connection, manager)
}
