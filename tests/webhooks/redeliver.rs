//! Deliveries that came to their end, among very many that wait: sent again, and pruned.

use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use satkeep::clock;
use satkeep::domain::ids::{EventId, OwnerId};
use satkeep::domain::time::UnixMs;
use satkeep::store::Store;
use satkeep::store::webhooks::log;

use crate::harness::{StoreKind, TestDatabase};

const OWNER: OwnerId = OwnerId::new([7; 16]);
/// How many there are, and of which of them each so many-th came to its end.
const COUNT: usize = 20_000;
const EACH: usize = 10_000;

/// Stores deliveries to one target, of events from 1970 on.
fn pile_up(database: &TestDatabase, store: StoreKind) {
    let insert =
        "INSERT INTO deliveries (id, event_id, kind, owner_id, owner_kind, host, state, attempts, created_at_ms)";
    let owner = "07".repeat(16);
    let state = format!("CASE WHEN n % {EACH} = 0 THEN 'delivered' ELSE 'waiting' END");
    let sql = match store {
        StoreKind::Sqlite => format!(
            "{insert} WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {COUNT})
             SELECT unhex(printf('%032x', n)), unhex(printf('00%030x', n)), 'test', x'{owner}', 'endpoint', 'h:1', {state}, 1, n
             FROM numbers; ANALYZE"
        ),
        StoreKind::Postgres => format!(
            "{insert} SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(lpad(to_hex(n), 32, '0'), 'hex'), 'test',
                '\\x{owner}', 'endpoint', 'h:1', {state}, 1, n
             FROM generate_series(1, {COUNT}) AS n; ANALYZE deliveries"
        ),
    };
    database.execute(&sql).unwrap();
}

fn states(database: &TestDatabase) -> Vec<String> {
    database.texts("SELECT state || ' ' || CAST(count(*) AS TEXT) AS text FROM deliveries GROUP BY state ORDER BY 1")
}

fn with_pile(work: impl Fn(&TestDatabase, &Store, StoreKind)) {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, store)) = TestDatabase::with_store(kind) else { continue };
        pile_up(&database, kind);
        work(&database, &store, kind);
    }
}

#[test]
fn what_ended_is_sent_again_among_much_that_waits() {
    with_pile(|database, store, kind| {
        let (since, until, now) = (UnixMs::new(0), clock::now(), clock::now());
        let again = |after: Option<EventId>| {
            store.write_blocking(|c| log::redeliver_some(c, OWNER, since, until, after, now)).unwrap()
        };
        let first = EventId::first_at(since);
        assert_eq!(again(Some(first)), (2, None), "{kind:?}");
        assert_eq!(states(database), [format!("waiting {COUNT}")], "{kind:?}");
        let due = database.texts(
            "SELECT CAST(created_at_ms AS TEXT) AS text FROM deliveries WHERE next_at_ms IS NOT NULL ORDER BY id",
        );
        assert_eq!(due, [EACH.to_string(), COUNT.to_string()], "{kind:?}");
        assert_eq!(again(None), (0, None), "{kind:?}");
    });
}

#[test]
fn what_ended_is_forgotten_among_much_that_waits() {
    with_pile(|database, store, kind| {
        let before = UnixMs::new(i64::try_from(EACH).unwrap() + 1);
        assert!(!store.write_blocking(|c| log::prune(c, before)).unwrap());
        assert_eq!(states(database), ["delivered 1".to_owned(), format!("waiting {}", COUNT - 2)], "{kind:?}");
    });
}

/// What waits is not looked at, however much it is.
#[test]
fn what_ended_is_found_by_indexes_of_its_own() {
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    #[derive(diesel::QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        detail: String,
    }
    with_pile(|database, _, kind| {
        let [from, to] = match kind {
            StoreKind::Sqlite => ["x'00'", "x'ff'"],
            StoreKind::Postgres => ["'\\x00'", "'\\xff'"],
        };
        let again = format!(
            "SELECT id, event_id FROM deliveries WHERE owner_id = {from} AND event_id > {from} AND event_id < {to}
             AND state <> 'waiting' ORDER BY event_id LIMIT 1000"
        );
        let prune = "SELECT id FROM deliveries WHERE created_at_ms < 5000 AND state <> 'waiting'
             ORDER BY created_at_ms LIMIT 500";
        for (query, index) in [(again.as_str(), "deliveries_ended"), (prune, "deliveries_ended_by_age")] {
            let plan: Vec<_> = match kind {
                StoreKind::Sqlite => {
                    let path = database.url.strip_prefix("sqlite://").unwrap();
                    let mut connection = SqliteConnection::establish(path).unwrap();
                    let explain = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"));
                    explain.load::<Step>(&mut connection).unwrap().into_iter().map(|step| step.detail).collect()
                }
                StoreKind::Postgres => {
                    let mut connection = PgConnection::establish(&database.url).unwrap();
                    let explain = diesel::sql_query(format!("EXPLAIN {query}"));
                    explain.load::<Plan>(&mut connection).unwrap().into_iter().map(|step| step.detail).collect()
                }
            };
            assert!(plan.iter().any(|step| step.contains(&format!(" {index} "))), "{kind:?}: {plan:?}");
        }
    });
}
