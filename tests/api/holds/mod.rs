//! `/usermanager/api/v1/holds`: money that is promised before it moves.

mod capturing;
mod controls;
mod events;
mod idempotency;
mod invoices;
mod lists;
mod placing;
mod settling;

use serde_json::{Value, json};

use crate::harness::{Answer, Server, Wallet};

pub(crate) const HOLDS: &str = "/usermanager/api/v1/holds";

pub(crate) fn id_of(hold: &Value) -> &str {
    hold["id"].as_str().unwrap_or_else(|| panic!("no hold: {hold}"))
}

/// What to hold, for an hour.
pub(crate) fn order(wallet: &Wallet, sats: i64) -> Value {
    json!({"wallet": wallet.id, "amount": sats})
}

/// The same, in a group.
pub(crate) fn order_in(group: &str, wallet: &Wallet, sats: i64) -> Value {
    json!({"wallet": wallet.id, "amount": sats, "group": group})
}

/// Holds what was ordered, by the first manager.
#[track_caller]
pub(crate) fn place(server: &Server, order: &Value) -> Value {
    server.post(HOLDS, &server.manager.admin, order).expect(201)
}

/// Captures, by the first manager.
#[track_caller]
pub(crate) fn capture(server: &Server, hold: &Value, terms: &Value) -> Answer {
    server.post(&format!("{HOLDS}/{}/capture", id_of(hold)), &server.manager.admin, terms)
}

/// Captures to one wallet, all or so much.
#[track_caller]
pub(crate) fn capture_to(server: &Server, hold: &Value, wallet: &Wallet, sats: Option<i64>) -> Answer {
    capture(server, hold, &json!({"to_wallet": wallet.id, "amount": sats}))
}

#[track_caller]
pub(crate) fn void(server: &Server, hold: &Value) -> Answer {
    server.send("POST", &format!("{HOLDS}/{}/void", id_of(hold)), &[("X-Api-Key", &server.manager.admin)], "")
}

#[track_caller]
pub(crate) fn settle(server: &Server, settlement: &Value) -> Answer {
    server.post(&format!("{HOLDS}/settle"), &server.manager.admin, settlement)
}

/// A hold as it is.
#[track_caller]
pub(crate) fn find(server: &Server, hold: &Value) -> Value {
    server.get(&format!("{HOLDS}/{}", id_of(hold)), &server.manager.invoice).expect(200)
}

/// What a wallet can spend, what of its money is held, and both together, in sat.
#[track_caller]
pub(crate) fn balances(server: &Server, wallet: &Wallet) -> [i64; 3] {
    let shown = server.get("/api/v1/wallet", &wallet.invoice).expect(200);
    ["balance", "balance_held", "balance_total"].map(|name| shown[name].as_i64().unwrap() / 1000)
}

/// What was captured, given back, and remains, in sat, and the state.
#[track_caller]
pub(crate) fn sums(hold: &Value) -> (i64, i64, i64, &str) {
    let sat = |name: &str| hold[name].as_i64().unwrap_or_else(|| panic!("{name} in {hold}")) / 1000;
    (sat("captured"), sat("released"), sat("remaining"), hold["state"].as_str().unwrap())
}

/// What came in and went out of a wallet, with what is still going out, in msat, as its list says.
#[track_caller]
pub(crate) fn listed_msat(server: &Server, wallet: &Wallet) -> i64 {
    let list = server.get("/api/v1/payments?limit=1000", &wallet.invoice).expect(200);
    let amount = |row: &Value| {
        let amount = row["amount"].as_i64().unwrap();
        let counts = row["status"] == "success" || (row["status"] == "pending" && amount < 0);
        if counts { amount } else { 0 }
    };
    list.as_array().unwrap().iter().map(amount).sum()
}

/// Asserts that LNbits' reading of a wallet is true: its balance is the sum of its list.
#[track_caller]
pub(crate) fn assert_adds_up(server: &Server, wallet: &Wallet) {
    assert_eq!(listed_msat(server, wallet), balances(server, wallet)[0] * 1000);
}

/// Waits until it is so: what expires is closed within two seconds, and on a busy machine a little
/// later.
#[track_caller]
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < 20, "it does not come");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
