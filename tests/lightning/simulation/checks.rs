//! What must hold of a history: at every moment, and once everything has come to rest.

use std::collections::HashMap;

use satkeep::domain::ids::AccountId;
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::send::SendState;
use satkeep::ledger::state::AccountKind;
use satkeep::lightning::node::{InvoiceAtNode, Sent};

use super::errands::WATCH_AFTER_S;
use super::ledger::{FEE_MAX, Row, SERVICE_FEE};
use super::node::{AtNode, Order, Standing};
use super::temper::Fault;
use super::world::World;

impl World {
    /// A new attempt was begun: no other one of the same invoice may still arrive, or have arrived, unless nobody
    /// could know that a node has lost its database, or the node had said that it had failed.
    pub(super) fn assert_sent_once(&self, node: usize, order: Order) {
        let Some(row) = order.row else { return };
        let of = &self.ledger.rows[row];
        let is_tested = self.ledger.last_settled(&self.nodes[node].name, of.known.created_at).is_some();
        let all = self.nodes.iter().flat_map(|node| &node.attempts);
        let of_invoice = all.filter(|it| it.order.foreign == order.foreign && it.order.row.is_some());
        let may_count = of_invoice.filter(|it| !it.is_late && (!it.is_lost || is_tested));
        let alive = may_count.filter(|it| it.standing != Standing::Failed).count();
        assert_eq!(alive, 1, "I12: an invoice is paid while an earlier attempt may still arrive");
    }

    /// Nothing goes wrong any more, and everything that can end ends.
    pub(super) fn come_to_rest(&mut self) {
        for process in 0..self.processes.len() {
            self.crash(process);
        }
        self.is_calm = true;
        let rounds = if self.fault == Fault::IsReplaced { 12 } else { 6 };
        // What has arrived is told by the list of the node, or else by looking at each invoice: either suffices.
        let way = self.dice.below(3);
        for round in 0..rounds {
            // Each node comes back once more.
            self.connected = if self.fault == Fault::IsReplaced { round / 3 % 2 } else { self.connected };
            self.nodes.iter_mut().for_each(|node| node.is_up = true);
            self.pass(900);
            self.end_attempts(false);
            for row in 0..self.ledger.rows.len() {
                if self.ledger.is_due(row, self.now) {
                    self.take_up_row(0, row);
                }
            }
            self.work_off(0);
            self.look_through_invoices(way);
        }
        self.book_by_hand();
    }

    fn look_through_invoices(&mut self, way: usize) {
        let (may_listen, may_look) = match self.fault {
            Fault::LosesDatabase | Fault::IsReplaced => (true, true),
            _ => (way != 1, way != 2),
        };
        if may_listen {
            self.listen(0);
            self.run_errands();
        }
        if !may_look {
            return;
        }
        for index in 0..self.own.len() {
            let (hash, expires_at) = (self.own[index].payment_hash, self.own[index].expires_at);
            if !self.ledger.is_at_node(hash) {
                continue;
            }
            let here = &self.nodes[self.connected];
            if let Ok(InvoiceAtNode::Settled(receipt)) = here.find_invoice(hash, self.now) {
                let name = here.name.clone();
                self.ledger.receive(&name, &receipt, self.now);
            }
            if expires_at.plus_seconds(WATCH_AFTER_S) <= self.now {
                self.tidy(0, hash);
                self.run_errands();
            }
        }
    }

    fn run_errands(&mut self) {
        while !self.processes[0].errands.is_empty() {
            self.run_errand(0);
        }
    }

    /// What the audit lists as paid by the node and booked nowhere, the operator books. Only what the node had
    /// called failed may be there.
    fn book_by_hand(&mut self) {
        let settled: Vec<AtNode> = self.settled().filter(|it| !it.is_lost).collect();
        for attempt in settled {
            let (Some(row), Standing::Settled { fee }) = (attempt.order.row, attempt.standing) else { continue };
            if self.rows_of(attempt.order.foreign).any(|row| row.booked.is_some()) {
                continue;
            }
            assert!(attempt.is_late, "I12: the node has paid {attempt:?}, and it is booked nowhere");
            let sent = Sent {
                preimage: self.foreign[attempt.order.foreign].preimage.clone(),
                fee: Msat::new(fee),
                amount: Amount::from_msat(attempt.order.amount).unwrap(),
                at: attempt.settled_at,
            };
            // Twice, as people do.
            self.ledger.settle(row, &sent, self.now);
            self.ledger.settle(row, &sent, self.now);
            self.tally.late += u64::from(self.ledger.rows[row].booked.is_some_and(|booked| booked.is_late));
        }
    }

