//! Races for the uses of links: on one process on both stores, and on two processes on PostgreSQL.

use serde_json::{Value, json};

use super::{assert_says, new_link, open, order, pay_path, shown, with};
use crate::harness::{Options, Server, StoreKind, at_once, both_stores};
use crate::ledger::race::at;
use crate::lnurl::ask;

fn count(answers: &[Value], reason: Option<&str>) -> usize {
    let is_it = |answer: &&Value| match reason {
        None => answer["status"] == "OK",
        Some(reason) => answer["reason"].as_str().is_some_and(|said| said.contains(reason)),
    };
    answers.iter().filter(is_it).count()
}

/// 50 callbacks for one opening, each with an invoice of its own: one is paid.
fn callbacks_race_for_one_opening(servers: &[&Server]) {
    let server = servers[0];
    let (alice, bob) = (server.wallet("alice", 5_000), server.wallet("bob", 0));
    let made = new_link(server, &alice, &order(250, false));
    let offer = open(server, &made["lnurl"]);
    let paths: Vec<_> = (0..50).map(|_| pay_path(server, &offer, &server.invoice(&bob, 20))).collect();
    let answers = at_once(50, |index| ask(at(servers, index), &paths[index]).expect(200));
    assert_eq!((count(&answers, None), count(&answers, Some("it was used"))), (1, 49), "{answers:?}");
    assert_eq!((server.balance(&alice), server.balance(&bob)), (4_980, 20));
    assert_eq!(shown(server, &alice, &made)["used"], 1);
    server.audit();
}

/// 50 who have opened a link that pays once: one is paid.
fn openings_race_for_the_only_use(servers: &[&Server]) {
    let server = servers[0];
    let (alice, bob) = (server.wallet("alice", 5_000), server.wallet("bob", 0));
    let made = new_link(server, &alice, &order(1, false));
    let paths: Vec<_> =
        (0..50).map(|_| pay_path(server, &open(server, &made["lnurl"]), &server.invoice(&bob, 20))).collect();
    let answers = at_once(50, |index| ask(at(servers, index), &paths[index]).expect(200));
    assert_eq!((count(&answers, None), count(&answers, Some("Withdraw is spent."))), (1, 49), "{answers:?}");
    assert_eq!((server.balance(&alice), server.balance(&bob)), (4_980, 20));
    server.audit();
}

/// 50 who have opened a link that pays often, but nobody for an hour after a use: one is paid.
fn openings_race_for_a_link_that_waits(servers: &[&Server]) {
    let server = servers[0];
    let (alice, bob) = (server.wallet("alice", 5_000), server.wallet("bob", 0));
    let made = new_link(server, &alice, &order(100, false));
    let paths: Vec<_> =
        (0..50).map(|_| pay_path(server, &open(server, &made["lnurl"]), &server.invoice(&bob, 20))).collect();
    let answers = at_once(50, |index| ask(at(servers, index), &paths[index]).expect(200));
    assert_eq!((count(&answers, None), count(&answers, Some("Wait "))), (1, 49), "{answers:?}");
    assert_eq!((server.balance(&alice), server.balance(&bob)), (4_980, 20));
    server.audit();
}

/// 50 for five uses that have links of their own, ten for each, while the owner takes two of them away and adds
/// others: none of the five pays twice, and the counts agree.
fn claims_race_with_the_owner(servers: &[&Server]) {
    let server = servers[0];
    let (alice, bob) = (server.wallet("alice", 5_000), server.wallet("bob", 0));
    let brief = |uses| with(order(uses, true), &json!({"wait_time": 1}));
    let made = new_link(server, &alice, &brief(5));
    let codes = made["lnurls"].as_array().unwrap();
    let paths: Vec<_> =
        (0..50).map(|index| pay_path(server, &open(server, &codes[index % 5]), &server.invoice(&bob, 20))).collect();
    let link = format!("{}/{}", super::LINKS, made["id"].as_str().unwrap());
    let answers = at_once(54, |index| {
        if index < 50 {
            return ask(at(servers, index), &paths[index]).expect(200);
        }
        let uses = if index % 2 == 0 { 3 } else { 9 };
        at(servers, index).put(&link, &alice.admin, &brief(uses)).expect(200)
    });
    let paid = count(&answers[..50], None);
    // The link waits for a second after each.
    assert!((1..=5).contains(&paid), "{answers:?}");
    for answer in answers[..50].iter().filter(|answer| answer["status"] != "OK") {
        assert_says(answer, "");
    }
    let now = shown(server, &alice, &made);
    let left = now["usescsv"].as_str().unwrap().split(',').count();
    assert_eq!((now["used"].as_u64().unwrap() as usize, now["uses"].as_u64().unwrap() as usize), (paid, paid + left));
    assert_eq!((server.balance(&alice), server.balance(&bob)), (5_000 - 20 * paid as i64, 20 * paid as i64));
    server.audit();
}

const RACES: [fn(&[&Server]); 4] = [
    callbacks_race_for_one_opening,
    openings_race_for_the_only_use,
    openings_race_for_a_link_that_waits,
    claims_race_with_the_owner,
];

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
