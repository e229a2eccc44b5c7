//! Races for one tap, for one counter, and for the rest of a day: on one process on both stores, and
//! on two processes on PostgreSQL.

use super::{ask, assert_says, hits, new_card, pay_path, tap};
use crate::harness::{Options, Server, StoreKind, at_once, both_stores};
use crate::ledger::race::at;

/// 50 callbacks on one tap, each with an invoice of its own: one is paid.
fn callbacks_race_for_one_tap(servers: &[&Server]) {
    let server = servers[0];
    let (alice, till) = (server.wallet("alice", 5_000), server.wallet("till", 0));
    let (_, mut card) = new_card(server, &alice);
    let offer = tap(server, &mut card);
    let paths: Vec<_> = (0..50).map(|_| pay_path(server, &offer, &server.invoice(&till, 20))).collect();
    let answers = at_once(50, |index| ask(at(servers, index), &paths[index]));
    assert_eq!(answers.iter().filter(|answer| answer["status"] == "OK").count(), 1);
    for answer in answers.iter().filter(|answer| answer["status"] != "OK") {
        assert_says(answer, "Payment already claimed.");
    }
    assert_eq!((server.balance(&alice), server.balance(&till)), (4_980, 20));
    server.audit();
}

/// One tap is shown 50 times at once: it is accepted once.
fn scans_race_for_one_counter(servers: &[&Server]) {
    let server = servers[0];
    let alice = server.wallet("alice", 0);
    let (_, mut card) = new_card(server, &alice);
    let shown = card.tap();
    let answers = at_once(50, |index| ask(at(servers, index), &shown));
    assert_eq!(answers.iter().filter(|answer| answer["tag"] == "withdrawRequest").count(), 1);
    for answer in answers.iter().filter(|answer| answer["tag"] != "withdrawRequest") {
        assert_says(answer, "This link is already used.");
    }
    assert_eq!(hits(server, &alice).len(), 1);
}

/// 50 open taps, of 100 sat each, and a limit of 1000 sat for the day: ten are paid.
fn taps_race_for_one_day(servers: &[&Server]) {
    let server = servers[0];
    let (alice, till) = (server.wallet("alice", 50_000), server.wallet("till", 0));
    let (_, mut card) = new_card(server, &alice);
    let paths: Vec<_> = (0..50)
        .map(|_| {
            let offer = tap(server, &mut card);
            pay_path(server, &offer, &server.invoice(&till, 100))
        })
        .collect();
    let answers = at_once(50, |index| ask(at(servers, index), &paths[index]));
    assert_eq!(answers.iter().filter(|answer| answer["status"] == "OK").count(), 10);
    for answer in answers.iter().filter(|answer| answer["status"] != "OK") {
        assert_says(answer, "Max daily limit spent.");
    }
    assert_eq!((server.balance(&alice), server.balance(&till)), (49_000, 1_000));
    assert_eq!(hits(server, &alice).iter().filter(|hit| hit["spent"] == true).count(), 10);
    server.audit();
}

const RACES: [fn(&[&Server]); 3] = [callbacks_race_for_one_tap, scans_race_for_one_counter, taps_race_for_one_day];

both_stores! {
    fn races_on_one_process(server) {
        for race in RACES {
            race(&[server]);
        }
    }
}

#[test]
fn races_on_two_processes() {
    let Some(first) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    let second = first.replica();
    for race in RACES {
        race(&[&first, &second]);
    }
}
