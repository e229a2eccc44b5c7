//! Handing events over: in order, and nobody's after another's backlog.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use satkeep::clock;
use satkeep::domain::consumer::Consumer;
use satkeep::domain::ids::UserId;
use satkeep::domain::time::UnixMs;
use satkeep::store::db::migrations;
use satkeep::store::payments::expiry;
use satkeep::store::webhooks::events;
use satkeep::store::webhooks::hand_over::Walk;
use satkeep::store::{Database, Store, StoreError};
use satkeep::webhooks::lag::Lag;
use serde_json::json;

use super::delivery::invoice;
use super::endpoints::endpoint;
use super::options;
use crate::harness::{Receiver, StoreKind, TestDatabase, both_stores};

/// Bytes, as the store writes them.
fn bytes(store: StoreKind, hex: &str) -> String {
    match store {
        StoreKind::Sqlite => format!("x'{hex}'"),
        StoreKind::Postgres => format!("'\\x{hex}'"),
    }
}

/// A manager with this number.
fn manager(number: u32) -> Consumer {
    let mut id = [0; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    Consumer::manager(UserId::new(id))
}

/// Stores events of managers, which get their ids in this order.
fn store_events(database: &TestDatabase, store: StoreKind, of: &[u32]) {
    let rows: Vec<_> = of
        .iter()
        .enumerate()
        .map(|(number, manager)| {
            let consumer = bytes(store, &format!("{manager:032x}00"));
            format!("({}, 'test', {number}, {consumer})", bytes(store, &format!("{number:032x}")))
        })
        .collect();
    for rows in rows.chunks(500) {
        let insert = format!("INSERT INTO events (id, kind, created_at_ms, consumer) VALUES {}", rows.join(","));
        database.execute(&insert).unwrap();
    }
}

/// Takes a step, and hands over what it answers.
fn step(store: &Store, walk: &mut Walk) -> Vec<events::Event> {
    let mut next = walk.clone();
    let (next, found) = store
        .read_blocking(move |connection| {
            let found = next.step(connection)?;
            Ok((next, found))
        })
        .unwrap();
    *walk = next;
    let handed: Vec<_> = found.iter().map(|event| (event.consumer, event.id)).collect();
    let hand = |connection: &mut satkeep::store::Db| -> Result<(), StoreError> {
        events::hand_over(connection, &handed, Vec::new(), clock::now())
    };
    store.write_blocking(hand).unwrap();
    found
}

#[test]
fn everybody_is_handed_over_before_a_backlog_is_through() {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, store)) = TestDatabase::with_store(kind) else { continue };
        // One with very many, the oldest of all; then many with a few.
        let of: Vec<_> = std::iter::repeat_n(0, 3000).chain((1..=100).flat_map(|number| [number; 3])).collect();
        store_events(&database, kind, &of);
        let (mut walk, mut steps) = (Walk::default(), 0);
        let mut seen: BTreeMap<Consumer, Vec<i64>> = BTreeMap::new();
        loop {
            let found = step(&store, &mut walk);
            if found.is_empty() && !walk.is_under_way() {
                break;
            }
            steps += 1;
            assert!(found.len() <= 200 && steps < 100, "{kind:?}: {} in step {steps}", found.len());
            for event in found {
                seen.entry(event.consumer).or_default().push(event.created_at.get());
            }
            if steps == 2 {
                assert_eq!(seen.len(), 101, "{kind:?}: everybody has had a turn");
                assert!(seen[&manager(0)].len() < 400 && seen[&manager(100)].len() == 3, "{kind:?}");
            }
        }
        assert_eq!(seen.values().map(Vec::len).collect::<BTreeSet<_>>(), BTreeSet::from([3, 3000]), "{kind:?}");
        assert!(seen.values().flat_map(|times| times.windows(2)).all(|pair| pair[0] < pair[1]), "{kind:?}: in order");
        // Whoever is alone has the whole step.
        assert!(steps <= 20, "{kind:?}: {steps}");
    }
}

/// A walk that ends with as many as one step takes begins anew at once.
#[test]
fn a_walk_knows_its_end() {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, store)) = TestDatabase::with_store(kind) else { continue };
        store_events(&database, kind, &(1..=64).collect::<Vec<_>>());
        let mut walk = Walk::default();
        assert_eq!((step(&store, &mut walk).len(), walk.is_under_way()), (64, false), "{kind:?}");
        store_events(&database, kind, &(1..=65).collect::<Vec<_>>());
        assert_eq!((step(&store, &mut walk).len(), walk.is_under_way()), (64, true), "{kind:?}");
        assert_eq!((step(&store, &mut walk).len(), walk.is_under_way()), (1, false), "{kind:?}");
        assert_eq!((step(&store, &mut walk).len(), walk.is_under_way()), (0, false), "{kind:?}");
    }
}