    fn settled(&self) -> impl Iterator<Item = AtNode> + '_ {
        let all = self.nodes.iter().flat_map(|node| &node.attempts);
        all.filter(|it| matches!(it.standing, Standing::Settled { .. })).copied()
    }

    fn rows_of(&self, foreign: usize) -> impl Iterator<Item = &Row> {
        self.ledger.rows.iter().filter(move |row| row.foreign == foreign)
    }

    pub(super) fn check(&mut self) {
        self.check_sums();
        self.check_payments();
        self.check_costs();
        self.check_receipts();
        let pending = self.ledger.rows.iter().filter(|row| !row.has_ended());
        for row in pending.clone() {
            assert!(self.may_wait(row), "a payment does not come to its end: {:?}", row.known);
        }
        self.tally.pending += pending.count() as u64;
    }

    /// I2, I3 and I11.
    fn check_sums(&self) {
        let memory = &self.ledger.memory;
        assert_eq!(memory.accounts.values().map(|account| account.balance.get()).sum::<i64>(), 0, "I2");
        for (id, account) in memory.accounts.iter().filter(|(_, account)| account.kind == AccountKind::Wallet) {
            let under_way = self.ledger.rows.iter().filter(|row| row.wallet == *id && !row.has_ended());
            let held: i64 = under_way.map(|row| row.amount + FEE_MAX + SERVICE_FEE).sum();
            assert_eq!(account.held.get(), held, "I11");
            assert!(account.balance >= account.held, "I3, I11");
        }
    }

    /// I12: what has left is booked once, and nothing else is.
    fn check_payments(&self) {
        for foreign in 0..self.foreign.len() {
            let booked: Vec<_> = self.rows_of(foreign).filter_map(|row| Some((row, row.booked?))).collect();
            let is_late = booked.iter().any(|(_, booked)| booked.is_late);
            assert!(self.fault == Fault::SucceedsAfterFailure || !is_late, "I12: refunded while it was under way");
            assert!(booked.len() <= 1, "I12: one payment of the node is booked twice");
            let paid = self.settled().find(|it| it.order.foreign == foreign);
            match (paid, booked.first()) {
                (None, None) => {}
                (None, Some(_)) => panic!("I12: what is booked was never paid"),
                (Some(paid), Some((row, booked))) => {
                    let fee = match paid.standing {
                        Standing::Settled { fee } => fee,
                        Standing::InFlight | Standing::Failed => unreachable!(),
                    };
                    assert_eq!((row.amount, booked.fee), (paid.order.amount, fee), "I12: booked otherwise than paid");
                }
                (Some(paid), None) if paid.is_lost => {
                    let row = paid.order.row.map(|row| &self.ledger.rows[row].known);
                    let is_refunded = row.is_some_and(|known| known.state == SendState::Failed);
                    let is_tested = row.is_some_and(|known| {
                        self.nodes.iter().any(|node| self.ledger.last_settled(&node.name, known.created_at).is_some())
                    });
                    assert!(!(is_refunded && is_tested), "I12: what the node has paid was refunded");
                }
                (Some(paid), None) => assert!(paid.order.row.is_none(), "I12: what the node has paid is not booked"),
            }
        }
    }

    /// I12: a payer pays what was sent and what that has cost, never more than was reserved, and nothing for what
    /// has failed.
    fn check_costs(&self) {
        let memory = &self.ledger.memory;
        let mut paid: HashMap<AccountId, i64> = HashMap::new();
        for transfer in memory.transfers.iter().filter(|it| it.credit_account == AccountId::LIGHTNING) {
            *paid.entry(transfer.debit_account).or_default() += transfer.amount.msat();
        }
        for payer in memory.accounts.iter().filter(|(_, it)| it.kind == AccountKind::Wallet).map(|(id, _)| *id) {
            let of_payer = self.ledger.rows.iter().filter(|row| row.wallet == payer);
            let costs = of_payer.filter_map(|row| {
                let booked = row.booked.filter(|booked| booked.is_by_payer)?;
                Some(row.amount + booked.fee.min(FEE_MAX) + if booked.is_late { 0 } else { SERVICE_FEE })
            });
            assert_eq!(paid.get(&payer).copied().unwrap_or_default(), costs.sum::<i64>(), "I12: the costs");
        }
        let booked = self.ledger.rows.iter().filter_map(|row| Some(row.amount + row.booked?.fee));
        let received: i64 = memory.receipts.values().map(|amount| amount.msat()).sum();
        let lightning = memory.accounts[&AccountId::LIGHTNING].balance.get();
        assert_eq!(lightning, booked.sum::<i64>() - received, "the books differ from the node's");
    }

    /// I13: what a node says has arrived is credited once.
    fn check_receipts(&self) {
        let memory = &self.ledger.memory;
        for node in &self.nodes {
            for own in &node.owns {
                let booked = memory.receipts.get(&(node.name.clone(), own.hash)).map(|amount| amount.msat());
                if node.lost_at.is_none() {
                    assert_eq!(booked, own.received, "I13: what has arrived is not credited, or what has not is");
                }
            }
        }
        let mut credited: HashMap<AccountId, i64> = HashMap::new();
        for transfer in memory.transfers.iter().filter(|it| it.debit_account == AccountId::LIGHTNING) {
            *credited.entry(transfer.credit_account).or_default() += transfer.amount.msat();
        }
        credited.remove(&AccountId::FEES);
        let received: i64 = memory.receipts.values().map(|amount| amount.msat()).sum();
        assert_eq!(credited.values().sum::<i64>(), received, "I13: credited otherwise than received");
    }

    /// Whether only the operator can end a payment, or nobody.
    fn may_wait(&self, row: &Row) -> bool {
        let of_invoice = |it: &&AtNode| it.order.foreign == row.foreign;
        let Some(name) = &row.known.node else {
            return self.settled().any(|it| of_invoice(&&it) && (it.order.row.is_none() || it.is_late));
        };
        let node = self.nodes.iter().find(|node| node.name == *name).unwrap();
        let newest = node.attempts.iter().filter(|it| !it.is_lost).rfind(of_invoice);
        let knows_nothing = newest.is_none_or(|it| Some(it.number) == row.known.earlier.map(|earlier| earlier.0));
        let is_untested = self.ledger.last_settled(name, row.known.created_at).is_none();
        knows_nothing && (is_untested || node.lost_at.is_some())
    }
}
