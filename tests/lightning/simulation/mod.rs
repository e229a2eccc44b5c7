//! Payments to and from other nodes in a simulation: the real rules of the ledger ([`satkeep::ledger::decide`])
//! and of the workers ([`satkeep::lightning::outgoing`], [`satkeep::lightning::incoming`]), in a world whose
//! clock, nodes, network, database and processes are models. A history is as random as its seed: processes end
//! or stand still between any two steps, answers are lost, orders arrive late, nodes go away, break promises, or
//! forget. Once everything has come to rest, the books must be those of the nodes.
//!
//! What a seed does is the same everywhere. `SATKEEP_SIMULATION_SEEDS=100000` plays that many histories instead
//! of some hundred; `SATKEEP_SIMULATION_SEED=7` only that one.
//!
//! Two things are taken for granted: a process that stands still for longer than its lease between looking at the
//! clock and telling the ledger, or the node, does not go on; and a node is not replaced, and does not lose its
//! database, between being looked at and being asked.

mod checks;
mod errands;
mod events;
mod ledger;
mod node;
mod process;
mod random;
mod temper;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::world::World;

const HISTORIES: u64 = 600;
/// How many things happen in a history, before it comes to rest: one of these many.
const STEPS: [usize; 4] = [40, 70, 100, 160];

/// What has happened, so that a simulation in which nothing does is found.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: u64,
    settled: u64,
    failed: u64,
    asked_again: u64,
    late: u64,
    pending: u64,
    crashes: u64,
    received: u64,
    concluded: u64,
    paid_inside: u64,
}

impl Tally {
    fn all(&self) -> [u64; 10] {
        let Self { sent, settled, failed, asked_again, late, pending, crashes, received, concluded, paid_inside } =
            *self;
        [sent, settled, failed, asked_again, late, pending, crashes, received, concluded, paid_inside]
    }
}

fn play(seed: u64) -> Tally {
    let mut world = World::new(seed);
    for _ in 0..world.dice.of(&STEPS) {
        world.step();
    }
    world.come_to_rest();
    world.check();
    world.tally
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().unwrap())
}

/// Plays every `of`th seed, and adds up what has happened.
fn play_some(first: u64, until: u64, of: usize) -> [u64; 10] {
    let mut sums = [0; 10];
    for seed in (first..until).step_by(of) {
        let played = catch_unwind(AssertUnwindSafe(|| play(seed)));
        let tally = played.unwrap_or_else(|_| panic!("a history breaks a promise: SATKEEP_SIMULATION_SEED={seed}"));
        sums.iter_mut().zip(tally.all()).for_each(|(sum, one)| *sum += one);
    }
    sums
}

#[test]
fn any_history_keeps_the_promises() {
    if let Some(seed) = number("SATKEEP_SIMULATION_SEED") {
        play(seed);
        return;
    }
    let seeds = number("SATKEEP_SIMULATION_SEEDS").unwrap_or(HISTORIES);
    let threads = std::thread::available_parallelism().unwrap().get();
    let sums = std::thread::scope(|scope| {
        let some: Vec<_> =
            (0..threads).map(|first| scope.spawn(move || play_some(first as u64, seeds, threads))).collect();
        some.into_iter().map(|some| some.join().unwrap()).collect::<Vec<_>>()
    });
    let total = sums.into_iter().fold([0; 10], |sum, one| std::array::from_fn(|index| sum[index] + one[index]));
    assert!(total.iter().all(|count| *count > 0), "something never happens: {total:?}");
}
