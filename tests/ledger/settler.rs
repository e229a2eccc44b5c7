//! The settler's queue: a full one refuses, a stopping one answers everyone, and a store
//! that fails is tried again, or asked command by command.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use satkeep::domain::time::UnixMs;
use satkeep::ledger::batch::Wants;
use satkeep::ledger::command::Command;
use satkeep::ledger::outcome::Outcome;
use satkeep::ledger::settle::{Commit, SettleError, SettlementStore};
use satkeep::ledger::settler::{Reply, Settler, SubmitError};
use satkeep::ledger::state::{Effects, Snapshot};

use super::memory::Memory;
use super::world::{NOW, create, invoice, wallet};

fn clock() -> UnixMs {
    NOW
}

fn order() -> Command {
    create(invoice(wallet(0), 1_000))
}

/// What a store does at its next apply or commit.
enum Step {
    Work,
    Fail(SettleError),
    LoseCommit,
}

/// A memory whose next steps are given from outside; it waits for each.
struct Puppet {
    memory: Memory,
    steps: Receiver<Step>,
    lose_commit: bool,
    /// How many commands each batch that was applied had.
    batches: Sender<usize>,
}

impl SettlementStore for Puppet {
    fn begin(&mut self) -> Result<(), SettleError> {
        self.memory.begin()
    }

    fn load(&mut self, wants: Wants) -> Result<Snapshot, SettleError> {
        self.memory.load(wants)
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        match self.steps.recv().unwrap_or(Step::Work) {
            Step::Work => {}
            Step::Fail(error) => return Err(error),
            Step::LoseCommit => self.lose_commit = true,
        }
        self.batches.send(effects.invoices.len()).unwrap();
        self.memory.apply(effects)
    }

    fn commit(&mut self) -> Commit {
        if std::mem::take(&mut self.lose_commit) {
            return Commit::Unknown(SettleError::OutcomeUnknown("lost".to_owned()));
        }
        self.memory.commit()
    }

    fn rollback(&mut self) {
        self.memory.rollback();
    }
}

fn puppet() -> (Puppet, Sender<Step>, Receiver<usize>) {
    let (step, steps) = channel();
    let (batches, applied) = channel();
    (Puppet { memory: Memory::new(), steps, lose_commit: false, batches }, step, applied)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn unavailable() -> Step {
    Step::Fail(SettleError::Unavailable("away".to_owned()))
}

fn refused() -> Step {
    Step::Fail(SettleError::Refused("no".to_owned()))
}

fn created(reply: &Reply) -> bool {
    matches!(reply, Ok(Ok(Outcome::InvoiceCreated)))
}

#[test]
fn what_waits_is_settled_together_and_a_full_queue_refuses() {
    let (store, step, applied) = puppet();
    let (settler, thread, _) = Settler::start(Box::new(store), clock).unwrap();
    runtime().block_on(async {
        let first = tokio::spawn({
            let settler = settler.clone();
            async move { settler.submit(order()).await }
        });
        // The thread takes the first command and waits in the store; the queue fills up.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut waiting = Vec::new();
        for _ in 0..9_000 {
            let settler = settler.clone();
            waiting.push(tokio::spawn(async move { settler.submit(order()).await }));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(step);
        assert!(created(&first.await.unwrap()));
        let mut refused = 0;
        for reply in waiting {
            match reply.await.unwrap() {
                Err(SubmitError::Overloaded) => refused += 1,
                reply => assert!(created(&reply)),
            }
        }
        // The first command is under way, and has its room until it is answered.
        assert_eq!(refused, 9_000 - 8_191);
    });
    thread.stop().unwrap();
    let batches: Vec<_> = applied.iter().collect();
    assert_eq!(batches[0], 1);
    assert_eq!(batches.iter().sum::<usize>(), 8_192);
    assert!(batches.len() <= 10, "{batches:?}");
}

#[test]
fn stopping_answers_everyone_and_then_refuses() {
    let (store, step, _applied) = puppet();
    let (settler, thread, ended) = Settler::start(Box::new(store), clock).unwrap();
    let runtime = runtime();
    let waiting: Vec<_> = runtime.block_on(async {
        let waiting = (0..100)
            .map(|_| {
                let settler = settler.clone();
                tokio::spawn(async move { settler.submit(order()).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        waiting
    });
    drop(step);
    thread.stop().unwrap();
    runtime.block_on(async {
        for reply in waiting {
            assert!(created(&reply.await.unwrap()));
        }
        assert_eq!(settler.submit(order()).await, Err(SubmitError::ShuttingDown));
        // The sender of the signal is dropped at the end of the thread.
        assert!(ended.await.is_err());
    });
}

#[test]
fn an_unavailable_database_is_tried_again() {
    let (store, step, _applied) = puppet();
    let (settler, thread, _) = Settler::start(Box::new(store), clock).unwrap();
    for _ in 0..3 {
        step.send(unavailable()).unwrap();
    }
    step.send(Step::Work).unwrap();
    assert!(created(&runtime().block_on(settler.submit(order()))));
    for _ in 0..6 {
        step.send(unavailable()).unwrap();
    }
    assert_eq!(runtime().block_on(settler.submit(order())), Err(SubmitError::Unavailable));
    drop(step);
    thread.stop().unwrap();
}

#[test]
fn a_command_that_the_database_refuses_does_not_disturb_its_neighbours() {
    let (store, step, _applied) = puppet();
    let (settler, thread, _) = Settler::start(Box::new(store), clock).unwrap();
    runtime().block_on(async {
        let first = tokio::spawn({
            let settler = settler.clone();
            async move { settler.submit(order()).await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let settler = settler.clone();
                tokio::spawn(async move { settler.submit(order()).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        // The first; then the batch of three is refused; then the second of them alone.
        for next in [Step::Work, refused(), Step::Work, refused(), Step::Work] {
            step.send(next).unwrap();
        }
        assert!(created(&first.await.unwrap()));
        let mut replies = Vec::new();
        for reply in waiting {
            replies.push(reply.await.unwrap());
        }
        assert!(created(&replies[0]) && created(&replies[2]));
        assert_eq!(replies[1], Err(SubmitError::Fault));
    });
    drop(step);
    thread.stop().unwrap();
}

#[test]
fn an_unknown_outcome_is_said_and_not_guessed() {
    let (store, step, _applied) = puppet();
    let (settler, thread, _) = Settler::start(Box::new(store), clock).unwrap();
    step.send(Step::LoseCommit).unwrap();
    assert_eq!(runtime().block_on(settler.submit(order())), Err(SubmitError::OutcomeUnknown));
    drop(step);
    thread.stop().unwrap();
}