/// What another process has handed over meanwhile is left out with its deliveries.
#[test]
fn an_event_is_handed_over_once() {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, store)) = TestDatabase::with_store(kind) else { continue };
        store_events(&database, kind, &[1, 2, 1]);
        let (mut one, mut other) = (Walk::default(), Walk::default());
        let found = store.read_blocking(|connection| one.step(connection)).unwrap();
        assert_eq!(found.iter().map(|event| event.consumer).collect::<Vec<_>>(), [manager(1), manager(1), manager(2)]);
        database.execute(&format!("DELETE FROM events WHERE id = {}", bytes(kind, &format!("{:032x}", 2)))).unwrap();
        assert_eq!(step(&store, &mut other).len(), 2, "{kind:?}");
        let handed: Vec<_> = found.iter().map(|event| (event.consumer, event.id)).collect();
        let again = |connection: &mut satkeep::store::Db| -> Result<(), StoreError> {
            events::hand_over(connection, &handed, Vec::new(), clock::now())
        };
        store.write_blocking(again).unwrap();
        assert_eq!(database.texts("SELECT kind AS text FROM events"), [""; 0], "{kind:?}");
    }
}

#[test]
fn the_lag_is_that_of_whole_walks() {
    let (now, ms) = (UnixMs::new(10_000), Duration::from_millis);
    let mut lag = Lag::default();
    assert_eq!(lag.latest(), ms(0));
    // The longest of a step, in whatever order, and the longest of the steps of a walk.
    lag.see([UnixMs::new(9_900), UnixMs::new(9_000), UnixMs::new(9_500)], now, false);
    assert_eq!(lag.latest(), ms(1_000));
    lag.see([UnixMs::new(9_990)], now, true);
    assert_eq!(lag.latest(), ms(1_000));
    // The next walk sees less, which is known at its end; what is due later is not late.
    lag.see([UnixMs::new(9_800)], now, false);
    assert_eq!(lag.latest(), ms(1_000));
    lag.see([UnixMs::new(11_000)], now, true);
    assert_eq!(lag.latest(), ms(200));
    lag.see([], now, true);
    assert_eq!(lag.latest(), ms(0));
}

/// Events that wait while the migration runs are charged to those whose they are.
#[test]
fn waiting_events_get_their_consumers() {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, store)) = TestDatabase::with_store(kind) else { continue };
        let made = crate::harness::run_cli(&database, &["manager", "create", "--name", "root"]).unwrap();
        let (user, wallet) = (made["user"].as_str().unwrap(), made["wallet"].as_str().unwrap());
        while !store.read_blocking(migrations::pending).unwrap().iter().any(|name| name.contains("event_consumers")) {
            store.read_blocking(migrations::revert_last).unwrap();
        }
        let (root, player) = (bytes(kind, user), bytes(kind, &format!("{:032x}", 7)));
        database
            .execute(&format!(
                "INSERT INTO users (id, manager_id, name, role, root_id, may_create_users, created_at_ms, updated_at_ms)
                 VALUES ({player}, {root}, 'player', 'user', {root}, FALSE, 1, 1);
                 INSERT INTO accounts (id, kind, balance_msat, entries, keys_version, spent_day, spent_msat, tenant, root_id)
                 VALUES ({player}, 'wallet', 0, 0, 1, 0, 0, {root}, {root});
                 INSERT INTO wallets (id, user_id, name, created_at_ms, updated_at_ms) VALUES ({player}, {player}, 'w', 1, 1);
                 INSERT INTO events (id, kind, account_id, manager_id, payload, created_at_ms) VALUES
                 ({}, 'payment.received', {}, NULL, NULL, 1), ({}, 'payment.received', {player}, NULL, NULL, 2),
                 ({}, 'user.created', NULL, {root}, '[]', 3), ({}, 'wallet.created', {player}, {root}, '[]', 4),
                 ({}, 'test', NULL, NULL, NULL, 5)",
                bytes(kind, &format!("{:032x}", 1)), bytes(kind, wallet), bytes(kind, &format!("{:032x}", 2)),
                bytes(kind, &format!("{:032x}", 3)), bytes(kind, &format!("{:032x}", 4)),
                bytes(kind, &format!("{:032x}", 5)),
            ))
            .unwrap();
        let before = database.texts("SELECT kind || COALESCE(payload, '') AS text FROM events ORDER BY created_at_ms");
        store.read_blocking(migrations::run).unwrap();
        let consumers = consumers(&database, kind, "events", "created_at_ms");
        let [own, users] = [format!("{user}00"), format!("{user}01")];
        assert_eq!(consumers, [own.clone(), users.clone(), own, users, "0".repeat(34)], "{kind:?}");
        let after = database.texts("SELECT kind || COALESCE(payload, '') AS text FROM events ORDER BY created_at_ms");
        assert_eq!(after, before, "{kind:?}");
    }
}

