//! One tenant's load is its own (promise I14): what one asks of the ledger is hardly felt by
//! another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Answer, Server, Wallet, both_stores};

const TRANSFERS: &str = "/usermanager/api/v1/transfers";

/// The median of what some payments take.
fn payments_take(server: &Server, payer: &Wallet, payee: &Wallet, count: usize) -> Duration {
    let mut took: Vec<_> = (0..count)
        .map(|_| {
            let bolt11 = server.invoice(payee, 1);
            let begun_at = Instant::now();
            server.pay(payer, &bolt11).expect(201);
            begun_at.elapsed()
        })
        .collect();
    took.sort();
    took[count / 2]
}

/// Sends the same transfer to itself over many connections, until it is told to stop.
fn flood(server: &Server, wallet: &Wallet, connections: usize, stop: &AtomicBool) -> Vec<Answer> {
    let order = json!({"from_wallet": wallet.id, "to_wallet": wallet.id, "amount": 1});
    let body = json!(vec![order; 1_000]);
    let send = || {
        let mut answers = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let answer = server.post(TRANSFERS, &wallet.admin, &body);
            if answer.status == 503 {
                thread::sleep(Duration::from_millis(20));
            }
            answers.push(answer);
        }
        answers
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(send)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

both_stores! {
    fn bulk_of_one_tenant_is_hardly_felt_by_another(server) {
        let flooder = server.new_manager("flooder", 1);
        let (payer, payee) = (server.manager.clone(), server.wallet("payee", 0));
        let quiet = payments_take(server, &payer, &payee, 20);
        let stop = AtomicBool::new(false);
        let (attacked, answers) = thread::scope(|scope| {
            let flooding = scope.spawn(|| flood(server, &flooder, 16, &stop));
            thread::sleep(Duration::from_millis(500));
            let attacked = payments_take(server, &payer, &payee, 40);
            stop.store(true, Ordering::SeqCst);
            (attacked, flooding.join().unwrap())
        });
        // Where all wait in one line, it is sixteen times what a thousand movements take: seconds.
        assert!(attacked < (quiet * 10).max(Duration::from_millis(200)), "{quiet:?} became {attacked:?}");
        // The flooder gets on, and is told what it overdoes.
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert!(!made.is_empty() && !refused.is_empty());
        for answer in &refused {
            answer.refused(503, "tenant_overloaded", "of this manager and its users");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        assert!(made.iter().all(|answer| answer.json().as_array().unwrap().len() == 1_000));
        assert_eq!((server.balance(&payee), server.balance(&flooder)), (60, 1));
        server.audit();
    }
}
