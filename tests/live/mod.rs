//! Live streams: each side sees every payment once, whatever gets lost on the way.

mod limits;
mod replicas;
mod sockets;
mod streams;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Event, Server, Wallet};

/// The payment hashes of events.
fn hashes(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.data["payment_hash"].as_str().unwrap().to_owned()).collect()
}

/// Asserts that these are the events from one number on, without a gap, each of another
/// payment.
#[track_caller]
fn assert_all_once(events: &[Event], first: i64, name: &str) {
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    let expected: Vec<_> = (first..).take(events.len()).collect();
    assert_eq!(ids, expected);
    assert!(events.iter().all(|event| event.name == name), "{events:?}");
    let different: BTreeSet<_> = hashes(events).into_iter().collect();
    assert_eq!(different.len(), events.len());
}

/// Pays a new invoice, and answers its hash.
fn pay_once(server: &Server, payer: &Wallet, payee: &Wallet) -> String {
    let paid = server.pay(payer, &server.invoice(payee, 1)).expect(201);
    paid["payment_hash"].as_str().unwrap().to_owned()
}

/// Moves a sat as many times as a request may, or fewer.
fn transfer(server: &Server, from: &Wallet, to: &Wallet, count: usize) -> Value {
    let leg = json!({"from_wallet": from.id, "to_wallet": to.id, "amount": 1});
    server.post("/usermanager/api/v1/transfers", &server.manager.admin, &json!(vec![leg; count])).expect(201)
}
