//! What a worker does next with a payment to another node: pure, so that every order of events can be tried.
//!
//! A worker takes a payment up, and does what [`next`] says until that is a last step: it settles the payment,
//! fails it, or puts it back. What the node answers becomes what was [`Seen`].
//!
//! A payment has failed only if nothing of it can arrive any more:
//!
//! - the node reports that the attempt which it was asked for has failed, or has refused it and knows nothing of
//!   it; and no other request for the same payment can still reach the node; or
//! - the node does not know it, can no longer begin it, and still knows what it had paid before.
//!
//! Everything else ends nothing: an error, a silence, something that cannot be understood. A success that proves
//! itself always counts.

use super::node::{Attempt, Identity, NodeError, PaymentAtNode, SendOutcome, Sent};
use crate::domain::ids::PaymentHash;
use crate::domain::send::{NodeName, SendState};
use crate::domain::time::UnixMs;

/// How long after the node was asked last the request may still reach it, for instance because the way there was
/// blocked: longer than any request waits.
const GRACE_S: i64 = 600;
/// The shortest and the longest pause before a payment under way is looked up again.
const PAUSE_S: (i64, i64) = (1, 60);

/// A payment to another node, as far as the next step depends on it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The invoice's payment hash.
    pub payment_hash: PaymentHash,
    /// Where it stands.
    pub state: SendState,
    /// The node that was asked to pay.
    pub node: Option<NodeName>,
    /// The attempt of this hash that the node had seen fail before it was asked.
    pub earlier: Option<Attempt>,
    /// How often the node was asked to pay.
    pub tries: i64,
    /// When the node was asked last.
    pub sent_at: Option<UnixMs>,
    /// When it began.
    pub created_at: UnixMs,
    /// The time from which the invoice can no longer be paid.
    pub expires_at: UnixMs,
}

/// What a worker has seen last.
#[derive(Clone, Debug)]
pub enum Seen {
    /// It has taken the payment up, and this is the node, if one answers.
    Node(Option<NodeName>),
    /// What the node knows of the payment.
    Found(After, Result<PaymentAtNode, NodeError>),
    /// Who the node is, which is to be asked for the first time.
    Identified(Identified),
    /// What the node said when it was asked to pay.
    Answered(SendOutcome),
    /// The node does not know the payment. Who it is, and whether it remembers: both asked for after that.
    Checked(Result<(Identity, Memory), NodeError>),
}

/// What a look-up comes after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// The payment was taken up.
    TakingUp,
    /// The node has accepted it just now. It may take a moment until it has ended.
    Acceptance,
    /// The node has refused it just now, for this reason.
    Refusal(String),
}

/// Who the node is before it is asked for the first time.
#[derive(Clone, Debug)]
pub struct Identified {
    /// Who it was when the payment was taken up.
    pub before: NodeName,
    /// Who it is.
    pub now: Result<Identity, NodeError>,
    /// The attempt of the same hash that it has seen fail.
    pub earlier: Option<Attempt>,
}

/// Whether a node still knows what it had paid before a payment began: one that has lost its database does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It does.
    Kept,
    /// It does not.
    Lost,
    /// Nothing is known that it could be asked for.
    Untested,
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Look the payment up.
    LookUp(After),
    /// Find out who the node is, which has seen this attempt of the same hash fail. By that name it is noted that
    /// it was asked: another one may just have taken its place.
    Identify(Option<Attempt>),
    /// Ask the node to pay, which has seen this attempt of the same hash fail before. That it is asked is
    /// committed first.
    Ask(Option<Attempt>),
    /// Find out who the node is, and whether it remembers.
    Check,
    /// It has arrived: the last step.
    Settle(Sent),
    /// It has failed, for this reason: the last step.
    Fail(String),
    /// Look again later: the last step for now.
    PutBack(PutBack),
}

/// How a payment is put back.
#[derive(Clone, Debug)]
pub struct PutBack {
    /// Where it stands.
    pub state: SendState,
    /// What is known of it, for the operator.
    pub note: String,
    /// Whether somebody has to look at it.
    pub is_odd: bool,
}

impl Outgoing {
    /// The same once the node is being asked.
    #[must_use]
    pub fn asked(self, node: NodeName, earlier: Option<Attempt>, now: UnixMs) -> Self {
        let tries = self.tries.saturating_add(1);
        Self { state: SendState::Sending, node: Some(node), earlier, tries, sent_at: Some(now), ..self }
    }

    /// When to look again: the longer a payment is under way, the later.
    pub fn due_at(&self, now: UnixMs) -> UnixMs {
        let age_s = now.seconds().saturating_sub(self.created_at.seconds());
        now.plus_seconds((age_s / 4).clamp(PAUSE_S.0, PAUSE_S.1))
    }

    /// Whether no request that was ever sent can still reach the node.
    fn is_quiet(&self, now: UnixMs) -> bool {
        self.sent_at.is_none_or(|at| at.plus_seconds(GRACE_S) <= now)
    }

    /// Whether the end of one attempt is the end of all. The node begins a new attempt once one has failed, so
    /// where it was asked more than once, another request must not be able to reach it any more.
    fn is_last_word(&self, now: UnixMs) -> bool {
        self.tries <= 1 || self.is_quiet(now)
    }
}

