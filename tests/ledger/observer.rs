//! Observers of the ledger's batches: they are told of what is written, and how it ended, and of
//! what is committed only when it is.

use std::sync::{Arc, Mutex};

use satkeep::domain::time::UnixMs;
use satkeep::ledger::batch::ReadSet;
use satkeep::ledger::observer::{Batch, Observed, Observer};
use satkeep::ledger::settle::{Commit, SettleError, SettlementStore, settle_batch};
use satkeep::ledger::state::{Effects, Snapshot};
use satkeep::telemetry::Ended;

use super::memory::{Memory, now};
use super::world::{create, credit, debit, invoice, pay, wallet};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Begun(&'static str),
    Stored(&'static str),
    Writes(&'static str, usize),
    Ended(&'static str, Ended, usize),
}

type Log = Arc<Mutex<Vec<Told>>>;

struct Recorder(&'static str, Log);

impl Observer for Recorder {
    fn begun(&mut self) {
        self.1.lock().unwrap().push(Told::Begun(self.0));
    }

    fn writes(&mut self, effects: &Effects) {
        self.1.lock().unwrap().push(Told::Writes(self.0, effects.transfers.len()));
    }

    fn ended(&mut self, batch: Batch) {
        self.1.lock().unwrap().push(Told::Ended(self.0, batch.ended, batch.size));
    }
}

/// A memory that says when it commits, in its own way, and when it rolls back.
struct Store {
    memory: Memory,
    commit: fn() -> Commit,
    log: Log,
}

impl SettlementStore for Store {
    fn begin(&mut self) -> Result<(), SettleError> {
        self.memory.begin()
    }

    fn load(&mut self, read_set: ReadSet, clock: &dyn Fn() -> UnixMs) -> Result<Snapshot, SettleError> {
        self.memory.load(read_set, clock)
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        self.memory.apply(effects)
    }

    fn commit(&mut self) -> Commit {
        self.log.lock().unwrap().push(Told::Stored("commit"));
        self.memory.commit();
        (self.commit)()
    }

    fn rollback(&mut self) {
        self.log.lock().unwrap().push(Told::Stored("rollback"));
        self.memory.rollback();
    }
}

fn observed(commit: fn() -> Commit) -> (Observed<Store>, Log) {
    let log = Log::default();
    let store = Store { memory: Memory::new(), commit, log: Arc::clone(&log) };
    let recorder = |name| Box::new(Recorder(name, Arc::clone(&log))) as Box<dyn Observer>;
    (Observed::new(store, vec![recorder("first"), recorder("second")]), log)
}

fn taken(log: &Log) -> Vec<Told> {
    std::mem::take(&mut log.lock().unwrap())
}

#[test]
fn all_are_told_in_order_and_after_the_commit() {
    let (mut store, log) = observed(|| Commit::Done);
    let open = invoice(wallet(1), 10);
    settle_batch(&mut store, &[credit(wallet(0), 100), create(open.clone()), pay(wallet(0), &open)], &now).unwrap();
    let expected = [
        Told::Begun("first"),
        Told::Begun("second"),
        Told::Writes("first", 2),
        Told::Writes("second", 2),
        Told::Stored("commit"),
        Told::Ended("first", Ended::Committed, 2),
        Told::Ended("second", Ended::Committed, 2),
    ];
    assert_eq!(taken(&log), expected);
}

#[test]
fn refusals_alone_write_nothing_and_are_given_up() {
    let (mut store, log) = observed(|| Commit::Done);
    settle_batch(&mut store, &[credit(wallet(0), 100)], &now).unwrap();
    taken(&log);
    assert!(settle_batch(&mut store, &[debit(wallet(0), 101)], &now).unwrap()[0].is_err());
    let expected = [
        Told::Begun("first"),
        Told::Begun("second"),
        Told::Stored("rollback"),
        Told::Ended("first", Ended::GivenUp, 0),
        Told::Ended("second", Ended::GivenUp, 0),
    ];
    assert_eq!(taken(&log), expected);
}

#[test]
fn a_commit_that_did_not_happen_is_not_told_as_one() {
    let aborted: fn() -> Commit = || Commit::Aborted(SettleError::Unavailable("away".to_owned()));
    let unknown: fn() -> Commit = || Commit::Unknown(SettleError::OutcomeUnknown("lost".to_owned()));
    for (commit, ended) in [(aborted, Ended::GivenUp), (unknown, Ended::Unknown)] {
        let (mut store, log) = observed(commit);
        settle_batch(&mut store, &[credit(wallet(0), 100)], &now).unwrap_err();
        assert_eq!(taken(&log).last(), Some(&Told::Ended("second", ended, 1)));
    }
}
