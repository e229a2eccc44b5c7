//! Takes up payments to other nodes, asks the node to pay them, and tells the ledger how they have ended
//! (promise I12).
//!
//! A payment is in the hands of one worker at a time, for a limited time. Before the node is asked, that it will
//! be is committed. What comes next is decided by [`outgoing::next`]; here it is done.

use std::time::Duration;

use super::Connected;
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{HoldId, UserId};
use crate::domain::send::NodeName;
use crate::ledger::command::{EndSend, SendEnd};
use crate::ledger::outcome::SendEnded;
use crate::lightning::node::{Attempt, Identity, NodeError, PaymentAtNode, PaymentOrder, Sent};
use crate::lightning::outgoing::{self, After, Identified, Memory, Next, Outgoing, PutBack, Seen};
use crate::services::transfers::movement;
use crate::services::{Error, Services};
use crate::store::sends::{self, Lease, Send};

/// How long a worker has a payment: longer than all that it asks the node takes.
const LEASE_S: i64 = 180;
/// How long the node looks for a route.
const ROUTING_TIME: Duration = Duration::from_secs(60);
/// How long a worker waits for the end of a payment that it has just sent.
const WATCH: Duration = Duration::from_secs(10);

/// Takes up some payments that are due.
pub(crate) async fn take_some(
    services: &Services,
    connected: &Connected,
    busy: Vec<UserId>,
    limit: i64,
) -> Result<Vec<Send>, Error> {
    let worker = connected.worker;
    let claimed = services.store.write_in_background(move |connection| {
        let now = clock::now();
        sends::claim(connection, worker, now, now.plus_seconds(LEASE_S), &busy, limit)
    });
    Ok(claimed.await?)
}

/// Brings a payment that this worker has taken up as far as it will go now.
pub(crate) async fn advance(services: &Services, connected: &Connected, send: &Send) {
    let lease = Lease { hold: send.hold, worker: connected.worker, until: send.due_at };
    let mut worker = Worker { services, connected, send, known: known(send), lease };
    if let Err(error) = worker.advance().await {
        // Whoever takes it up when the time of this worker is over finds out what was done.
        tracing::warn!(%error, hold = %send.hold, "a payment to another node cannot go on; trying again");
    }
    connected.release(send.hold);
}

/// A payment, as far as the next step depends on it.
fn known(send: &Send) -> Outgoing {
    Outgoing {
        payment_hash: send.payment_hash,
        state: send.state,
        node: send.node.clone(),
        earlier: send.earlier_attempt.map(Attempt),
        tries: send.tries,
        sent_at: send.sent_at,
        created_at: send.created_at,
        expires_at: send.expires_at,
    }
}

struct Worker<'a> {
    services: &'a Services,
    connected: &'a Connected,
    send: &'a Send,
    known: Outgoing,
    lease: Lease,
}