/// What to do next with a payment, after this was seen.
pub fn next(payment: &Outgoing, seen: Seen, now: UnixMs) -> Next {
    match (payment.state, seen) {
        (SendState::Settled | SendState::Failed, _) => put_back(payment.state, "it has ended"),
        (SendState::Reserved, Seen::Node(None)) if now >= payment.expires_at => {
            Next::Fail("the invoice expired before the node could be asked".to_owned())
        }
        (state, Seen::Node(None)) => put_back(state, "the node does not answer"),
        (SendState::Reserved, Seen::Node(Some(_))) => Next::LookUp(After::TakingUp),
        (SendState::Reserved, Seen::Found(_, found)) => begin(payment, found, now),
        (state, Seen::Identified(Identified { now: Err(error), .. }) | Seen::Checked(Err(error))) => {
            put_back(state, &error.to_string())
        }
        (state, Seen::Identified(Identified { before, now: Ok(identity), .. })) if before.as_str() != identity.id => {
            put_back(state, "another node has taken the place of the one that was looked at")
        }
        (_, Seen::Identified(Identified { earlier, .. })) => Next::Ask(earlier),
        (state, Seen::Node(Some(node))) if payment.node.as_ref() != Some(&node) => of_another_node(state),
        (_, Seen::Node(Some(_))) => Next::LookUp(After::TakingUp),
        (_, Seen::Answered(SendOutcome::Accepted)) => Next::LookUp(After::Acceptance),
        (_, Seen::Answered(SendOutcome::Refused(why))) => Next::LookUp(After::Refusal(why)),
        (_, Seen::Answered(SendOutcome::Unclear(why))) => put_back(SendState::InFlight, &why),
        (_, Seen::Found(after, found)) => go_on(payment, after, found, now),
        (_, Seen::Checked(Ok((identity, memory)))) => lost(payment, identity, memory, now),
    }
}

/// Of a payment that no node was ever asked for: what the node knows of its hash is not of this payment. Unless
/// the ledger was set back to a backup: so what may have begun after this payment did is left to the operator.
fn begin(payment: &Outgoing, found: Result<PaymentAtNode, NodeError>, now: UnixMs) -> Next {
    let earlier = match found {
        Ok(PaymentAtNode::NotFound) => None,
        Ok(PaymentAtNode::Failed { attempt, .. }) => Some(attempt),
        Ok(PaymentAtNode::InFlight) => {
            return odd(SendState::Reserved, "the node is paying this invoice already, and was not asked to");
        }
        Ok(PaymentAtNode::Settled(sent)) if sent.at < payment.created_at => {
            return Next::Fail("the node had paid this invoice before".to_owned());
        }
        Ok(PaymentAtNode::Settled(_)) => {
            return odd(SendState::Reserved, "the node has paid this invoice, and was not asked to");
        }
        Err(error) => return put_back(SendState::Reserved, &error.to_string()),
    };
    if now >= payment.expires_at {
        return Next::Fail("the invoice expired before the node could be asked".to_owned());
    }
    Next::Identify(earlier)
}

/// Of a payment that the node was asked for.
fn go_on(payment: &Outgoing, after: After, found: Result<PaymentAtNode, NodeError>, now: UnixMs) -> Next {
    match found {
        Ok(PaymentAtNode::Settled(sent)) if sent.preimage.payment_hash() == payment.payment_hash => Next::Settle(sent),
        Ok(PaymentAtNode::Settled(_)) => {
            odd(SendState::InFlight, "the node tells a preimage that is not the payment's")
        }
        Ok(PaymentAtNode::InFlight) => put_back(SendState::InFlight, "under way"),
        Ok(PaymentAtNode::Failed { attempt, reason }) if Some(attempt) != payment.earlier => {
            if payment.is_last_word(now) {
                return Next::Fail(reason);
            }
            put_back(SendState::InFlight, &format!("has failed, but the node was asked more than once: {reason}"))
        }
        // What failed was another attempt: of this one nothing is known.
        Ok(PaymentAtNode::NotFound | PaymentAtNode::Failed { .. }) => match after {
            After::TakingUp => Next::Check,
            After::Acceptance => put_back(SendState::InFlight, "the node does not know it yet"),
            After::Refusal(why) if payment.tries <= 1 => Next::Fail(why),
            After::Refusal(why) => put_back(SendState::InFlight, &why),
        },
        Err(error) => put_back(SendState::InFlight, &error.to_string()),
    }
}

/// The node was asked and does not know the payment. As long as the invoice can be paid, it is asked again: of one
/// payment hash it makes one payment. Afterwards nothing can be under way, if it is the same node, and has not
/// lost its database.
fn lost(payment: &Outgoing, node: Identity, memory: Memory, now: UnixMs) -> Next {
    let is_over = node.time.is_some_and(|time| time >= payment.expires_at);
    if payment.node != Some(NodeName::new(node.id)) {
        return of_another_node(payment.state);
    }
    if memory == Memory::Lost {
        return odd(SendState::InFlight, "the node does not know it, nor what it had paid before");
    }
    if now < payment.expires_at {
        // Once more at once; after that not before an earlier request can no longer reach it.
        let may_ask = payment.tries <= 1 || payment.is_quiet(now);
        let later = || put_back(SendState::InFlight, "the node does not know it");
        return if may_ask { Next::Ask(payment.earlier) } else { later() };
    }
    if is_over && memory == Memory::Kept && payment.is_quiet(now) {
        return Next::Fail("the node does not know it, and the invoice has expired".to_owned());
    }
    put_back(SendState::InFlight, "the node does not know it")
}

fn of_another_node(state: SendState) -> Next {
    put_back(state, "another node was asked to pay it")
}

fn put_back(state: SendState, note: &str) -> Next {
    Next::PutBack(PutBack { state, note: note.to_owned(), is_odd: false })
}

fn odd(state: SendState, note: &str) -> Next {
    Next::PutBack(PutBack { state, note: note.to_owned(), is_odd: true })
}
