//! What a worker does next, where a whole history says little of it.

use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::node::Preimage;
use satkeep::domain::send::{NodeName, SendState};
use satkeep::domain::time::UnixMs;
use satkeep::lightning::node::{Attempt, Identity, NodeError, PaymentAtNode, SendOutcome, Sent};
use satkeep::lightning::outgoing::{After, Identified, Memory, Next, Outgoing, Seen, next};

const BEGAN: UnixMs = UnixMs::new(1_000_000);
const END: UnixMs = BEGAN.plus_seconds(3600);

fn proof() -> Preimage {
    Preimage::from_client(&"17".repeat(32)).unwrap()
}

fn reserved() -> Outgoing {
    Outgoing {
        payment_hash: proof().payment_hash(),
        state: SendState::Reserved,
        node: None,
        earlier: None,
        tries: 0,
        sent_at: None,
        created_at: BEGAN,
        expires_at: END,
    }
}

fn name(id: &str) -> NodeName {
    NodeName::new(id.to_owned())
}

fn node(id: &str, time: UnixMs) -> Identity {
    let [alias, version] = [(); 2].map(|()| String::new());
    Identity { id: id.to_owned(), alias, version, is_synced: true, network: None, time: Some(time) }
}

fn asked(times: i64) -> Outgoing {
    let once = reserved().asked(name("02aa"), Some(Attempt(1)), BEGAN);
    Outgoing { tries: times, ..once }
}

fn settled_at(at: UnixMs) -> PaymentAtNode {
    PaymentAtNode::Settled(Sent { preimage: proof(), fee: Msat::ZERO, amount: Amount::from_msat(9).unwrap(), at })
}

fn failed(attempt: i64) -> PaymentAtNode {
    PaymentAtNode::Failed { attempt: Attempt(attempt), reason: "no route".to_owned() }
}

fn found(of: &Outgoing, what: PaymentAtNode, now: UnixMs) -> Next {
    next(of, Seen::Found(After::TakingUp, Ok(what)), now)
}

/// The state that a payment is put back in, and whether the operator is told.
#[track_caller]
fn put_back(next: Next) -> (SendState, bool) {
    match next {
        Next::PutBack(put_back) => (put_back.state, put_back.is_odd),
        other => panic!("{other:?}"),
    }
}

/// After a restore from a backup it may be satkeep's own.
#[test]
fn what_a_node_pays_without_having_been_asked_is_left_to_the_operator() {
    for now in [BEGAN, END] {
        assert_eq!(put_back(found(&reserved(), PaymentAtNode::InFlight, now)), (SendState::Reserved, true));
        assert_eq!(put_back(found(&reserved(), settled_at(BEGAN), now)), (SendState::Reserved, true));
    }
    let before = settled_at(BEGAN.plus_seconds(-1));
    assert!(matches!(found(&reserved(), before, BEGAN), Next::Fail(_)), "it cannot be satkeep's own");
}

#[test]
fn the_first_time_only_the_node_that_was_looked_at_is_asked() {
    assert!(matches!(found(&reserved(), PaymentAtNode::NotFound, BEGAN), Next::Identify(None)));
    assert!(matches!(found(&reserved(), failed(3), BEGAN), Next::Identify(Some(Attempt(3)))));
    assert!(matches!(found(&reserved(), PaymentAtNode::NotFound, END), Next::Fail(_)), "expired");
    let identified = |id| {
        let now = Ok(node(id, BEGAN));
        next(&reserved(), Seen::Identified(Identified { before: name("02aa"), now, earlier: None }), BEGAN)
    };
    assert!(matches!(identified("02aa"), Next::Ask(None)));
    assert_eq!(put_back(identified("02bb")), (SendState::Reserved, false));
}

/// The node begins anew once an attempt has failed: another request may be on its way.
#[test]
fn where_the_node_was_asked_twice_one_failure_or_refusal_is_not_the_end() {
    let refused = |times| {
        let after = After::Refusal("no".to_owned());
        next(&asked(times), Seen::Found(after, Ok(PaymentAtNode::NotFound)), BEGAN.plus_seconds(1))
    };
    assert!(matches!(refused(1), Next::Fail(why) if why == "no"));
    assert_eq!(put_back(refused(2)), (SendState::InFlight, false));
    assert!(matches!(found(&asked(1), failed(2), BEGAN), Next::Fail(_)));
    assert_eq!(put_back(found(&asked(2), failed(2), BEGAN.plus_seconds(599))), (SendState::InFlight, false));
    assert!(matches!(found(&asked(2), failed(2), BEGAN.plus_seconds(600)), Next::Fail(_)));
    assert!(matches!(found(&asked(1), failed(1), END), Next::Check), "that was another attempt");
}

#[test]
fn what_a_node_does_not_know_has_failed_only_if_it_remembers_and_can_no_longer_begin() {
    let checked = |id: &str, time, memory, now| next(&asked(1), Seen::Checked(Ok((node(id, time), memory))), now);
    let late = END.plus_seconds(600);
    assert!(matches!(checked("02aa", END, Memory::Kept, late), Next::Fail(_)));
    let early_by_its_clock = END.plus_seconds(-1);
    for (id, time, memory, is_odd) in [
        ("02bb", END, Memory::Kept, false),
        ("02aa", END, Memory::Untested, false),
        ("02aa", END, Memory::Lost, true),
        ("02aa", early_by_its_clock, Memory::Kept, false),
    ] {
        let (state, told) = put_back(checked(id, time, memory, late));
        assert_eq!((state == SendState::Failed, told), (false, is_odd), "{id} {time:?} {memory:?}");
    }
    for (memory, is_asked) in [(Memory::Kept, true), (Memory::Untested, true), (Memory::Lost, false)] {
        let again = checked("02aa", BEGAN, memory, BEGAN);
        assert_eq!(matches!(again, Next::Ask(Some(Attempt(1)))), is_asked, "{memory:?}");
    }
    let once_more = |now| next(&asked(2), Seen::Checked(Ok((node("02aa", now), Memory::Kept))), now);
    assert_eq!(put_back(once_more(BEGAN.plus_seconds(599))), (SendState::InFlight, false));
    assert!(matches!(once_more(BEGAN.plus_seconds(600)), Next::Ask(_)));
}

#[test]
fn no_answer_ends_nothing() {
    let away = || NodeError::Unreachable("away".to_owned());
    let late = END.plus_seconds(6000);
    for seen in [
        Seen::Node(None),
        Seen::Found(After::TakingUp, Err(away())),
        Seen::Found(After::Refusal("no".to_owned()), Err(away())),
        Seen::Answered(SendOutcome::Unclear("away".to_owned())),
        Seen::Checked(Err(away())),
    ] {
        assert!(matches!(next(&asked(1), seen, late), Next::PutBack(_)));
    }
}
