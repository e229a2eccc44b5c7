//! The settler's queue: a full one refuses, a stopping one answers everyone, and a store
//! that fails is tried again, or asked command by command.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use satkeep::domain::consumer::{Consumer, Party};
use satkeep::domain::ids::UserId;
use satkeep::domain::time::UnixMs;
use satkeep::ledger::batch::ReadSet;
use satkeep::ledger::command::{Command, CreateInvoice, Transfer};
use satkeep::ledger::operation::Operation;
use satkeep::ledger::outcome::{Issued, Once, Transferred};
use satkeep::ledger::settle::{Commit, SettleError, SettlementStore, settle_batch};
use satkeep::ledger::settler::{Reply, Settler, SubmitError};
use satkeep::ledger::state::{Effects, Snapshot};

use super::memory::Memory;
use super::world::{NOW, create, credit, invoice, leg, transfer, wallet};

fn clock() -> UnixMs {
    NOW
}

fn order() -> CreateInvoice {
    let Command::CreateInvoice(create) = create(invoice(wallet(0), 1_000)) else { unreachable!() };
    create
}

fn bulk() -> Transfer {
    let legs = (0..1_000).map(|_| leg(wallet(0), wallet(0), 1_000)).collect();
    let Command::Transfer(transfer) = transfer(wallet(0), legs) else { unreachable!() };
    transfer
}

