//! That nobody waits for somebody else's targets.

use std::collections::BTreeSet;
use std::net::TcpListener;

use satkeep::events::shares::TOTAL_MAX;
use satkeep::store::due::Walk;

use super::delivery::invoice;
use super::options;
use crate::harness::{Receiver, StoreKind, TestDatabase, both_stores};

/// A delivery of a tenant to a host, due at a time, or not at all.
fn delivery(store: StoreKind, number: u32, tenant: u32, host: &str, next_at_ms: &str) -> String {
    let bytes = |number: u32| match store {
        StoreKind::Sqlite => format!("x'{number:032x}'"),
        StoreKind::Postgres => format!("'\\x{number:032x}'"),
    };
    let id = bytes(number);
    format!(
        "({id}, {id}, 'test', {id}, 'endpoint', '{host}', 'waiting', 0, 1, {next_at_ms}, {consumer})",
        consumer = match store {
            StoreKind::Sqlite => format!("x'{tenant:032x}00'"),
            StoreKind::Postgres => format!("'\\x{tenant:032x}00'"),
        }
    )
}

/// The walk comes to every host of every tenant, however many one of them has.
#[test]
fn whatever_is_due_is_seen() {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, store)) = TestDatabase::with_store(kind) else { continue };
        let mut rows = Vec::new();
        let mut add = |tenant: u32, host: &str, at: &str| {
            rows.push(delivery(kind, u32::try_from(rows.len()).unwrap(), tenant, host, at));
        };
        // One with very many hosts, the first of all; many with few; one with nothing on its way.
        for host in 0..1500 {
            add(0, &format!("host-{host:04}.example:443"), "5");
            add(0, &format!("host-{host:04}.example:443"), "4");
        }
        for tenant in 1..=100 {
            add(tenant, "one.example:443", "7");
            add(tenant, "[2001:db8::1]:8080", "6");
        }
        add(200, "parked.example:443", "NULL");
        let columns =
            "id, event_id, kind, owner_id, owner_kind, host, state, attempts, created_at_ms, next_at_ms, consumer";
        for rows in rows.chunks(500) {
            database.execute(&format!("INSERT INTO deliveries ({columns}) VALUES {}", rows.join(","))).unwrap();
        }
        let mut walk = Walk::default();
        let mut steps = Vec::new();
        let mut seen = BTreeSet::new();
        while steps.len() < 200 && seen.len() < 1700 {
            let (next, due) = store
                .read_blocking(move |connection| {
                    let due = walk.step(connection)?;
                    Ok((walk, due))
                })
                .unwrap();
            walk = next;
            steps.push(due.len());
            seen.extend(due.into_iter().map(|due| (due.place.consumer, due.place.host, due.at.get())));
            if steps.len() == 2 {
                let tenants: BTreeSet<_> = seen.iter().map(|(tenant, ..)| *tenant).collect();
                assert_eq!(tenants.len(), 101, "everybody is seen before the one with many hosts is through");
            }
        }
        assert_eq!(seen.len(), 1700, "{kind:?} {steps:?}");
        assert!(steps.iter().all(|count| *count <= 1024), "{steps:?}");
        let firsts: BTreeSet<_> = seen.into_iter().map(|(_, _, at)| at).collect();
        assert_eq!(firsts, BTreeSet::from([4, 6, 7]), "the first that is due at each");
    }
}

both_stores! {
    fn a_tenant_of_silent_targets_holds_up_no_other(server, options()) {
        // They take connections, and never answer.
        let silent: Vec<_> = (0..80).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let attacker = server.new_manager("attacker", 1000);
        let victim = server.new_manager("victim", 1000);
        let receiver = Receiver::start();
        for _ in 0..4 {
            for target in &silent {
                let url = format!("http://{}/", target.local_addr().unwrap());
                let issued = invoice(server, &attacker, 1, &url);
                server.pay(&attacker, issued["bolt11"].as_str().unwrap()).expect(201);
            }
        }
        for _ in 0..30 {
            let issued = invoice(server, &victim, 1, &receiver.url);
            server.pay(&victim, issued["bolt11"].as_str().unwrap()).expect(201);
        }
        receiver.wait_for(30);
        // 320 of the other's were due before, and few of them have set out.
        let mut set_out = 0;
        for target in &silent {
            target.set_nonblocking(true).unwrap();
            set_out += std::iter::from_fn(|| target.accept().ok()).count();
        }
        assert!(set_out > 0 && set_out <= TOTAL_MAX / 4, "{set_out} have set out");
    }

    fn users_of_a_tenant_hold_up_nothing_of_its_managers(server, options()) {
        let silent: Vec<_> = (0..70).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let studio = server.creator_of(&server.manager.admin, "studio");
        let receiver = Receiver::start();
        for target in &silent {
            let player = server.wallet_of(&studio.admin, "player");
            let url = format!("http://{}/", target.local_addr().unwrap());
            for _ in 0..4 {
                let issued = invoice(server, &player, 1, &url);
                server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
            }
        }
        let payer = server.wallet("payer", 30);
        for _ in 0..30 {
            let issued = invoice(server, &server.manager, 1, &receiver.url);
            server.pay(&payer, issued["bolt11"].as_str().unwrap()).expect(201);
        }
        receiver.wait_for(30);
        let mut set_out = 0;
        for target in &silent {
            target.set_nonblocking(true).unwrap();
            set_out += std::iter::from_fn(|| target.accept().ok()).count();
        }
        assert!(set_out > 0 && set_out <= TOTAL_MAX / 4, "{set_out} have set out");
    }
}
