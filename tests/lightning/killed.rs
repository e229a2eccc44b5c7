//! Promises I12 and I13: satkeep dies at random moments while payments to the world are sent, some of them held
//! there, and while the world pays it. Every acknowledged payment is there, each is booked once, and the books agree
//! with what the world and the node say.
//!
//! `NODE_KILLS=50 cargo test lightning::killed` kills that often on each store.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::away::{let_the_time_of_the_dead_pass, stand_on};
use super::behind::{balance_msat, pay, wait_for_node, wait_until};
use super::{Lnd, Secret, network, router_fee_msat};
use crate::harness::{Answer, Server, Wallet, at_once, both_stores};

const MSAT: u64 = 1_000_000;
const SATS: i64 = 500_000;
const SIGKILL: i32 = 9;
/// Who pays plain invoices, who pays some that are held, and who is paid.
const PAYERS: usize = 3;
const HOLDERS: usize = 2;
const PAYEES: usize = 2;
/// How many held payments each of them begins in a round.
const HOLDS: usize = 2;

/// A payment that was asked for.
struct Asked {
    wallet: usize,
    hash: String,
    /// Whether there was an answer: then it is there, whatever happens.
    is_acknowledged: bool,
    /// What the world decides on once it holds it.
    secret: Option<Secret>,
}

impl Asked {
    /// Half of what is held is given back.
    fn is_taken(&self) -> bool {
        self.hash.as_bytes()[0].is_multiple_of(2)
    }
}

/// A deposit whose invoice was acknowledged.
struct Deposit {
    wallet: usize,
    hash: String,
    has_arrived: bool,
}

/// An answer of the server's, unless it is gone.
fn post(server: &Server, key: &str, order: &str) -> Option<Answer> {
    server.try_send("POST", "/api/v1/payments", &[("X-Api-Key", key)], order).ok()
}

struct Load<'a> {
    world: &'a Lnd,
    wallets: Vec<Wallet>,
    asked: Mutex<Vec<Asked>>,
    deposits: Mutex<Vec<Deposit>>,
}

impl Load<'_> {
    /// Asks for a payment; false if the server is gone.
    fn ask(&self, server: &Server, wallet: usize, secret: Option<Secret>) -> bool {
        let invoice = match &secret {
            Some(secret) => self.world.add_hold_invoice(secret, MSAT, 3600),
            None => self.world.add_invoice(MSAT),
        };
        let order = json!({"out": true, "bolt11": invoice.bolt11}).to_string();
        let answer = post(server, &self.wallets[wallet].admin, &order);
        let is_acknowledged = answer.as_ref().is_some_and(|answer| answer.expect(201)["status"] != "failed");
        self.asked.lock().push(Asked { wallet, hash: invoice.hash, is_acknowledged, secret });
        answer.is_some()
    }

    /// Has the world pay an invoice of the server's, which may be gone by then.
    fn deposit(&self, server: &Server, wallet: usize) -> bool {
        let order = json!({"out": false, "amount": MSAT / 1000}).to_string();
        let Some(made) = post(server, &self.wallets[wallet].invoice, &order) else { return false };
        let made = made.expect(201);
        let paid = self.world.pay(made["bolt11"].as_str().unwrap(), 10_000).unwrap();
        let hash = made["payment_hash"].as_str().unwrap().to_owned();
        self.deposits.lock().push(Deposit { wallet, hash, has_arrived: paid["status"] == "SUCCEEDED" });
        true
    }

    /// Works as one of many until the server is gone.
    fn work(&self, server: &Server, worker: usize) {
        if worker < PAYERS {
            while self.ask(server, worker, None) {}
        } else if worker < PAYERS + HOLDERS {
            // Each waits for a few seconds, in which the server is gone as a rule.
            let _all = (0..HOLDS).all(|_| self.ask(server, worker, Some(Secret::random())));
        } else {
            while self.deposit(server, worker) {}
        }
    }

    /// Takes or gives back what the world holds by now.
    fn decide(&self) {
        for asked in self.asked.lock().iter() {
            let Some(secret) = &asked.secret else { continue };
            if self.world.invoice(&asked.hash)["state"] != "ACCEPTED" {
                continue;
            }
            if asked.is_taken() {
                self.world.settle(secret);
            } else {
                self.world.cancel(&asked.hash).unwrap();
            }
        }
    }

    /// What became of a payment; `None` where the server has never heard of it.
    fn status(&self, server: &Server, wallet: usize, hash: &str) -> Option<String> {
        let answer = server.get(&format!("/api/v1/payments/{hash}"), &self.wallets[wallet].invoice);
        let is_known = answer.status != 404;
        is_known.then(|| answer.expect(200)["status"].as_str().unwrap().to_owned())
    }

    /// Waits until everything has ended, and compares it with what the world says.
    fn check(&self, server: &Server) {
        let cost = (MSAT + router_fee_msat(MSAT)).cast_signed();
        let mut expected = vec![SATS * 1000; self.wallets.len()];
        for asked in self.asked.lock().iter() {
            let status = wait_until(&format!("{} ends", asked.hash), || {
                let status = self.status(server, asked.wallet, &asked.hash);
                (status.as_deref() != Some("pending")).then_some(status)
            });
            let state = self.world.invoice(&asked.hash)["state"].as_str().unwrap().to_owned();
            assert!(status.is_some() || !asked.is_acknowledged, "{} was acknowledged", asked.hash);
            let is_sent = status.as_deref() == Some("success");
            assert_eq!(is_sent, state == "SETTLED", "{} is {status:?}, and there {state}", asked.hash);
            let may_fail = asked.secret.is_some() && !asked.is_taken();
            assert!(status.as_deref() != Some("failed") || may_fail, "{} failed", asked.hash);
            expected[asked.wallet] -= if is_sent { cost } else { 0 };
        }
        for deposit in self.deposits.lock().iter() {
            assert!(deposit.has_arrived, "{} was refused", deposit.hash);
            wait_until(&format!("{} is credited", deposit.hash), || {
                (self.status(server, deposit.wallet, &deposit.hash).as_deref() == Some("success")).then_some(())
            });
            expected[deposit.wallet] += MSAT.cast_signed();
        }
        let balances: Vec<_> = self.wallets.iter().map(|wallet| balance_msat(server, wallet)).collect();
        assert_eq!(balances, expected);
    }
}

