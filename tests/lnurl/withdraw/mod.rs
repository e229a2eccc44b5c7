//! Withdraw links: what their owners do with them, and who is paid by them.

mod manage;
mod pay;
mod races;
mod webhook;

use serde_json::{Value, json};

use super::ask;
use crate::harness::{Server, Wallet};

const LINKS: &str = "/withdraw/api/v1/links";

/// What a link is to be that pays so often, from 10 to 100 sat, and nobody for an hour after a use.
fn order(uses: i64, is_unique: bool) -> Value {
    json!({
        "title": "Prize", "min_withdrawable": 10, "max_withdrawable": 100, "uses": uses, "wait_time": 3600,
        "is_unique": is_unique
    })
}

/// The order with other values in it.
fn with(mut order: Value, values: &Value) -> Value {
    order.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    order
}

/// A new link of a wallet.
#[track_caller]
fn new_link(server: &Server, wallet: &Wallet, order: &Value) -> Value {
    server.post(LINKS, &wallet.admin, order).expect(201)
}

/// The link as its owner sees it.
#[track_caller]
fn shown(server: &Server, wallet: &Wallet, link: &Value) -> Value {
    server.get(&format!("{LINKS}/{}", link["id"].as_str().unwrap()), &wallet.admin).expect(200)
}

/// The path that a QR code leads to.
#[track_caller]
fn path_of_code(server: &Server, code: &Value) -> String {
    let (_, data) = bech32::decode(code.as_str().unwrap()).unwrap();
    let url = String::from_utf8(data).unwrap();
    url.strip_prefix(&server.url).unwrap_or_else(|| panic!("{url}")).to_owned()
}

/// What a link offers that is opened.
#[track_caller]
fn open(server: &Server, code: &Value) -> Value {
    let offer = ask(server, &path_of_code(server, code)).expect(200);
    assert_eq!(offer["tag"], "withdrawRequest", "{offer}");
    offer
}

/// What hands an invoice over.
#[track_caller]
fn pay_path(server: &Server, offer: &Value, bolt11: &str) -> String {
    let callback = super::path_of(server, &offer["callback"]);
    let separator = if callback.contains('?') { '&' } else { '?' };
    format!("{callback}{separator}k1={}&pr={bolt11}", offer["k1"].as_str().unwrap())
}

/// Opens a link and is paid by it.
#[track_caller]
fn withdraw(server: &Server, code: &Value, bolt11: &str) -> Value {
    let offer = open(server, code);
    ask(server, &pay_path(server, &offer, bolt11)).expect(200)
}

/// Lets the time that a link waits pass.
fn let_it_wait(server: &Server) {
    server.database.execute("UPDATE withdraw_links SET last_used_at_ms = last_used_at_ms - 10000000").unwrap();
}

#[track_caller]
fn assert_says(answer: &Value, reason: &str) {
    assert_eq!(answer["status"], "ERROR", "{answer}");
    assert!(answer["reason"].as_str().unwrap().contains(reason), "{reason:?}: {answer}");
}
