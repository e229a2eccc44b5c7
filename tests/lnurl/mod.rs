//! LNURL-pay and Lightning addresses: links, what payers are told, and paying them from inside.

mod clients;
mod hosts;
mod limits;
mod links;
mod page;
mod pay;
mod send;
mod serve;
mod webhook;
mod withdraw;

use bitcoin_hashes::{Hash, sha256};
use serde_json::{Value, json};

use crate::harness::{Answer, Server, Wallet};

pub(crate) const LINKS: &str = "/lnurlp/api/v1/links";

/// A new link of a wallet.
#[track_caller]
pub(crate) fn link(server: &Server, wallet: &Wallet, order: &Value) -> Value {
    server.post(LINKS, &wallet.admin, order).expect(201)
}

/// An answer to somebody who has no key.
#[track_caller]
fn ask(server: &Server, path: &str) -> Answer {
    server.send("GET", path, &[], "")
}

/// The path of a URL of the server.
#[track_caller]
fn path_of<'a>(server: &Server, url: &'a Value) -> &'a str {
    url.as_str().unwrap().strip_prefix(&server.url).unwrap_or_else(|| panic!("{url} is not at {}", server.url))
}

/// Asks the callback of a pay request for an invoice.
#[track_caller]
fn invoice_of(server: &Server, request: &Value, query: &str) -> Value {
    let callback = path_of(server, &request["callback"]);
    let separator = if callback.contains('?') { '&' } else { '?' };
    ask(server, &format!("{callback}{separator}{query}")).expect(200)
}

/// Asserts that an invoice is what LUD-06 has a wallet check, and answers its text.
#[track_caller]
fn check(server: &Server, request: &Value, answer: &Value, msat: i64) -> String {
    let pr = answer["pr"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let decoded = server.send("POST", "/api/v1/payments/decode", &[], &json!({ "data": pr }).to_string()).expect(200);
    let metadata = request["metadata"].as_str().unwrap();
    assert_eq!(decoded["amount_msat"], msat);
    assert_eq!(decoded["description_hash"], sha256::Hash::hash(metadata.as_bytes()).to_string());
    assert_eq!(answer["routes"], json!([]));
    pr
}

/// Asserts that an answer is a refusal of LNURL, which says this.
#[track_caller]
fn refused(answer: &Answer, reason: &str) {
    let body = answer.expect(200);
    assert_eq!(body["status"], "ERROR", "{body}");
    assert!(body["reason"].as_str().unwrap().contains(reason), "{body}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
