//! Bolt Cards over HTTP: what their owners do with them, what programming apps, tills and wallets
//! ask for, and what nobody may.

mod hosts;
mod manage;
mod programming;
mod races;
mod refunds;
mod taps;
mod tills;
mod upkeep;

use serde_json::{Value, json};

use crate::harness::{Answer, Card, Server, Wallet};

const CARDS: &str = "/boltcards/api/v1/cards";
const UID: &str = "04996c6a926980";

/// A card of a wallet, with limits of 100 sat at once and 1000 sat in a day.
#[track_caller]
fn new_card(server: &Server, wallet: &Wallet) -> (Value, Card) {
    let order = json!({"card_name": "Alice's card", "uid": UID, "tx_limit": 100, "daily_limit": 1000});
    let card = server.post(CARDS, &wallet.admin, &order).expect(201);
    let programmed = Card::programmed(&card);
    (card, programmed)
}

/// Asks as a wallet or till does, without any key.
#[track_caller]
fn ask(server: &Server, path: &str) -> Value {
    let answer = server.send("GET", path, &[], "");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    answer.expect(200)
}

/// Asserts that a wallet is told why not.
#[track_caller]
fn assert_says(answer: &Value, reason: &str) {
    assert_eq!(answer["status"], "ERROR", "{answer}");
    assert!(answer["reason"].as_str().unwrap().contains(reason), "{reason:?}: {answer}");
}

/// The path of a URL of the server.
fn path_of(server: &Server, url: &Value) -> String {
    let url = url.as_str().unwrap();
    let authority = server.url.strip_prefix("http://").unwrap();
    let (_, rest) = url.split_once("://").unwrap();
    rest.strip_prefix(authority).unwrap_or_else(|| panic!("{url} of {authority}")).to_owned()
}

/// What pays an invoice with a tap that was offered.
fn pay_path(server: &Server, offer: &Value, bolt11: &str) -> String {
    let callback = path_of(server, &offer["callback"]);
    format!("{callback}?k1={}&pr={bolt11}", offer["k1"].as_str().unwrap_or_else(|| panic!("{offer}")))
}

/// A tap that is accepted.
#[track_caller]
fn tap(server: &Server, card: &mut Card) -> Value {
    let offer = ask(server, &card.tap());
    assert_eq!(offer["tag"], "withdrawRequest", "{offer}");
    offer
}

/// A tap that pays an invoice.
#[track_caller]
fn tap_and_pay(server: &Server, card: &mut Card, bolt11: &str) -> Value {
    let offer = tap(server, card);
    ask(server, &pay_path(server, &offer, bolt11))
}

#[track_caller]
fn hits(server: &Server, wallet: &Wallet) -> Vec<Value> {
    server.get("/boltcards/api/v1/hits", &wallet.invoice).expect(200).as_array().unwrap().clone()
}

fn head(server: &Server, path: &str, key: &str) -> Answer {
    server.send("HEAD", path, &[("X-Api-Key", key)], "")
}
