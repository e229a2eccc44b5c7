//! Takes up payments to other nodes, asks the node to pay them, and tells the ledger how they have ended
//! (promise I12).
//!
//! A payment is in the hands of one worker at a time, for a limited time. Before the node is asked, that it will
//! be is committed. From then on only the node ends the payment: a success that proves itself, or a failure of
//! this very attempt. An error, a silence, or something that cannot be understood ends nothing.

use std::time::Duration;

use super::{Connected, outside};
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{HoldId, UserId};
use crate::domain::send::{NodeName, SendState};
use crate::domain::time::UnixMs;
use crate::ledger::command::{EndSend, SendEnd};
use crate::ledger::outcome::SendEnded;
use crate::lightning::node::{Attempt, PaymentAtNode, PaymentOrder, SendOutcome, Sent};
use crate::services::transfers::movement;
use crate::services::{Error, Services};
use crate::store::sends::{self, Send};

/// How long a worker has a payment: longer than all that it asks the node takes.
const LEASE_S: i64 = 180;
/// How long the node looks for a route.
const ROUTING_TIME: Duration = Duration::from_secs(60);
/// How long a worker waits for the end of a payment that it has just sent.
const WATCH: Duration = Duration::from_secs(10);
/// How long a payment that nobody knows of is left alone after it was sent last.
const GRACE_S: i64 = 600;
/// The shortest and the longest pause before a payment under way is looked up again.
const PAUSE_S: (i64, i64) = (1, 60);

/// What a worker has done with a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It has ended.
    Ended,
    /// It is to be looked at again.
    Later,
}

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
    let advanced = Worker { services, connected, send }.advance().await;
    match advanced {
        Ok(Step::Ended | Step::Later) => {}
        // Whoever takes it up when the time of this worker is over finds out what was done.
        Err(error) => tracing::warn!(%error, hold = %send.hold, "a payment to another node cannot go on; trying again"),
    }
    connected.release(send.hold);
}

/// What a worker may do where the node does not know a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Ask the node to pay again.
    AskAgain,
    /// Look again later: the node was asked just now.
    OnlyWait,
}

struct Worker<'a> {
    services: &'a Services,
    connected: &'a Connected,
    send: &'a Send,
}