impl Worker<'_> {
    async fn advance(&mut self) -> Result<(), Error> {
        let node = self.connected.identity().ok().map(|identity| NodeName::new(identity.id));
        let mut seen = Seen::Node(node.clone());
        loop {
            seen = match (outgoing::next(&self.known, seen, clock::now()), &node) {
                (Next::LookUp(after), _) => self.look_up(after).await,
                (Next::Identify(earlier), Some(before)) => {
                    let now = self.connected.node.identity().await;
                    Seen::Identified(Identified { before: before.clone(), now, earlier })
                }
                (Next::Ask(earlier), Some(node)) => match self.ask(node, earlier).await? {
                    Some(seen) => seen,
                    None => return Ok(()),
                },
                // Whoever has seen no node puts back.
                (Next::Identify(_) | Next::Ask(_), None) => return Ok(()),
                (Next::Check, _) => Seen::Checked(self.check().await?),
                (Next::Settle(sent), _) => {
                    let end = settled_end(self.services, self.send.hold, self.send, &sent);
                    return end_with(self.services, self.send, end, None).await.map(drop);
                }
                (Next::Fail(why), _) => return self.fail(&why).await,
                (Next::PutBack(put_back), _) => return self.put_back(put_back).await,
            };
        }
    }

    async fn look_up(&self, after: After) -> Seen {
        let wait = if after == After::Acceptance { WATCH } else { Duration::ZERO };
        let found = self.connected.node.find_payment(self.send.payment_hash, wait).await;
        Seen::Found(after, found)
    }

    /// Asks the node to pay; `None` if somebody else has the payment.
    async fn ask(&mut self, node: &NodeName, earlier: Option<Attempt>) -> Result<Option<Seen>, Error> {
        if self.known.tries > 0 {
            tracing::info!(hold = %self.send.hold, "the node does not know a payment that it was asked for; asking again");
        }
        let (lease, name, attempt) = (self.lease, node.clone(), earlier.map(|Attempt(id)| id));
        let now = clock::now();
        let begun = self.services.store.write_in_background(move |connection| {
            sends::begin_sending(connection, lease, &name, attempt, now, now.plus_seconds(LEASE_S))
        });
        let Some(lease) = begun.await? else { return Ok(None) };
        self.lease = lease;
        self.known = self.known.clone().asked(node.clone(), earlier, now);
        // This process may have stood still: somebody else may have the payment by now.
        if clock::now() >= lease.until {
            return Ok(None);
        }
        let order = PaymentOrder {
            bolt11: self.send.bolt11.clone(),
            payment_hash: self.send.payment_hash,
            amount: self.send.is_amountless.then_some(self.send.amount),
            fee_max: self.send.fee_max,
            time: ROUTING_TIME,
        };
        Ok(Some(Seen::Answered(self.connected.node.send(order).await)))
    }

    /// Finds out who the node is, which does not know the payment, and whether it remembers what it has paid
    /// before.
    async fn check(&self) -> Result<Result<(Identity, Memory), NodeError>, Error> {
        let node = &self.connected.node;
        // Now, not as it was seconds ago: another node may have taken its place.
        let identity = match node.identity().await {
            Ok(identity) => identity,
            Err(error) => return Ok(Err(error)),
        };
        let (name, before) = (NodeName::new(identity.id.clone()), self.send.created_at);
        let last = self.services.store.read(move |connection| sends::last_settled(connection, &name, before)).await?;
        let Some(hash) = last else { return Ok(Ok((identity, Memory::Untested))) };
        Ok(node.find_payment(hash, Duration::ZERO).await.map(|found| {
            let is_there = matches!(found, PaymentAtNode::Settled(_));
            (identity, if is_there { Memory::Kept } else { Memory::Lost })
        }))
    }

    /// Tells the ledger that the payment has failed, unless somebody else has it by now, and may have asked again.
    async fn fail(&self, why: &str) -> Result<(), Error> {
        let lease = self.lease;
        let until = clock::now().plus_seconds(LEASE_S);
        let renewed = self.services.store.write_in_background(move |connection| sends::renew(connection, lease, until));
        if renewed.await?.is_some() && clock::now() < until {
            tracing::info!(hold = %self.send.hold, %why, "a payment to another node has failed");
            end_with(self.services, self.send, SendEnd::Failed, Some(why.to_owned())).await?;
        }
        Ok(())
    }

    async fn put_back(&self, put_back: PutBack) -> Result<(), Error> {
        let PutBack { state, note, is_odd } = put_back;
        if is_odd {
            tracing::error!(hold = %self.send.hold, %note, "a payment to another node waits for an operator to look at it");
        }
        let (lease, due_at) = (self.lease, self.known.due_at(clock::now()));
        let put_back = self
            .services
            .store
            .write_in_background(move |connection| sends::put_back(connection, lease, state, &note, due_at));
        Ok(put_back.await?)
    }
}

/// That a payment has arrived, for the ledger.
pub(super) fn settled_end(services: &Services, hold: HoldId, send: &Send, sent: &Sent) -> SendEnd {
    if sent.fee > send.fee_max {
        tracing::error!(%hold, fee_msat = sent.fee.get(), fee_max_msat = send.fee_max.get(), "the node has spent more on fees than it was allowed; the operator pays what is beyond");
    }
    SendEnd::Settled {
        fee: sent.fee,
        preimage: sent.preimage.seal(&services.sealer, hold.foreign_invoice()),
        movements: Box::new([(); 3].map(|()| movement(&services.sealer))),
    }
}

/// Tells the ledger how a payment has ended.
pub(super) async fn end_with(
    services: &Services,
    send: &Send,
    end: SendEnd,
    note: Option<String>,
) -> Result<SendEnded, Error> {
    let command = EndSend { hold: send.hold, payment_hash: send.payment_hash, end, note };
    let ended = services.settle(command, Consumer::NOBODY).await?;
    if let SendEnded::Late { is_by_payer } = ended {
        tracing::error!(hold = %send.hold, is_by_payer, "a payment has arrived after it had been reported as failed; it is booked late");
    }
    Ok(ended)
}