/// The consumers in a table, in hex.
fn consumers(database: &TestDatabase, store: StoreKind, table: &str, order: &str) -> Vec<String> {
    let hex = match store {
        StoreKind::Sqlite => "lower(hex(consumer))",
        StoreKind::Postgres => "encode(consumer, 'hex')",
    };
    database.texts(&format!("SELECT {hex} AS text FROM {table} ORDER BY {order}"))
}

both_stores! {
    fn events_are_charged_to_those_whose_they_are(server, options()) {
        // Events are gone soon, so they are written down elsewhere as well.
        server.database.execute(match server.store {
            StoreKind::Sqlite => {
                "CREATE TABLE written (kind TEXT, consumer BLOB);
                 CREATE TRIGGER write_down AFTER INSERT ON events BEGIN INSERT INTO written VALUES (new.kind, new.consumer); END"
            }
            StoreKind::Postgres => {
                "CREATE TABLE written (kind TEXT, consumer BYTEA);
                 CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO written VALUES (new.kind, new.consumer); RETURN NULL; END';
                 CREATE TRIGGER write_down AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION write_down()"
            }
        }).unwrap();
        let receiver = Receiver::start();
        let kinds = ["payment.received", "payment.sent", "invoice.expired", "user.created", "wallet.created", "wallet.frozen"];
        endpoint(server, &receiver.url, &kinds);
        let player = server.wallet("player", 0);
        let order = json!({"out": false, "amount": 3, "memo": "late", "expiry": 7200});
        server.post("/api/v1/payments", &player.invoice, &order).expect(201);
        server.pay(&server.manager, &server.invoice(&player, 9)).expect(201);
        server.pay(&player, &server.invoice(&server.manager, 4)).expect(201);
        // Another tenant's, whose endpoints do not ask.
        let other = server.new_manager("other", 100);
        let issued = invoice(server, &other, 1, &receiver.url);
        server.pay(&player, issued["bolt11"].as_str().unwrap()).expect(201);
        let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
        let later = clock::now().plus_seconds(7300);
        while store.write_blocking(|connection| expiry::sweep_some(connection, later)).unwrap() {}
        let [own, users, others] = [format!("{}00", server.manager.user), format!("{}01", server.manager.user), format!("{}00", other.user)];
        let mut expected = [
            ("user.created", &own), ("wallet.created", &users), ("payment.sent", &own), ("payment.received", &users),
            ("payment.sent", &users), ("payment.received", &own), ("payment.sent", &users), ("payment.received", &others),
            ("invoice.expired", &users),
        ].map(|(kind, consumer)| format!("{kind} {consumer}"));
        expected.sort();
        let consumers = consumers(&server.database, server.store, "written", "kind, consumer");
        let kinds = server.database.texts("SELECT kind AS text FROM written ORDER BY kind, consumer");
        let mut written: Vec<_> = kinds.iter().zip(&consumers).map(|(kind, consumer)| format!("{kind} {consumer}")).collect();
        written.sort();
        assert_eq!(written, expected);
        receiver.wait_for(9);
        server.audit();
    }

    fn nobodys_webhook_waits_for_anothers_events(server, options()) {
        let (busy, receiver) = (Receiver::start(), Receiver::start());
        endpoint(server, &busy.url, &["user.created"]);
        let victim = server.new_manager("victim", 1000);
        let issued: Vec<_> = (0..5).map(|_| invoice(server, &victim, 1, &receiver.url)).collect();
        // A backlog that is older than everything that follows.
        let (tenant, count) = (&server.manager.user, 30_000);
        server.database.execute(&match server.store {
            StoreKind::Sqlite => format!(
                "INSERT INTO events (id, kind, manager_id, payload, created_at_ms, consumer)
                 WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
                 SELECT unhex(printf('%032x', n)), 'user.created', x'{tenant}', '{{}}', 1, x'{tenant}00' FROM numbers"
            ),
            StoreKind::Postgres => format!(
                "INSERT INTO events (id, kind, manager_id, payload, created_at_ms, consumer)
                 SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'user.created', '\\x{tenant}', '{{}}', 1, '\\x{tenant}00'
                 FROM generate_series(1, {count}) AS n"
            ),
        }).unwrap();
        for issued in &issued {
            server.pay(&victim, issued["bolt11"].as_str().unwrap()).expect(201);
        }
        receiver.wait_for(issued.len());
        let left = server.database.texts("SELECT CAST(count(*) AS TEXT) AS text FROM events");
        assert!(left[0].parse::<usize>().unwrap() > count / 2, "{left:?} are left");
        // The backlog is worked through all the same.
        busy.wait_for(1);
    }
}
