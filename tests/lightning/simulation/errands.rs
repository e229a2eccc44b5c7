//! What processes do about money that arrives: read what the node has received, and look after invoices. Between
//! any two errands a process may end.

use satkeep::domain::ids::PaymentHash;
use satkeep::domain::send::NodeName;
use satkeep::ledger::state::AtNode;
use satkeep::lightning::incoming;
use satkeep::lightning::node::{Cancelled, Receipt};

use super::world::World;

/// As long as in the server.
pub(super) const WATCH_AFTER_S: i64 = 3600;

/// Something to do about what arrives.
pub(super) enum Errand {
    Book(NodeName, Receipt),
    Advance(NodeName, usize),
    Look(PaymentHash, Cancelled),
    Conclude(PaymentHash),
}

impl World {
    /// A process reads what the node has received since it was read last, in an answer that may tell of more.
    pub(super) fn listen(&mut self, process: usize) {
        let node = &self.nodes[self.connected];
        if !node.is_up {
            return;
        }
        let cursor = self.cursors[self.connected];
        let from = if self.dice.one_in(3) { 0 } else { cursor };
        let mut told: Vec<_> = node.receipts.iter().skip(from).filter_map(|it| node.receipt(*it, self.now)).collect();
        if told.len() > 1 && self.dice.one_in(2) {
            told.reverse();
        }
        let end = Errand::Advance(node.name.clone(), node.receipts.len());
        let books = told.into_iter().map(|receipt| Errand::Book(node.name.clone(), receipt));
        let errands: Vec<_> = books.chain([end]).collect();
        // The last first: they are taken from the end.
        self.processes[process].errands.extend(errands.into_iter().rev());
    }

    /// A process looks after an invoice that is to be cancelled, or was over long ago.
    pub(super) fn tidy(&mut self, process: usize, hash: PaymentHash) {
        if let Ok(cancelled) = self.nodes[self.connected].cancel(hash) {
            self.processes[process].errands.push(Errand::Look(hash, cancelled));
        }
    }

    /// One errand of a process.
    pub(super) fn run_errand(&mut self, process: usize) {
        let Some(errand) = self.processes[process].errands.pop() else { return };
        let now = self.now;
        match errand {
            Errand::Book(node, receipt) => {
                self.ledger.receive(&node, &receipt, now);
                self.tally.received += 1;
            }
            Errand::Advance(node, place) => {
                let index = self.nodes.iter().position(|it| it.name == node).unwrap();
                self.cursors[index] = self.cursors[index].max(place);
            }
            Errand::Look(hash, cancelled) => {
                let here = &self.nodes[self.connected];
                let Ok(found) = here.find_invoice(hash, now) else { return };
                let name = here.name.clone();
                let expires_at = self.ledger.memory.invoices[&hash].expires_at;
                match incoming::next(cancelled, found, expires_at, now.plus_seconds(-WATCH_AFTER_S)) {
                    incoming::Next::Book(receipt) => self.processes[process].errands.push(Errand::Book(name, receipt)),
                    incoming::Next::Conclude => self.processes[process].errands.push(Errand::Conclude(hash)),
                    incoming::Next::Wait => {}
                }
            }
            Errand::Conclude(hash) => {
                if self.ledger.is_at_node(hash) {
                    let invoice = self.ledger.memory.invoices.get_mut(&hash).unwrap();
                    invoice.at_node = Some(AtNode::Cancelled);
                    self.tally.concluded += 1;
                }
            }
        }
    }
}
