//! Waiting for a turn: nobody waits for ever, and no place gets lost.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use satkeep::domain::consumer::Party;
use satkeep::fairness::gate::{Gate, Refusal};
use satkeep::fairness::turns::{Limits, Share};

use crate::harness::at_once;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

fn share(tenant: usize) -> Share<usize> {
    Share { tenant, party: Party::Manager }
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_wait_ends() {
    let gate = Gate::new(Limits::new(1, 8, 8), Duration::from_millis(50));
    run(async {
        let turn = gate.enter(share(1)).await.unwrap();
        let began = Instant::now();
        assert_eq!(gate.enter(share(2)).await.unwrap_err(), Refusal::TooLate);
        assert!(began.elapsed() >= Duration::from_millis(50));
        drop(turn);
        gate.enter(share(2)).await.unwrap();
    });
}

#[test]
fn too_many_do_not_wait() {
    let gate = Gate::new(Limits::new(1, 2, 1), LONG);
    run(async {
        let _turn = gate.enter(share(1)).await.unwrap();
        let waiting = [1, 2].map(|tenant| Box::pin(gate.enter(share(tenant))));
        let mut waiting: Vec<_> = waiting.into_iter().collect();
        for wait in &mut waiting {
            tokio::time::timeout(Duration::from_millis(5), wait).await.unwrap_err();
        }
        assert_eq!(gate.enter(share(1)).await.unwrap_err(), Refusal::TenantFull);
        assert_eq!(gate.enter(share(3)).await.unwrap_err(), Refusal::Full);
        // Who goes away makes room.
        drop(waiting);
        let wait = gate.enter(share(3));
        tokio::time::timeout(Duration::from_millis(5), wait).await.unwrap_err();
    });
}

#[test]
fn a_turn_is_held_by_the_work_and_not_by_who_waits_for_it() {
    let gate = Gate::new(Limits::new(1, 8, 8), LONG);
    run(async {
        let turn = gate.enter(share(1)).await.unwrap();
        let work = std::thread::spawn(move || {
            let _turn = turn;
            std::thread::sleep(Duration::from_millis(100));
        });
        // It comes while nobody looks at the work.
        gate.enter(share(2)).await.unwrap();
        assert!(work.is_finished() || work.join().is_ok());
    });
}

#[test]
fn no_place_gets_lost() {
    let gate = Gate::new(Limits::new(4, 10_000, 1_000), LONG);
    let (inside, most, served) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    at_once(16, |thread| {
        run(async {
            for round in 0..200 {
                let enter = gate.enter(share((thread + round) % 5));
                // Some give up, most of them while they wait, and some at the moment of their turn.
                let turn = if (thread * round) % 3 == 1 {
                    match tokio::time::timeout(Duration::from_micros(200), enter).await {
                        Ok(turn) => turn.unwrap(),
                        Err(_) => continue,
                    }
                } else {
                    enter.await.unwrap()
                };
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_micros(50));
                inside.fetch_sub(1, Ordering::SeqCst);
                served.fetch_add(1, Ordering::SeqCst);
                drop(turn);
            }
        });
    });
    assert!(most.load(Ordering::SeqCst) <= 4);
    assert!(served.load(Ordering::SeqCst) >= 16 * 200 / 2);
    // All places are there again.
    run(async {
        let mut turns = Vec::new();
        for tenant in 10..14 {
            turns.push(tokio::time::timeout(Duration::from_secs(5), gate.enter(share(tenant))).await.unwrap().unwrap());
        }
    });
    assert_eq!(format!("{gate:?}"), "Gate { running: 0, waiting: 0 }");
}