fn manager(tenant: u8) -> Consumer {
    Consumer::manager(UserId::new([tenant; 16]))
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

    fn load(&mut self, read_set: ReadSet) -> Result<Snapshot, SettleError> {
        self.memory.load(read_set)
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

fn created(reply: &Reply<CreateInvoice>) -> bool {
    *reply == Ok(Ok(Once::Done(Issued)))
}

#[test]
fn what_waits_is_settled_together_and_a_full_queue_refuses() {
    let (store, step, applied) = puppet();
    let (settler, thread, _) = Settler::start(Box::new(store), clock).unwrap();
    runtime().block_on(async {
        let first = tokio::spawn({
            let settler = settler.clone();
            async move { settler.submit(order(), manager(1)).await }
        });
        // The thread takes the first command and waits in the store; the queue fills up.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut waiting = Vec::new();
        for _ in 0..9_000 {
            let settler = settler.clone();
            waiting.push(tokio::spawn(async move { settler.submit(order(), manager(1)).await }));
        }
        // What finds no room is refused at once, and nothing else is answered before the store goes on.
        while waiting.iter().filter(|reply| reply.is_finished()).count() < 9_000 - 4_095 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(step);
        assert!(created(&first.await.unwrap()));
        let mut refused = 0;
        for reply in waiting {
            match reply.await.unwrap() {
                Err(SubmitError::TenantOverloaded) => refused += 1,
                reply => assert!(created(&reply)),
            }
        }
        // The first command is under way, and has its room until it is answered.
        assert_eq!(refused, 9_000 - 4_095);
    });
    thread.stop().unwrap();
    let batches: Vec<_> = applied.iter().collect();
    assert_eq!(batches[0], 1);
    assert_eq!(batches.iter().sum::<usize>(), 4_096);
    assert!(batches.len() <= 6, "{batches:?}");
}

/// Queues an operation, and gives the queue time to have it.
async fn queue<O>(settler: &Settler, operation: O, consumer: Consumer) -> tokio::task::JoinHandle<Reply<O>>
where
    O: Operation<Output: Send> + Send + 'static,
{
    let settler = settler.clone();
    let reply = tokio::spawn(async move { settler.submit(operation, consumer).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    reply
}

#[test]
fn the_bulk_of_one_tenant_waits_for_the_payments_of_others() {
    let (mut store, step, applied) = puppet();
    let setup = [credit(wallet(0), 1_000)];
    settle_batch(&mut store.memory, &setup, &|| NOW).unwrap();
    let (settler, thread, _) = Settler::start(Box::new(store), clock).unwrap();
    runtime().block_on(async {
        let mut orders = vec![queue(&settler, order(), manager(1)).await];
        let mut bulks = Vec::new();
        for _ in 0..4 {
            bulks.push(queue(&settler, bulk(), manager(1)).await);
        }
        assert_eq!(settler.queued(), 4_001);
        // It has no room for more, which is seen before the work of making it; its users have
        // none either, but others have.
        for consumer in [manager(1), Consumer { party: Party::User, ..manager(1) }] {
            assert_eq!(settler.reserve(consumer, 1_000).err(), Some(SubmitError::TenantOverloaded));
        }
        drop(settler.reserve(manager(2), 1_000).unwrap());
        for _ in 0..3 {
            orders.push(queue(&settler, order(), manager(2)).await);
        }
        assert_eq!(settler.queued(), 4_004);
        drop(step);
        for reply in orders {
            assert!(created(&reply.await.unwrap()));
        }
        for reply in bulks {
            assert_eq!(reply.await.unwrap(), Ok(Ok(Once::Done(Transferred { at: NOW }))));
        }
    });
    thread.stop().unwrap();
    // No payment waits for more than one of the tenant's bulk, and none is settled beside it.
    assert_eq!(applied.iter().collect::<Vec<_>>(), [1, 1_000, 3, 1_000, 1_000, 1_000]);
    assert_eq!(settler.queued(), 0);
}

#[test]
fn a_place_that_is_not_used_is_given_back() {
    let (store, _step, _applied) = puppet();
    let (settler, thread, _) = Settler::start(Box::new(store), clock).unwrap();
    let places: Vec<_> = (0..4).map(|_| settler.reserve(manager(1), 1_000).unwrap()).collect();
    assert_eq!(settler.queued(), 4_000);
    drop(places);
    assert_eq!(settler.queued(), 0);
    thread.stop().unwrap();
}

/// A store that dies with its first batch.
struct Mortal;

impl SettlementStore for Mortal {
    fn begin(&mut self) -> Result<(), SettleError> {
        std::thread::sleep(Duration::from_millis(100));
        panic!("as intended")
    }

    fn load(&mut self, _: ReadSet) -> Result<Snapshot, SettleError> {
        unreachable!()
    }

    fn apply(&mut self, _: &Effects) -> Result<(), SettleError> {
        unreachable!()
    }

    fn commit(&mut self) -> Commit {
        unreachable!()
    }

    fn rollback(&mut self) {}
}

#[test]
fn a_thread_that_dies_leaves_nobody_waiting() {
    let (settler, thread, ended) = Settler::start(Box::new(Mortal), clock).unwrap();
    runtime().block_on(async {
        let first = queue(&settler, order(), manager(1)).await;
        let second = queue(&settler, order(), manager(1)).await;
        assert_eq!(first.await.unwrap(), Err(SubmitError::OutcomeUnknown));
        assert_eq!(second.await.unwrap(), Err(SubmitError::ShuttingDown));
        assert!(ended.await.is_err());
        assert_eq!(settler.submit(order(), manager(1)).await, Err(SubmitError::ShuttingDown));
    });
    assert_eq!(settler.queued(), 0);
    assert!(thread.stop().is_err());
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
                tokio::spawn(async move { settler.submit(order(), manager(1)).await })
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
        assert_eq!(settler.submit(order(), manager(1)).await, Err(SubmitError::ShuttingDown));
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
    assert!(created(&runtime().block_on(settler.submit(order(), manager(1)))));
    for _ in 0..6 {
        step.send(unavailable()).unwrap();
    }
    assert_eq!(runtime().block_on(settler.submit(order(), manager(1))), Err(SubmitError::Unavailable));
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
            async move { settler.submit(order(), manager(1)).await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let settler = settler.clone();
                tokio::spawn(async move { settler.submit(order(), manager(1)).await })
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
    assert_eq!(runtime().block_on(settler.submit(order(), manager(1))), Err(SubmitError::OutcomeUnknown));
    drop(step);
    thread.stop().unwrap();
}
