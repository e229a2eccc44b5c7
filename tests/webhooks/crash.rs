//! What is promised of webhooks when everything goes wrong: each event arrives at least once,
//! under one id, and none waits for somebody else's target.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::delivery::invoice;
use super::endpoints::endpoint;
use super::options;
use crate::harness::{Receiver, Reply, Server, StoreKind, Wallet, at_once, both_stores};

const PAYEES: usize = 50;
const PAYERS: usize = 5;
const INVOICES: usize = 1000;

/// A receiver that refuses half of all events the first time: a third of its requests.
fn failing_receiver() -> Receiver {
    let seen = Mutex::new(HashSet::new());
    Receiver::answering(move |hook| {
        let is_new = seen.lock().unwrap().insert(hook.event().to_owned());
        let odd = hook.event().bytes().last().is_some_and(|byte| byte % 2 == 1);
        Reply::status(if is_new && odd { 503 } else { 200 })
    })
}

/// Pays, until the server is gone; answers what is not paid yet, as far as that is known.
fn pay_all(server: &Server, payers: &[Wallet], invoices: Vec<String>, paid: &AtomicUsize) -> Vec<String> {
    let open = Mutex::new(invoices);
    let unsure = Mutex::new(Vec::new());
    at_once(PAYERS, |index| {
        loop {
            let Some(bolt11) = open.lock().unwrap().pop() else { break };
            let body = json!({"out": true, "bolt11": bolt11}).to_string();
            let headers = [("X-Api-Key", payers[index].admin.as_str())];
            match server.try_send("POST", "/api/v1/payments", &headers, &body) {
                Ok(answer) if answer.status == 201 || answer.text.contains("already paid") => {
                    paid.fetch_add(1, Ordering::SeqCst);
                }
                Ok(_) | Err(_) => {
                    unsure.lock().unwrap().push(bolt11);
                    break;
                }
            }
        }
    });
    let mut left = open.into_inner().unwrap();
    left.append(&mut unsure.into_inner().unwrap());
    left
}

both_stores! {
    fn a_killed_server_loses_no_event(server, options()) {
        let receiver = failing_receiver();
        // A target that never answers, and one that nobody listens at: these must cost the others nothing.
        let silent = Receiver::answering(|_| Reply { after: Duration::from_secs(300), ..Reply::status(200) });
        let payees: Vec<_> = (0..PAYEES).map(|_| server.wallet("payee", 0)).collect();
        let payers: Vec<_> = (0..PAYERS).map(|_| server.wallet("payer", 10_000)).collect();
        for url in [silent.url.as_str(), "http://127.0.0.1:9/"] {
            for payee in payees.iter().take(20) {
                let issued = invoice(server, payee, 1, url);
                server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
            }
        }
        let issued: Vec<_> = at_once(PAYEES, |index| {
            (0..INVOICES / PAYEES).map(|_| invoice(server, &payees[index], 1, &receiver.url)).collect::<Vec<_>>()
        });
        let issued: Vec<_> = issued.into_iter().flatten().collect();
        let hashes: BTreeSet<String> = issued.iter().map(|it| it["payment_hash"].as_str().unwrap().to_owned()).collect();
        let mut open: Vec<String> = issued.iter().map(|it| it["bolt11"].as_str().unwrap().to_owned()).collect();
        let paid = AtomicUsize::new(0);
        for kill_after in [150, 500, 800] {
            std::thread::scope(|scope| {
                let (killed, paid) = (&*server, &paid);
                scope.spawn(move || {
                    while paid.load(Ordering::SeqCst) < kill_after {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    killed.signal("-KILL");
                });
                open = pay_all(killed, &payers, std::mem::take(&mut open), paid);
            });
            server.wait();
            *server = server.replica();
        }
        open = pay_all(server, &payers, open, &paid);
        assert!(open.is_empty());
        // And once more while nothing but webhooks is under way.
        let before = receiver.hooks().len();
        receiver.wait_until(|hooks| hooks.len() > before + 20 || hooks.len() >= INVOICES);
        server.signal("-KILL");
        server.wait();
        *server = server.replica();

        let hash_of = |hook: &crate::harness::Hook| hook.json()["payment_hash"].as_str().unwrap().to_owned();
        let accepted = |hooks: &[crate::harness::Hook]| -> BTreeSet<String> {
            // The second time at the latest, an event was taken.
            let mut times: BTreeMap<String, usize> = BTreeMap::new();
            for hook in hooks {
                *times.entry(hook.event().to_owned()).or_default() += 1;
            }
            let odd = |event: &str| event.bytes().last().is_some_and(|byte| byte % 2 == 1);
            times.into_iter().filter(|(event, times)| !odd(event) || *times > 1).map(|(event, _)| event).collect()
        };
        let hooks = receiver.wait_until(|hooks| accepted(hooks).len() >= INVOICES);
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for hook in &hooks {
            ids.entry(hash_of(hook)).or_default().insert(hook.event().to_owned());
        }
        assert_eq!(ids.keys().cloned().collect::<BTreeSet<_>>(), hashes, "an event is lost, or of nothing");
        assert!(ids.values().all(|ids| ids.len() == 1), "an event has two ids");
        server.audit();
    }

    fn order_is_kept_while_a_target_fails(server, options()) {
        let successes = std::sync::Arc::new(Mutex::new(Vec::new()));
        let seen = Mutex::new(HashSet::new());
        let taken = std::sync::Arc::clone(&successes);
        let receiver = Receiver::answering(move |hook| {
            let amount = hook.json()["amount"].as_i64().unwrap();
            if amount % 5 == 3 && seen.lock().unwrap().insert(amount) {
                return Reply::status(500);
            }
            taken.lock().unwrap().push(amount);
            Reply::status(204)
        });
        endpoint(server, &receiver.url, &["payment.received"]);
        let payee = server.wallet("payee", 0);
        for sats in 1..=12 {
            server.pay(&server.manager, &server.invoice(&payee, sats)).expect(201);
        }
        receiver.wait_for(14);
        while successes.lock().unwrap().len() < 12 {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(*successes.lock().unwrap(), (1..=12).collect::<Vec<_>>());
    }
}

#[test]
fn two_processes_share_the_work() {
    let Some(server) = Server::start(StoreKind::Postgres, options()) else { return };
    let replica = server.replica();
    let receiver = Receiver::answering(|_| Reply { after: Duration::from_millis(5), ..Reply::status(200) });
    endpoint(&server, &format!("{}/endpoint", receiver.url), &["payment.received"]);
    let payees: Vec<_> = (0..10).map(|_| server.wallet("payee", 0)).collect();
    at_once(10, |index| {
        for number in 0..20 {
            let (one, other) = if number % 2 == 0 { (&server, &replica) } else { (&replica, &server) };
            let issued = invoice(one, &payees[index], 1, &format!("{}/own", receiver.url));
            other.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
        }
    });
    receiver.wait_for(400);
    std::thread::sleep(Duration::from_secs(1));
    let hooks = receiver.hooks();
    let ids: BTreeSet<_> = hooks.iter().map(|hook| (hook.path.as_str(), hook.event())).collect();
    assert_eq!((hooks.len(), ids.len()), (400, 400), "an event was delivered by both");
    assert_eq!(ids.iter().filter(|(path, _)| *path == "/own").count(), 200);
}
