//! Where something is due: a walk along an index, tenant by tenant and host by host, two looks
//! for each, however much there is for any of them. Each step sees some hosts of some tenants, so
//! that nobody is out of sight for long because of what others have due.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Text};
use diesel::{PgConnection, SqliteConnection};

use super::connection::Db;
use super::error::StoreError;
use super::statement::statement;
use crate::domain::events::Place;
use crate::domain::ids::UserId;
use crate::domain::time::UnixMs;

/// Tenants that one step looks at.
const TENANTS_MAX: usize = 64;
/// Hosts that one step looks at: the same number of each tenant.
const HOSTS_MAX: usize = 1024;

/// A place that something is on its way to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The place.
    pub place: Place,
    /// When the first of it is due.
    pub at: UnixMs,
}

/// How far the walk has come.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The tenant behind which the next step begins; empty for the first one.
    after: Vec<u8>,
    /// The same among the hosts of tenants that have more of them than one step looks at.
    after_hosts: HashMap<UserId, String>,
}

impl Walk {
    /// Takes a step, and answers what is seen from there.
    pub fn step(&mut self, connection: &mut Db) -> Result<Vec<Due>, StoreError> {
        let tenants = tenants(connection, &self.after)?;
        let is_last = tenants.len() < TENANTS_MAX;
        self.after = tenants.last().filter(|_| !is_last).map(|last| last.as_bytes().to_vec()).unwrap_or_default();
        let behind = |tenant: UserId| self.after_hosts.get(&tenant).cloned().unwrap_or_default();
        let starts: Vec<_> = tenants.iter().map(|tenant| Place { tenant: *tenant, host: behind(*tenant) }).collect();
        let each = HOSTS_MAX / tenants.len().max(1);
        let seen = places(connection, &starts, each)?;
        for tenant in tenants {
            let of_tenant = seen.iter().filter(|due| due.place.tenant == tenant).map(|due| &due.place.host);
            match (of_tenant.clone().count() < each, of_tenant.max()) {
                (false, Some(last)) => drop(self.after_hosts.insert(tenant, last.clone())),
                _ => drop(self.after_hosts.remove(&tenant)),
            }
        }
        Ok(seen)
    }

    /// Whether there are tenants that the last steps have not come to.
    pub fn is_under_way(&self) -> bool {
        !self.after.is_empty()
    }
}

#[derive(QueryableByName)]
struct TenantRow {
    #[diesel(sql_type = Binary)]
    tenant: Vec<u8>,
}

/// The tenants that have something on its way, in order, from behind one on.
fn tenants(connection: &mut Db, after: &[u8]) -> Result<Vec<UserId>, StoreError> {
    let query = diesel::sql_query(
        "WITH RECURSIVE tenants (tenant) AS (
            SELECT (SELECT d.tenant FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.tenant > $1
                    ORDER BY d.tenant LIMIT 1)
            UNION ALL
            SELECT (SELECT d.tenant FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.tenant > t.tenant
                    ORDER BY d.tenant LIMIT 1)
            FROM tenants AS t WHERE t.tenant IS NOT NULL
        )
        SELECT t.tenant FROM tenants AS t WHERE t.tenant IS NOT NULL LIMIT $2",
    )
    .bind::<Binary, _>(after)
    .bind::<BigInt, _>(i64::try_from(TENANTS_MAX).unwrap_or(i64::MAX));
    let rows: Vec<TenantRow> = match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    };
    rows.into_iter().map(|row| Ok(UserId::from_slice(&row.tenant)?)).collect()
}

statement!(
    /// The hosts of one tenant from behind one on, and when the first of each is due, on SQLite.
    PlacesSqlite on SqliteConnection,
    (
        tenant: &'a [u8] as Binary,
        after: &'a str as Text,
        same_tenant: &'a [u8] as Binary,
        hosts_max: i64 as BigInt,
        tenant_again: &'a [u8] as Binary,
    ) -> (Text, BigInt),
    "WITH RECURSIVE places (host, number) AS (
        SELECT (SELECT d.host FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.tenant = ? AND d.host > ?
                ORDER BY d.host LIMIT 1), 1
        UNION ALL
        SELECT (SELECT d.host FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.tenant = ? AND d.host > p.host
                ORDER BY d.host LIMIT 1), p.number + 1
        FROM places AS p WHERE p.host IS NOT NULL AND p.number < ?
    )
    SELECT p.host, (SELECT d.next_at_ms FROM deliveries AS d
                    WHERE d.tenant = ? AND d.host = p.host AND d.next_at_ms IS NOT NULL
                    ORDER BY d.next_at_ms LIMIT 1)
    FROM places AS p WHERE p.host IS NOT NULL"
);

statement!(
    /// The hosts of tenants, of each from behind one on, and when the first of each is due, on
    /// PostgreSQL.
    PlacesPostgres on PgConnection,
    (
        tenants: Vec<&'a [u8]> as Array<Binary>,
        after: Vec<&'a str> as Array<Text>,
        hosts_max: i64 as BigInt,
    ) -> (Binary, Text, BigInt),
    "WITH RECURSIVE places (tenant, host, number) AS (
        SELECT s.tenant, (SELECT d.host FROM deliveries AS d
                          WHERE d.next_at_ms IS NOT NULL AND d.tenant = s.tenant AND d.host > s.host
                          ORDER BY d.host LIMIT 1), 1::BIGINT
        FROM unnest(?, ?) AS s (tenant, host)
        UNION ALL
        SELECT p.tenant, (SELECT d.host FROM deliveries AS d
                          WHERE d.next_at_ms IS NOT NULL AND d.tenant = p.tenant AND d.host > p.host
                          ORDER BY d.host LIMIT 1), p.number + 1
        FROM places AS p WHERE p.host IS NOT NULL AND p.number < ?
    )
    SELECT p.tenant, p.host, (SELECT d.next_at_ms FROM deliveries AS d
                              WHERE d.tenant = p.tenant AND d.host = p.host AND d.next_at_ms IS NOT NULL
                              ORDER BY d.next_at_ms LIMIT 1)
    FROM places AS p WHERE p.host IS NOT NULL"
);

/// The hosts that something is on its way to, some of each tenant, from behind one on.
fn places(connection: &mut Db, starts: &[Place], each: usize) -> Result<Vec<Due>, StoreError> {
    let hosts_max = i64::try_from(each).unwrap_or(i64::MAX);
    let mut seen = Vec::new();
    match connection {
        Db::Sqlite(c) => {
            for Place { tenant, host: after } in starts {
                let id = tenant.as_bytes().as_slice();
                let query = PlacesSqlite { tenant: id, after, same_tenant: id, hosts_max, tenant_again: id };
                let rows: Vec<(String, i64)> = query.load(c)?;
                seen.extend(rows.into_iter().map(|(host, at)| due(*tenant, host, at)));
            }
        }
        Db::Postgres(c) => {
            let tenants = starts.iter().map(|start| start.tenant.as_bytes().as_slice()).collect();
            let after = starts.iter().map(|start| start.host.as_str()).collect();
            let rows: Vec<(Vec<u8>, String, i64)> = PlacesPostgres { tenants, after, hosts_max }.load(c)?;
            for (tenant, host, at) in rows {
                seen.push(due(UserId::from_slice(&tenant)?, host, at));
            }
        }
    }
    Ok(seen)
}

fn due(tenant: UserId, host: String, at_ms: i64) -> Due {
    Due { place: Place { tenant, host }, at: UnixMs::new(at_ms) }
}
