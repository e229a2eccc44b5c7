//! Finds destinations with due deliveries: a walk along an index, consumer by consumer and host by
//! host, with two lookups for each, however many deliveries there are. Each step sees some hosts of
//! some consumers, so that nobody is overlooked for long because of what others have due.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Text};
use diesel::{PgConnection, SqliteConnection};

use crate::domain::consumer::Consumer;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::Destination;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;

/// Consumers checked in one step.
const CONSUMERS_MAX: usize = 64;
/// Hosts checked in one step, the same number for each consumer.
const HOSTS_MAX: usize = 1024;

/// A destination with waiting deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The destination.
    pub destination: Destination,
    /// When the first of them is due.
    pub at: UnixMs,
}

/// The position of the walk.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The consumer after which the next step begins; empty for the first one.
    after: Vec<u8>,
    /// The same for the hosts of consumers that have more than one step checks.
    after_hosts: HashMap<Consumer, String>,
}

impl Walk {
    /// Takes a step, and returns what it finds.
    pub fn step(&mut self, connection: &mut Db) -> Result<Vec<Due>, StoreError> {
        let consumers = consumers(connection, &self.after)?;
        let is_last = consumers.len() < CONSUMERS_MAX;
        self.after = consumers.last().filter(|_| !is_last).map(|last| last.to_bytes().to_vec()).unwrap_or_default();
        let start = |consumer: &Consumer| Destination {
            consumer: *consumer,
            host: self.after_hosts.get(consumer).cloned().unwrap_or_default(),
        };
        let starts: Vec<_> = consumers.iter().map(start).collect();
        let each = HOSTS_MAX / consumers.len().max(1);
        let seen = destinations(connection, &starts, each)?;
        for consumer in consumers {
            let of_consumer =
                seen.iter().filter(|due| due.destination.consumer == consumer).map(|due| &due.destination.host);
            match (of_consumer.clone().count() < each, of_consumer.max()) {
                (false, Some(last)) => drop(self.after_hosts.insert(consumer, last.clone())),
                _ => drop(self.after_hosts.remove(&consumer)),
            }
        }
        Ok(seen)
    }

    /// Whether there are consumers that the walk has not reached yet.
    pub fn is_under_way(&self) -> bool {
        !self.after.is_empty()
    }
}

#[derive(QueryableByName)]
struct ConsumerRow {
    #[diesel(sql_type = Binary)]
    consumer: Vec<u8>,
}

/// The consumers with waiting deliveries, in order, after this one.
fn consumers(connection: &mut Db, after: &[u8]) -> Result<Vec<Consumer>, StoreError> {
    let query = diesel::sql_query(
        "WITH RECURSIVE consumers (consumer) AS (
            SELECT (SELECT d.consumer FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.consumer > $1
                    ORDER BY d.consumer LIMIT 1)
            UNION ALL
            SELECT (SELECT d.consumer FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.consumer > c.consumer
                    ORDER BY d.consumer LIMIT 1)
            FROM consumers AS c WHERE c.consumer IS NOT NULL
        )
        SELECT c.consumer FROM consumers AS c WHERE c.consumer IS NOT NULL LIMIT $2",
    )
    .bind::<Binary, _>(after)
    .bind::<BigInt, _>(i64::try_from(CONSUMERS_MAX).unwrap_or(i64::MAX));
    let rows: Vec<ConsumerRow> = match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    };
    rows.into_iter().map(|row| Ok(Consumer::from_slice(&row.consumer)?)).collect()
}

