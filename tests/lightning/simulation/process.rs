//! A model of the processes of satkeep: each works on some payments at once, and may end, or stand still, between
//! any two steps. What it does next is decided by the real rules.

use std::mem;

use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::send::NodeName;
use satkeep::domain::time::UnixMs;
use satkeep::lightning::node::{Identity, NodeError, PaymentAtNode, SendOutcome, Sent};
use satkeep::lightning::outgoing::{self, Identified, Memory, Next, Outgoing, Seen};

use super::errands::Errand;
use super::ledger::Lease;
use super::node::Order;
use super::temper::Fault;
use super::world::{OnTheWay, World};

/// As long as in the server.
pub(super) const LEASE_S: i64 = 180;
/// How much later than it was sent an order may still reach the node. With the time that a worker may stand still
/// before it sends, this is less than the ten minutes after which satkeep takes it to be gone.
const DELAYS_S: [i64; 4] = [1, 30, 200, 400];

#[derive(Default)]
pub(super) struct Process {
    pub(super) worker: u32,
    /// It stands still for a while, with all that it has.
    pub(super) is_asleep: bool,
    pub(super) tasks: Vec<Task>,
    pub(super) errands: Vec<Errand>,
}

/// A payment that it has taken up.
pub(super) struct Task {
    lease: Lease,
    known: Outgoing,
    node: Option<NodeName>,
    stage: Stage,
}

/// What comes next.
enum Stage {
    Decide(Box<Seen>),
    Do(Box<Next>),
    /// That the node is asked is committed.
    Call,
    /// The node has said who it is.
    Remember(Box<Identity>),
    /// The lease was renewed.
    TellFailure,
}

impl Task {
    /// Whether the node is about to be asked. No node is replaced in so short a time.
    pub(super) fn is_about_to_ask(&self) -> bool {
        match &self.stage {
            Stage::Call | Stage::Remember(_) => true,
            Stage::Do(next) => matches!(**next, Next::Ask(_)),
            Stage::Decide(seen) => matches!(**seen, Seen::Identified(_) | Seen::Checked(_)),
            Stage::TellFailure => false,
        }
    }
}

impl World {
    /// A process takes up a payment that is due.
    pub(super) fn take_up(&mut self, process: usize) {
        let (ledger, now) = (&self.ledger, self.now);
        let due = (0..ledger.rows.len()).filter(|row| ledger.is_due(*row, now));
        let Some(row) = self.dice.any(due) else { return };
        self.take_up_row(process, row);
    }

    pub(super) fn take_up_row(&mut self, process: usize, row: usize) {
        let worker = self.processes[process].worker;
        let lease = self.ledger.claim(row, worker, self.now.plus_seconds(LEASE_S));
        let known = self.ledger.rows[row].known.clone();
        let here = &self.nodes[self.connected];
        let node = here.is_up.then(|| here.name.clone());
        let stage = Stage::Decide(Box::new(Seen::Node(node.clone())));
        self.processes[process].tasks.push(Task { lease, known, node, stage });
    }

    /// One of the process's tasks goes on by a step.
    pub(super) fn work(&mut self, process: usize) {
        let count = self.processes[process].tasks.len();
        if count == 0 {
            return self.take_up(process);
        }
        let index = self.dice.below(count);
        let mut task = self.processes[process].tasks.swap_remove(index);
        let stage = mem::replace(&mut task.stage, Stage::Call);
        match self.go_on(&mut task, stage) {
            Step::To(stage) => {
                task.stage = stage;
                self.processes[process].tasks.push(task);
            }
            Step::Done => {}
            Step::Crash => self.crash(process),
        }
    }

    /// Works on all that it has, to the end.
    pub(super) fn work_off(&mut self, process: usize) {
        while !self.processes[process].tasks.is_empty() {
            self.work(process);
        }
    }

    pub(super) fn crash(&mut self, process: usize) {
        self.workers += 1;
        self.processes[process] = Process { worker: self.workers, ..Process::default() };
        self.tally.crashes += 1;
    }

    fn go_on(&mut self, task: &mut Task, stage: Stage) -> Step {
        match stage {
            Stage::Decide(seen) => {
                let next = outgoing::next(&task.known, *seen, self.now);
                // Now and then it stands still before it does it.
                if self.is_calm || self.dice.below(12) >= self.temper.still {
                    return self.act(task, next);
                }
                Step::To(Stage::Do(Box::new(next)))
            }
            Stage::Do(next) => self.act(task, *next),
            Stage::Call | Stage::TellFailure if self.now >= task.lease.until => Step::Done,
            Stage::Call => self.call(task),
            Stage::Remember(identity) => {
                let checked = self.remembers(&identity, task.known.created_at).map(|memory| (*identity, memory));
                decide(Seen::Checked(checked))
            }
            Stage::TellFailure => {
                self.ledger.fail(task.lease.row, self.now);
                self.tally.failed += 1;
                Step::Done
            }
        }
    }

