//! The world of a history: users, processes, two nodes, what is on its way between them, and what happens to
//! them.

use std::sync::OnceLock;

use bitcoin_hashes::hex::DisplayHex as _;
use satkeep::domain::ids::PaymentHash;
use satkeep::domain::node::Preimage;
use satkeep::domain::time::UnixMs;
use satkeep::ledger::command::NewInvoice;
use satkeep::lightning::node::SendOutcome;

use super::Tally;
use super::ledger::Ledger;
use super::node::{Foreign, ModelNode, Order, Own, Standing};
use super::process::Process;
use super::random::Random;
use super::temper::{Fault, Temper};
use crate::ledger::world::{NOW, create, credit, invoice, wallet};

/// Invoices of the world that users pay; one more is paid before a history begins.
pub(super) const FOREIGN: usize = 2;

/// An order that reaches its node late.
pub(super) struct OnTheWay {
    pub(super) node: usize,
    pub(super) order: Order,
    pub(super) until: UnixMs,
}

pub(super) struct World {
    pub(super) dice: Random,
    pub(super) now: UnixMs,
    pub(super) fault: Fault,
    pub(super) temper: Temper,
    /// Nothing goes wrong any more.
    pub(super) is_calm: bool,
    pub(super) ledger: Ledger,
    pub(super) foreign: Vec<Foreign>,
    pub(super) own: Vec<NewInvoice>,
    pub(super) nodes: [ModelNode; 2],
    /// Which of them stands behind satkeep.
    pub(super) connected: usize,
    /// Up to where each was read.
    pub(super) cursors: [usize; 2],
    pub(super) on_the_way: Vec<OnTheWay>,
    pub(super) processes: Vec<Process>,
    pub(super) workers: u32,
    pub(super) tally: Tally,
}

