//! What arrives at the Lightning node is credited exactly once, whatever has become of the invoice
//! meanwhile (promise I13).

#![deny(clippy::arithmetic_side_effects)]

use super::Work;
use super::posting::{Initiator, Posting};
use crate::domain::ids::AccountId;
use crate::domain::money::Amount;
use crate::ledger::command::Receive;
use crate::ledger::outcome::{Received, Rejection};
use crate::ledger::state::{Invoice, InvoiceState, ReceiptRow, TransferKind};

impl Work<'_> {
    pub(super) fn receive(&mut self, receive: &Receive) -> Result<Received, Rejection> {
        let id = (receive.node.clone(), receive.payment_hash);
        if self.snapshot.receipts.contains(&id) || self.receipts.contains(&id) {
            return Ok(Received::Before);
        }
        let Some(invoice) = self.invoice(receive.payment_hash).filter(|invoice| invoice.at_node.is_some()) else {
            return Ok(Received::Unknown);
        };
        let is_settled = self.pay_from_network(receive, &invoice);
        // All of it, where the invoice itself could not be settled.
        let rest = if is_settled {
            Amount::from_stored(receive.amount.incoming().without(invoice.amount.incoming()).get()).ok()
        } else {
            Some(receive.amount)
        };
        let mut is_adjustment = false;
        if let Some(rest) = rest {
            let memo = format!("Received beside the invoice: {}", invoice.memo);
            let leg = |to| receive.beside.leg(AccountId::LIGHTNING, to, rest, memo.clone(), self.now);
            let (to_payee, to_operator) = (leg(invoice.payee), leg(AccountId::ADJUSTMENTS));
            let is_to_payee = self.post_legs(&[to_payee], TransferKind::Received, |_| Initiator::Operator).is_ok();
            if !is_to_payee {
                self.post_legs(&[to_operator], TransferKind::Received, |_| Initiator::Operator)?;
                is_adjustment = true;
            }
        }
        self.receipts.insert(id.clone());
        self.arrived.insert(receive.payment_hash);
        let (amount, received_at) = (receive.amount, receive.received_at);
        self.effects.receipts.push(ReceiptRow { id, amount, received_at, invoice: invoice.id });
        Ok(Received::Booked { as_usual: is_settled && rest.is_none(), is_adjustment })
    }

    /// Settles an invoice with what has arrived for it. Not if it can no longer be settled, or if less has
    /// arrived.
    fn pay_from_network(&mut self, receive: &Receive, invoice: &Invoice) -> bool {
        if invoice.state != InvoiceState::Open || receive.amount < invoice.amount {
            return false;
        }
        let hash = receive.payment_hash;
        let posted = self.post(&[Posting {
            by: Initiator::Operator,
            id: receive.transfer,
            invoice: invoice.id,
            kind: TransferKind::Received,
            debit: AccountId::LIGHTNING,
            credit: invoice.payee,
            amount: invoice.amount,
            extra: None,
            hash,
            external_id: None,
            webhook: None,
            payee_has_webhook: invoice.has_webhook,
            is_held: false,
        }]);
        if posted.is_err() {
            return false;
        }
        let preimage = receive.preimage.as_ref().filter(|(id, _)| invoice.preimage.is_none() && *id == invoice.id);
        match preimage {
            Some((_, preimage)) => self.settle_with(hash, invoice, preimage),
            None => self.settle(hash, invoice),
        }
        true
    }
}