/// How often the server is killed.
fn kills() -> usize {
    std::env::var("NODE_KILLS").ok().map_or(10, |kills| kills.parse().unwrap())
}

/// Has what waits looked at again, as it is after some minutes: no process is left of which a request could still
/// reach the node.
fn look_again(server: &Server) {
    let past = "UPDATE sends SET due_at_ms = 0, sent_at_ms = 0 WHERE ended_at_ms IS NULL AND owner IS NULL";
    server.database.execute(past).unwrap();
}

fn kill(server: &mut Server, load: &Load) {
    let moment = Duration::from_micros(rand::random_range(0..1_500_000));
    at_once(load.wallets.len() + 1, |worker| {
        if worker < load.wallets.len() {
            load.work(server, worker);
        } else {
            std::thread::sleep(moment);
            server.signal("-KILL");
        }
    });
    assert_eq!(server.wait().signal(), Some(SIGKILL), "the server died by itself");
    // Some of it ends while nobody looks.
    if rand::random() {
        load.decide();
    }
    let_the_time_of_the_dead_pass(server);
    *server = server.replica();
    wait_for_node(server);
}

both_stores! {
    fn a_killed_server_has_paid_and_booked_everything_once(server) {
        let Some(network) = network() else { return };
        let node = network.join("killed-behind");
        stand_on(server, &node);
        let wallets: Vec<_> = (0..PAYERS + HOLDERS + PAYEES)
            .map(|_| {
                let wallet = server.wallet_of(&server.manager.admin, "player");
                server.cli(&["credit", "--wallet", &wallet.id, "--amount-sat", &SATS.to_string()]).unwrap();
                wallet
            })
            .collect();
        let load = Load { world: &network.world, wallets, asked: Mutex::default(), deposits: Mutex::default() };
        for _ in 0..kills() {
            kill(server, &load);
        }
        wait_until("the world holds nothing that waits", || {
            load.decide();
            look_again(server);
            let asked = load.asked.lock();
            let is_over = |one: &Asked| load.status(server, one.wallet, &one.hash).as_deref() != Some("pending");
            asked.iter().all(is_over).then_some(())
        });
        load.check(server);
        server.audit();
        let books = server.cli(&["--network", "regtest", "--lightning", &node.setting(), "audit", "--node"]).unwrap();
        assert_eq!(books["holds"], true, "{books}");
        let compared = &books["comparison"];
        assert_eq!(compared["receipts"], load.deposits.lock().len(), "{books}");
        // Who pays after all of that, pays as ever.
        let paid = pay(server, &server.manager, &network.world.add_invoice(MSAT).bolt11).expect(201);
        assert_eq!(paid["status"], "success", "{paid}");
        println!("{:?}: {} kills, {} payments, {} deposits", server.store, kills(), load.asked.lock().len(), load.deposits.lock().len());
    }
}
