//! That nobody waits for somebody else's targets.

use std::collections::BTreeSet;

use satkeep::store::webhooks::due::Walk;
use satkeep::webhooks::fairness::TOTAL_MAX;

use super::delivery::invoice;
use super::options;
use crate::harness::{Receiver, Server, Silent, StoreKind, TestDatabase, Wallet, both_stores};

/// A delivery of a tenant to a host, due at a time, or not at all.
fn delivery(store: StoreKind, number: u32, tenant: u32, host: &str, next_at_ms: &str) -> String {
    let (id, consumer) = (store.bytes(&format!("{number:032x}")), store.bytes(&format!("{tenant:032x}00")));
    format!("({id}, {id}, 'test', {id}, 'endpoint', '{host}', 'waiting', 0, 1, {next_at_ms}, {consumer})")
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
            seen.extend(due.into_iter().map(|due| (due.destination.consumer, due.destination.host, due.at.get())));
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

/// An invoice with a webhook, just paid.
fn paid(server: &Server, payer: &Wallet, payee: &Wallet, url: &str) {
    let issued = invoice(server, payee, 1, url);
    server.pay(payer, issued["bolt11"].as_str().unwrap()).expect(201);
}

/// Somebody is told of 30 payments, though more for silent targets were due before: of these, few
/// have set out.
fn others_are_told(server: &Server, payer: &Wallet, payee: &Wallet, silent: &Silent) {
    let receiver = Receiver::start();
    for _ in 0..30 {
        paid(server, payer, payee, &receiver.url);
    }
    receiver.wait_for(30);
    let set_out = silent.connections();
    assert!(set_out > 0 && set_out <= TOTAL_MAX / 4, "{set_out} have set out");
}

both_stores! {
    fn a_tenant_of_silent_targets_holds_up_no_other(server, options()) {
        let silent = Silent::start(80);
        let attacker = server.new_manager("attacker", 1000);
        let victim = server.new_manager("victim", 1000);
        for _ in 0..4 {
            for url in silent.urls() {
                paid(server, &attacker, &attacker, &url);
            }
        }
        others_are_told(server, &victim, &victim, &silent);
    }

    fn users_of_a_tenant_hold_up_nothing_of_its_managers(server, options()) {
        let silent = Silent::start(70);
        let studio = server.creator_of(&server.manager.admin, "studio");
        for url in silent.urls() {
            let player = server.wallet_of(&studio.admin, "player");
            for _ in 0..4 {
                paid(server, &server.manager, &player, &url);
            }
        }
        let payer = server.wallet("payer", 30);
        others_are_told(server, &payer, &server.manager, &silent);
    }
}
