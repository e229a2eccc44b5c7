//! A model of a Lightning node: it keeps what `satkeep::lightning::node` promises of one, unless it is a broken
//! one, and nothing more.

use satkeep::domain::ids::PaymentHash;
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::node::Preimage;
use satkeep::domain::send::NodeName;
use satkeep::domain::time::UnixMs;
use satkeep::lightning::node::{
    Attempt, Cancelled, Identity, InvoiceAtNode, NodeError, PaymentAtNode, Receipt, SendOutcome, Sent,
};

/// An invoice of the world, which anybody may pay, once.
#[derive(Clone)]
pub(super) struct Foreign {
    pub(super) preimage: Preimage,
    pub(super) hash: PaymentHash,
    pub(super) amount: i64,
    pub(super) is_amountless: bool,
    pub(super) expires_at: UnixMs,
    pub(super) is_paid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    InFlight,
    Settled { fee: i64 },
    Failed,
}

/// What a node was asked to pay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    /// Which invoice of the world.
    pub(super) foreign: usize,
    pub(super) amount: i64,
    pub(super) fee_max: i64,
    /// Which payment of satkeep's; none of it, if somebody else has asked the node.
    pub(super) row: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct AtNode {
    pub(super) order: Order,
    pub(super) number: i64,
    pub(super) standing: Standing,
    pub(super) settled_at: UnixMs,
    /// The node does not know of it any more.
    pub(super) is_lost: bool,
    /// The node had said that it had failed.
    pub(super) is_late: bool,
}

/// An invoice of satkeep's that stands at the node.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) hash: PaymentHash,
    pub(super) amount: i64,
    pub(super) is_cancelled: bool,
    pub(super) received: Option<i64>,
}

pub(super) struct ModelNode {
    pub(super) name: NodeName,
    pub(super) is_up: bool,
    pub(super) cancels: bool,
    /// How far its clock is behind.
    pub(super) lag_s: i64,
    pub(super) attempts: Vec<AtNode>,
    next_number: i64,
    pub(super) owns: Vec<Own>,
    /// What has arrived, in order, by the number of the invoice.
    pub(super) receipts: Vec<usize>,
    /// When it has lost its database last.
    pub(super) lost_at: Option<UnixMs>,
}

fn unreachable_now<T>() -> Result<T, NodeError> {
    Err(NodeError::Unreachable("it is away".to_owned()))
}

