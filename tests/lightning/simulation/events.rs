//! What happens to nodes and wallets beside payments.

use satkeep::domain::controls::{Freeze, Freezes};
use satkeep::domain::ids::AccountId;
use satkeep::ledger::command::NewInvoice;
use satkeep::ledger::state::InvoiceState;

use super::errands::WATCH_AFTER_S;
use super::node::{Order, Standing};
use super::temper::Fault;
use super::world::{FOREIGN, World};
use crate::ledger::world::{close, create, invoice, pay, wallet};

impl World {
    pub(super) fn pay_from_outside(&mut self) {
        let node = self.dice.below(self.nodes.len());
        if self.nodes[node].owns.is_empty() {
            return;
        }
        let index = self.dice.below(self.nodes[node].owns.len());
        // No node takes much after the end, whatever its clock says.
        let expires_at = self.ledger.memory.invoices[&self.nodes[node].owns[index].hash].expires_at;
        if expires_at.plus_seconds(600) <= self.now {
            return;
        }
        let amount = self.nodes[node].owns[index].amount + self.dice.of(&[0, 0, 30]);
        self.nodes[node].receive(index, amount);
    }

    pub(super) fn pay_inside(&mut self) {
        let payer = wallet(self.dice.below(2) as u8);
        let own = &self.own[self.dice.below(self.own.len())];
        self.tally.paid_inside += u64::from(self.ledger.memory.settle(pay(payer, own), self.now).is_ok());
    }

    pub(super) fn tidy_one(&mut self, process: usize) {
        let own = &self.own[self.dice.below(self.own.len())];
        let (hash, expires_at, payee) = (own.payment_hash, own.expires_at, own.payee);
        let is_paid = self.ledger.memory.invoices[&hash].state == InvoiceState::Paid;
        let is_closed = !self.ledger.memory.accounts[&payee].open;
        let is_over = expires_at.plus_seconds(WATCH_AFTER_S) <= self.now;
        if self.ledger.is_at_node(hash) && (is_paid || is_closed || is_over) {
            self.tidy(process, hash);
        }
    }

    /// What only happens to some nodes.
    pub(super) fn go_wrong(&mut self) {
        match self.fault {
            Fault::Nothing | Fault::Overspends | Fault::Lies => {}
            Fault::LosesDatabase => {
                self.forget_who_is_about_to_ask();
                self.nodes[self.connected].lose_everything(self.now);
            }
            Fault::IsReplaced => {
                self.forget_who_is_about_to_ask();
                self.connected = 1 - self.connected;
                self.nodes[self.connected].is_up = true;
            }
            Fault::SucceedsAfterFailure => {
                let attempts = self.nodes[0].attempts.iter().enumerate();
                let failed = attempts.filter(|(_, it)| it.standing == Standing::Failed).map(|(index, _)| index);
                if let Some(index) = self.dice.any(failed) {
                    let foreign = self.nodes[0].attempts[index].order.foreign;
                    if !self.foreign[foreign].is_paid {
                        self.end_attempt(0, index, true);
                    }
                }
            }
            Fault::PaysForOthers => {
                let foreign = self.dice.below(FOREIGN);
                let amount = self.foreign[foreign].amount;
                let order = Order { foreign, amount, fee_max: 9, row: None };
                self.nodes[self.connected].take(order, &self.foreign[foreign], false, self.now);
            }
        }
    }

    /// A node is not replaced, and does not lose its database, in the moment between being looked at and asked.
    fn forget_who_is_about_to_ask(&mut self) {
        for process in &mut self.processes {
            process.tasks.retain(|task| !task.is_about_to_ask());
        }
    }

    pub(super) fn trouble_a_wallet(&mut self) {
        let (now, memory) = (self.now, &mut self.ledger.memory);
        match self.dice.below(3) {
            0 => {
                let id: AccountId = wallet(self.dice.of(&[0, 2, 3]));
                let freezes = Freezes { by_manager: None, by_operator: Some(Freeze::Everything) };
                memory.accounts.get_mut(&id).unwrap().freezes = freezes;
            }
            1 => drop(memory.settle(close(wallet(1), &[], &[wallet(2)], true), now)),
            _ => {
                let spent = NewInvoice { expires_at: now.plus_seconds(60), ..invoice(wallet(4), 120) };
                memory.settle(create(spent.clone()), now).unwrap();
                drop(memory.settle(pay(wallet(self.dice.below(2) as u8), &spent), now));
            }
        }
    }
}