fn proofs() -> &'static [(Preimage, PaymentHash)] {
    static PROOFS: OnceLock<Vec<(Preimage, PaymentHash)>> = OnceLock::new();
    PROOFS.get_or_init(|| {
        let preimages = (0..=FOREIGN).map(|index| [index as u8; 32].to_lower_hex_string());
        let preimages = preimages.map(|hex| Preimage::from_client(&hex).unwrap());
        preimages.map(|preimage| (preimage.clone(), preimage.payment_hash())).collect()
    })
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Random::new(seed);
        let fault = dice.of(&[
            Fault::Nothing,
            Fault::Nothing,
            Fault::LosesDatabase,
            Fault::IsReplaced,
            Fault::Overspends,
            Fault::SucceedsAfterFailure,
            Fault::PaysForOthers,
            Fault::Lies,
        ]);
        let temper = Temper::any(&mut dice);
        let foreign = proofs().iter().map(|(preimage, hash)| Foreign {
            preimage: preimage.clone(),
            hash: *hash,
            amount: dice.of(&[40, 100]),
            is_amountless: dice.one_in(4),
            expires_at: dice.later(NOW, &[100, 1_000, 4_000, 7_000]),
            is_paid: false,
        });
        let foreign = foreign.collect();
        let cancels = dice.below(3) > 0;
        let nodes = ["02aa", "02bb"].map(|id| ModelNode::new(id, cancels, dice.of(&[0, 0, 100])));
        let workers = dice.of(&[1, 2, 3]);
        let processes = (0..workers).map(|worker| Process { worker, ..Process::default() }).collect();
        let mut world = Self {
            dice,
            now: NOW,
            fault,
            temper,
            is_calm: false,
            ledger: Ledger::new(),
            foreign,
            own: Vec::new(),
            nodes,
            connected: 0,
            cursors: [0; 2],
            on_the_way: Vec::new(),
            processes,
            workers,
            tally: Tally::default(),
        };
        world.prepare();
        world
    }

    /// Two wallets with money, two with invoices that stand at the node, and mostly a payment that has arrived.
    fn prepare(&mut self) {
        for payer in [0, 1] {
            let msat = self.dice.of(&[150, 400]);
            self.ledger.memory.settle(credit(wallet(payer), msat), self.now).unwrap();
        }
        for payee in [2, 3] {
            let expires_at = self.dice.later(NOW, &[60, 2_000]);
            let own = NewInvoice { is_at_node: true, expires_at, ..invoice(wallet(payee), 50) };
            self.ledger.memory.settle(create(own.clone()), self.now).unwrap();
            let standing = Own { hash: own.payment_hash, amount: 50, is_cancelled: false, received: None };
            self.nodes[0].owns.push(standing);
            self.own.push(own);
        }
        if self.dice.below(4) > 0 {
            self.is_calm = true;
            self.foreign[FOREIGN].amount = 10;
            assert!(self.ledger.send(wallet(0), FOREIGN, &self.foreign[FOREIGN], self.now));
            self.take_up(0);
            self.work_off(0);
            self.end_attempts(true);
            self.pass(5);
            self.take_up(0);
            self.work_off(0);
            self.is_calm = false;
        }
    }

    /// Something happens.
    pub(super) fn step(&mut self) {
        let awake = self.processes.iter().enumerate().filter(|(_, process)| !process.is_asleep).map(|(index, _)| index);
        let any = self.dice.below(self.processes.len());
        let process = self.dice.any(awake).unwrap_or(any);
        let Temper { time, crashes, pauses_s, .. } = self.temper;
        match self.dice.below(48 + time + crashes) {
            0..24 => self.work(process),
            24..28 => self.end_an_attempt(),
            28..32 => self.send(),
            32..34 => self.deliver_one(),
            34 => {
                let node = &mut self.nodes[self.connected];
                node.is_up = !node.is_up;
            }
            35 => self.pay_from_outside(),
            36 => self.pay_inside(),
            37 => self.listen(process),
            38..40 => self.tidy_one(process),
            40..42 => self.run_errand(process),
            42..46 => self.go_wrong(),
            46 => self.trouble_a_wallet(),
            47 if self.dice.one_in(2) => self.take_up(process),
            47 => self.processes[any].is_asleep ^= true,
            other if other < 48 + time => {
                let seconds = self.dice.of(pauses_s);
                self.pass(seconds);
            }
            _ => self.crash(process),
        }
    }

    fn send(&mut self) {
        let (payer, foreign) = (self.dice.below(2) as u8, self.dice.below(FOREIGN));
        if self.ledger.send(wallet(payer), foreign, &self.foreign[foreign], self.now) {
            self.tally.sent += 1;
        }
    }

    /// Time passes. What is on its way arrives in time, or never.
    pub(super) fn pass(&mut self, seconds: i64) {
        let then = self.now.plus_seconds(seconds);
        while let Some(index) = self.on_the_way.iter().position(|it| it.until <= then) {
            let late = self.on_the_way.swap_remove(index);
            if self.dice.one_in(2) {
                self.now = self.now.max(late.until);
                self.deliver(late.node, late.order);
            }
        }
        self.now = then;
    }

    fn deliver_one(&mut self) {
        if self.on_the_way.is_empty() {
            return;
        }
        let index = self.dice.below(self.on_the_way.len());
        let late = self.on_the_way.swap_remove(index);
        self.deliver(late.node, late.order);
    }

    /// An order reaches a node.
    pub(super) fn deliver(&mut self, node: usize, order: Order) -> SendOutcome {
        let refuses = !self.is_calm && self.dice.below(12) < self.temper.refused;
        let (is_new, outcome) = self.nodes[node].take(order, &self.foreign[order.foreign], refuses, self.now);
        if is_new {
            self.assert_sent_once(node, order);
            if self.dice.one_in(3) {
                let index = self.nodes[node].attempts.len() - 1;
                self.end_attempt(node, index, false);
            }
        }
        outcome
    }

    pub(super) fn end_attempt(&mut self, node: usize, index: usize, settles: bool) {
        let fee_max = self.nodes[node].attempts[index].order.fee_max;
        let may_overspend = matches!(self.fault, Fault::Overspends | Fault::SucceedsAfterFailure);
        let over = if may_overspend { 7 } else { 0 };
        let fee = (settles || self.dice.below(12) < self.temper.settled)
            .then(|| self.dice.of(&[0, 5, fee_max, fee_max + over]));
        let foreign = self.nodes[node].attempts[index].order.foreign;
        self.nodes[node].end(index, &mut self.foreign[foreign], fee, self.now);
    }

    fn end_an_attempt(&mut self) {
        let attempts = self.nodes.iter().enumerate().flat_map(|(node, of)| {
            let in_flight = of.attempts.iter().enumerate().filter(|(_, it)| it.standing == Standing::InFlight);
            in_flight.map(move |(index, _)| (node, index))
        });
        if let Some((node, index)) = self.dice.any(attempts) {
            self.end_attempt(node, index, false);
        }
    }

    pub(super) fn end_attempts(&mut self, settle: bool) {
        for node in 0..self.nodes.len() {
            for index in 0..self.nodes[node].attempts.len() {
                if self.nodes[node].attempts[index].standing == Standing::InFlight {
                    self.end_attempt(node, index, settle);
                }
            }
        }
    }
}