    fn act(&mut self, task: &mut Task, next: Next) -> Step {
        let (row, now) = (task.lease.row, self.now);
        let until = now.plus_seconds(LEASE_S);
        match next {
            Next::LookUp(after) => decide(Seen::Found(after, self.look_up(self.ledger.rows[row].foreign))),
            Next::Ask(earlier) => {
                let Some(node) = task.node.clone() else { return Step::Done };
                self.tally.asked_again += u64::from(task.known.tries > 0);
                let Some(lease) = self.ledger.begin_sending(task.lease, &node, earlier, now, until) else {
                    return Step::Done;
                };
                task.lease = lease;
                task.known = task.known.clone().asked(node, earlier, now);
                Step::To(Stage::Call)
            }
            Next::Identify(earlier) => {
                let Some(before) = task.node.clone() else { return Step::Done };
                let now = self.nodes[self.connected].identity(now);
                decide(Seen::Identified(Identified { before, now, earlier }))
            }
            Next::Check => match self.nodes[self.connected].identity(now) {
                Ok(identity) => Step::To(Stage::Remember(Box::new(identity))),
                Err(error) => decide(Seen::Checked(Err(error))),
            },
            Next::Settle(sent) => {
                self.ledger.settle(row, &sent, now);
                self.tally.settled += 1;
                Step::Done
            }
            Next::Fail(_) => match self.ledger.renew(task.lease, until) {
                Some(lease) => {
                    task.lease = lease;
                    Step::To(Stage::TellFailure)
                }
                None => Step::Done,
            },
            Next::PutBack(put_back) => {
                self.ledger.put_back(task.lease, &put_back, task.known.due_at(now));
                Step::Done
            }
        }
    }

    fn look_up(&mut self, foreign: usize) -> Result<PaymentAtNode, NodeError> {
        if !self.is_calm && self.dice.one_in(16) {
            return Err(NodeError::Unreachable("the answer was lost".to_owned()));
        }
        let found = self.nodes[self.connected].find(foreign, &self.foreign[foreign])?;
        // A broken node says that what is under way has arrived, with a preimage that proves nothing.
        let lies = self.fault == Fault::Lies && !self.is_calm && self.dice.one_in(4);
        if lies && matches!(found, PaymentAtNode::InFlight) {
            let preimage = self.foreign[(foreign + 1) % self.foreign.len()].preimage.clone();
            let amount = Amount::from_msat(self.foreign[foreign].amount).unwrap();
            return Ok(PaymentAtNode::Settled(Sent { preimage, fee: Msat::ZERO, amount, at: self.now }));
        }
        Ok(found)
    }

    fn remembers(&mut self, identity: &Identity, before: UnixMs) -> Result<Memory, NodeError> {
        let name = NodeName::new(identity.id.clone());
        let Some(foreign) = self.ledger.last_settled(&name, before) else { return Ok(Memory::Untested) };
        let found = self.nodes[self.connected].find(foreign, &self.foreign[foreign])?;
        Ok(if matches!(found, PaymentAtNode::Settled(_)) { Memory::Kept } else { Memory::Lost })
    }

    /// The node is asked to pay: the order, its answer, or both may be lost or late, and the process may end.
    fn call(&mut self, task: &Task) -> Step {
        let row = task.lease.row;
        let (foreign, amount) = (self.ledger.rows[row].foreign, self.ledger.rows[row].amount);
        let order = Order { foreign, amount, fee_max: super::ledger::FEE_MAX, row: Some(row) };
        let unclear = || SendOutcome::Unclear("no answer".to_owned());
        let outcome = match self.dice.below(if self.is_calm { 1 } else { 12 + self.temper.late }) {
            _ if !self.nodes[self.connected].is_up => unclear(),
            0..10 => self.deliver(self.connected, order),
            10 => {
                self.deliver(self.connected, order);
                unclear()
            }
            11 => unclear(),
            _ => {
                let at = self.dice.later(self.now, &DELAYS_S);
                self.on_the_way.push(OnTheWay { node: self.connected, order, until: at });
                unclear()
            }
        };
        if !self.is_calm && self.dice.one_in(12) {
            return Step::Crash;
        }
        decide(Seen::Answered(outcome))
    }
}

enum Step {
    To(Stage),
    Done,
    Crash,
}

fn decide(seen: Seen) -> Step {
    Step::To(Stage::Decide(Box::new(seen)))
}