impl Worker<'_> {
    async fn advance(&self) -> Result<Step, Error> {
        let Ok(identity) = self.connected.identity() else {
            return self.put_back(self.send.state, "the node does not answer").await;
        };
        let node = outside::name_of(identity.id);
        match self.send.state {
            SendState::Reserved => self.begin(&node).await,
            SendState::Sending | SendState::InFlight => {
                if self.send.node.as_ref() != Some(&node) {
                    return self.put_back(self.send.state, "another node was asked to pay it").await;
                }
                self.watch(&node, self.send.earlier_attempt.map(Attempt), Duration::ZERO, May::AskAgain).await
            }
            SendState::Settled | SendState::Failed => Ok(Step::Ended),
        }
    }

    /// Of a payment that no node was ever asked for.
    async fn begin(&self, node: &NodeName) -> Result<Step, Error> {
        if clock::now() >= self.send.expires_at {
            return self.fail("the invoice expired before the node could be asked").await;
        }
        match self.connected.node.find_payment(self.send.payment_hash, Duration::ZERO).await {
            Ok(PaymentAtNode::NotFound) => self.ask(node, None).await,
            Ok(PaymentAtNode::Failed { attempt, .. }) => self.ask(node, Some(attempt)).await,
            Ok(PaymentAtNode::InFlight | PaymentAtNode::Settled(_)) => {
                self.fail("the node pays, or has paid, this invoice for somebody else").await
            }
            Err(error) => self.put_back(SendState::Reserved, &error.to_string()).await,
        }
    }

    /// Asks the node to pay.
    async fn ask(&self, node: &NodeName, earlier: Option<Attempt>) -> Result<Step, Error> {
        let (worker, hold, name) = (self.connected.worker, self.send.hold, node.clone());
        let earlier_id = earlier.map(|Attempt(id)| id);
        let begun = self.services.store.write_in_background(move |connection| {
            sends::begin_sending(connection, worker, hold, &name, earlier_id, clock::now())
        });
        if !begun.await? {
            return Ok(Step::Later);
        }
        let order = PaymentOrder {
            bolt11: self.send.bolt11.clone(),
            payment_hash: self.send.payment_hash,
            amount: self.send.is_amountless.then_some(self.send.amount),
            fee_max: self.send.fee_max,
            time: ROUTING_TIME,
        };
        match self.connected.node.send(order).await {
            SendOutcome::Accepted => self.watch(node, earlier, WATCH, May::OnlyWait).await,
            SendOutcome::Unclear(why) => self.put_back(SendState::InFlight, &why).await,
            SendOutcome::Refused(why) => self.confirm_refusal(node, earlier, &why).await,
        }
    }

    /// The node has refused before it has begun anything: it does not know of the payment then.
    async fn confirm_refusal(&self, node: &NodeName, earlier: Option<Attempt>, why: &str) -> Result<Step, Error> {
        match self.connected.node.find_payment(self.send.payment_hash, Duration::ZERO).await {
            Ok(PaymentAtNode::NotFound) => self.fail(why).await,
            Ok(PaymentAtNode::Failed { attempt, .. }) if Some(attempt) == earlier => self.fail(why).await,
            Ok(PaymentAtNode::InFlight | PaymentAtNode::Settled(_) | PaymentAtNode::Failed { .. }) => {
                self.watch(node, earlier, Duration::ZERO, May::OnlyWait).await
            }
            Err(error) => self.put_back(SendState::InFlight, &error.to_string()).await,
        }
    }

    /// Looks up a payment that the node was asked for.
    async fn watch(&self, node: &NodeName, earlier: Option<Attempt>, wait: Duration, may: May) -> Result<Step, Error> {
        match self.connected.node.find_payment(self.send.payment_hash, wait).await {
            Ok(PaymentAtNode::Settled(sent)) => self.settle(sent).await,
            Ok(PaymentAtNode::Failed { attempt, reason }) if Some(attempt) != earlier => self.fail(&reason).await,
            // What failed was another attempt: of this one nothing is known.
            Ok(PaymentAtNode::NotFound | PaymentAtNode::Failed { .. }) => self.lost(node, earlier, may).await,
            Ok(PaymentAtNode::InFlight) => self.put_back(SendState::InFlight, "under way").await,
            Err(error) => self.put_back(SendState::InFlight, &error.to_string()).await,
        }
    }

    /// The node was asked and does not know the payment. As long as the invoice can be paid, it is asked again:
    /// of one payment hash it makes one payment. Afterwards nothing can be under way, if the node has not lost
    /// its database.
    async fn lost(&self, node: &NodeName, earlier: Option<Attempt>, may: May) -> Result<Step, Error> {
        let now = clock::now();
        if now < self.send.expires_at {
            return match may {
                May::OnlyWait => self.put_back(SendState::InFlight, "the node does not know it yet").await,
                May::AskAgain => Box::pin(self.ask_again(node, earlier)).await,
            };
        }
        let is_quiet = self.send.sent_at.is_some_and(|at| at.plus_seconds(GRACE_S) <= now);
        let identity = self.connected.identity()?;
        let is_over = identity.time.is_some_and(|time| time >= self.send.expires_at);
        if is_quiet && is_over && self.knows_an_older_one(node).await? {
            return self.fail("the node does not know it, and the invoice has expired").await;
        }
        self.put_back(SendState::InFlight, "the node does not know it").await
    }

    async fn ask_again(&self, node: &NodeName, earlier: Option<Attempt>) -> Result<Step, Error> {
        tracing::info!(hold = %self.send.hold, "the node does not know a payment that it was asked for; asking again");
        self.ask(node, earlier).await
    }

    /// Whether the node still knows what it has paid last: one that has lost its database does not.
    async fn knows_an_older_one(&self, node: &NodeName) -> Result<bool, Error> {
        let name = node.clone();
        let newest = self.services.store.read(move |connection| sends::newest_settled(connection, &name)).await?;
        let Some(hash) = newest else { return Ok(false) };
        let found = self.connected.node.find_payment(hash, Duration::ZERO).await;
        Ok(matches!(found, Ok(PaymentAtNode::Settled(_))))
    }

    async fn settle(&self, sent: Sent) -> Result<Step, Error> {
        if sent.preimage.payment_hash() != self.send.payment_hash {
            tracing::error!(hold = %self.send.hold, "the node tells a preimage that is not the payment's");
            return self.put_back(SendState::InFlight, "the node tells a preimage that is not the payment's").await;
        }
        let end = settled_end(self.services, self.send.hold, self.send, &sent);
        end_with(self.services, self.send, end, None).await?;
        Ok(Step::Ended)
    }

    async fn fail(&self, why: &str) -> Result<Step, Error> {
        fail(self.services, self.send, why).await?;
        Ok(Step::Ended)
    }

    async fn put_back(&self, state: SendState, note: &str) -> Result<Step, Error> {
        let (worker, hold, note) = (self.connected.worker, self.send.hold, note.to_owned());
        let now = clock::now();
        let due_at = now.plus_seconds(pause_s(self.send.created_at, now));
        let put_back = self.services.store.write_in_background(move |connection| {
            sends::put_back(connection, worker, hold, state, Some(&note), due_at)
        });
        put_back.await?;
        Ok(Step::Later)
    }
}

/// The longer a payment is under way, the more seldom it is looked up.
fn pause_s(since: UnixMs, now: UnixMs) -> i64 {
    let age_s = now.seconds().saturating_sub(since.seconds());
    (age_s / 4).clamp(PAUSE_S.0, PAUSE_S.1)
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

/// Tells the ledger that a payment has failed.
pub(super) async fn fail(services: &Services, send: &Send, why: &str) -> Result<SendEnded, Error> {
    tracing::info!(hold = %send.hold, %why, "a payment to another node has failed");
    end_with(services, send, SendEnd::Failed, Some(why.to_owned())).await
}

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