impl ModelNode {
    pub(super) fn new(id: &str, cancels: bool, lag_s: i64) -> Self {
        let name = NodeName::new(id.to_owned());
        let (attempts, owns, receipts) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, is_up: true, cancels, lag_s, attempts, next_number: 1, owns, receipts, lost_at: None }
    }

    fn clock(&self, now: UnixMs) -> UnixMs {
        now.plus_seconds(-self.lag_s)
    }

    pub(super) fn identity(&self, now: UnixMs) -> Result<Identity, NodeError> {
        if !self.is_up {
            return unreachable_now();
        }
        Ok(Identity {
            id: self.name.as_str().to_owned(),
            alias: String::new(),
            version: String::new(),
            is_synced: true,
            network: None,
            time: Some(self.clock(now)),
        })
    }

    fn newest(&self, foreign: usize) -> Option<&AtNode> {
        self.attempts.iter().rev().find(|it| it.order.foreign == foreign && !it.is_lost)
    }

    pub(super) fn find(&self, foreign: usize, of: &Foreign) -> Result<PaymentAtNode, NodeError> {
        if !self.is_up {
            return unreachable_now();
        }
        let Some(found) = self.newest(foreign) else { return Ok(PaymentAtNode::NotFound) };
        Ok(match found.standing {
            Standing::InFlight => PaymentAtNode::InFlight,
            Standing::Failed => PaymentAtNode::Failed { attempt: Attempt(found.number), reason: "no route".to_owned() },
            Standing::Settled { fee } => PaymentAtNode::Settled(Sent {
                preimage: of.preimage.clone(),
                fee: Msat::new(fee),
                amount: Amount::from_msat(found.order.amount).unwrap(),
                at: found.settled_at,
            }),
        })
    }

    /// An order has come in. Whether a new attempt was begun, and what is answered.
    pub(super) fn take(&mut self, order: Order, of: &Foreign, refuses: bool, now: UnixMs) -> (bool, SendOutcome) {
        let refused = || (false, SendOutcome::Refused("it cannot be paid".to_owned()));
        if refuses {
            return refused();
        }
        let newest = self.newest(order.foreign).map(|it| it.standing);
        if matches!(newest, Some(Standing::InFlight | Standing::Settled { .. })) {
            return (false, SendOutcome::Accepted);
        }
        if self.clock(now) >= of.expires_at {
            return refused();
        }
        let (number, settled_at) = (self.next_number, now);
        self.next_number += 1;
        self.attempts.push(AtNode {
            order,
            number,
            standing: Standing::InFlight,
            settled_at,
            is_lost: false,
            is_late: false,
        });
        (true, SendOutcome::Accepted)
    }

    /// All that the node knows is gone, its numbers too. What is on its way may arrive all the same.
    pub(super) fn lose_everything(&mut self, now: UnixMs) {
        self.attempts.iter_mut().for_each(|it| it.is_lost = true);
        self.owns.clear();
        self.receipts.clear();
        (self.next_number, self.lost_at) = (1, Some(now));
    }

    pub(super) fn own(&mut self, hash: PaymentHash) -> Option<&mut Own> {
        self.owns.iter_mut().find(|own| own.hash == hash)
    }

    /// Somebody pays one of satkeep's invoices.
    pub(super) fn receive(&mut self, index: usize, amount: i64) {
        let own = &mut self.owns[index];
        if !own.is_cancelled && own.received.is_none() {
            own.received = Some(amount);
            self.receipts.push(index);
        }
    }

    pub(super) fn receipt(&self, index: usize, now: UnixMs) -> Option<Receipt> {
        let own = &self.owns[index];
        let amount = Amount::from_msat(own.received?).unwrap();
        Some(Receipt { payment_hash: own.hash, amount, at: now, preimage: None })
    }

    pub(super) fn cancel(&mut self, hash: PaymentHash) -> Result<Cancelled, NodeError> {
        if !self.is_up {
            return unreachable_now();
        }
        if !self.cancels {
            return Ok(Cancelled::Unsupported);
        }
        let Some(own) = self.own(hash) else { return Ok(Cancelled::NotFound) };
        if own.received.is_some() {
            return Ok(Cancelled::TooLate);
        }
        own.is_cancelled = true;
        Ok(Cancelled::Done)
    }

    pub(super) fn find_invoice(&self, hash: PaymentHash, now: UnixMs) -> Result<InvoiceAtNode, NodeError> {
        if !self.is_up {
            return unreachable_now();
        }
        let Some(index) = self.owns.iter().position(|own| own.hash == hash) else {
            return Ok(InvoiceAtNode::NotFound);
        };
        Ok(match self.receipt(index, now) {
            Some(receipt) => InvoiceAtNode::Settled(receipt),
            None if self.owns[index].is_cancelled => InvoiceAtNode::Cancelled,
            None => InvoiceAtNode::Open,
        })
    }

    /// An attempt ends: it settles, if its payee takes it, or fails.
    pub(super) fn end(&mut self, index: usize, of: &mut Foreign, fee: Option<i64>, now: UnixMs) {
        let attempt = &mut self.attempts[index];
        attempt.standing = match fee {
            Some(fee) if !of.is_paid => {
                of.is_paid = true;
                attempt.is_late = attempt.standing == Standing::Failed;
                attempt.settled_at = now;
                Standing::Settled { fee }
            }
            _ => Standing::Failed,
        };
    }
}