statement!(
    /// The hosts of one consumer after a given one, and when the first delivery of each is due, on
    /// SQLite.
    PlacesSqlite on SqliteConnection,
    (
        consumer: &'a [u8] as Binary,
        after: &'a str as Text,
        same_consumer: &'a [u8] as Binary,
        hosts_max: i64 as BigInt,
        consumer_again: &'a [u8] as Binary,
    ) -> (Text, BigInt),
    "WITH RECURSIVE destinations (host, number) AS (
        SELECT (SELECT d.host FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.consumer = ? AND d.host > ?
                ORDER BY d.host LIMIT 1), 1
        UNION ALL
        SELECT (SELECT d.host FROM deliveries AS d WHERE d.next_at_ms IS NOT NULL AND d.consumer = ? AND d.host > p.host
                ORDER BY d.host LIMIT 1), p.number + 1
        FROM destinations AS p WHERE p.host IS NOT NULL AND p.number < ?
    )
    SELECT p.host, (SELECT d.next_at_ms FROM deliveries AS d
                    WHERE d.consumer = ? AND d.host = p.host AND d.next_at_ms IS NOT NULL
                    ORDER BY d.next_at_ms LIMIT 1)
    FROM destinations AS p WHERE p.host IS NOT NULL"
);

statement!(
    /// The hosts of several consumers, each after a given one, and when the first delivery of each
    /// is due, on PostgreSQL.
    PlacesPostgres on PgConnection,
    (
        consumers: Vec<&'a [u8]> as Array<Binary>,
        after: Vec<&'a str> as Array<Text>,
        hosts_max: i64 as BigInt,
    ) -> (Binary, Text, BigInt),
    "WITH RECURSIVE destinations (consumer, host, number) AS (
        SELECT s.consumer, (SELECT d.host FROM deliveries AS d
                          WHERE d.next_at_ms IS NOT NULL AND d.consumer = s.consumer AND d.host > s.host
                          ORDER BY d.host LIMIT 1), 1::BIGINT
        FROM unnest(?, ?) AS s (consumer, host)
        UNION ALL
        SELECT p.consumer, (SELECT d.host FROM deliveries AS d
                          WHERE d.next_at_ms IS NOT NULL AND d.consumer = p.consumer AND d.host > p.host
                          ORDER BY d.host LIMIT 1), p.number + 1
        FROM destinations AS p WHERE p.host IS NOT NULL AND p.number < ?
    )
    SELECT p.consumer, p.host, (SELECT d.next_at_ms FROM deliveries AS d
                              WHERE d.consumer = p.consumer AND d.host = p.host AND d.next_at_ms IS NOT NULL
                              ORDER BY d.next_at_ms LIMIT 1)
    FROM destinations AS p WHERE p.host IS NOT NULL"
);

/// Some hosts with waiting deliveries for each consumer, after the given ones.
fn destinations(connection: &mut Db, starts: &[Destination], each: usize) -> Result<Vec<Due>, StoreError> {
    let hosts_max = i64::try_from(each).unwrap_or(i64::MAX);
    let mut seen = Vec::new();
    match connection {
        Db::Sqlite(c) => {
            for Destination { consumer, host: after } in starts {
                let id = consumer.to_bytes();
                let query = PlacesSqlite { consumer: &id, after, same_consumer: &id, hosts_max, consumer_again: &id };
                let rows: Vec<(String, i64)> = query.load(c)?;
                seen.extend(rows.into_iter().map(|(host, at)| due(*consumer, host, at)));
            }
        }
        Db::Postgres(c) => {
            let ids: Vec<_> = starts.iter().map(|start| start.consumer.to_bytes()).collect();
            let consumers = ids.iter().map(AsRef::as_ref).collect();
            let after = starts.iter().map(|start| start.host.as_str()).collect();
            let rows: Vec<(Vec<u8>, String, i64)> = PlacesPostgres { consumers, after, hosts_max }.load(c)?;
            for (consumer, host, at) in rows {
                seen.push(due(Consumer::from_slice(&consumer)?, host, at));
            }
        }
    }
    Ok(seen)
}

fn due(consumer: Consumer, host: String, at_ms: i64) -> Due {
    Due { destination: Destination { consumer, host }, at: UnixMs::new(at_ms) }
}
