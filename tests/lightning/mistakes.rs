//! Answers that are wrong, late, cut off, missing, or errors: none of them is a failure of a payment, and
//! none is taken for a success.

use std::time::Duration;

use satkeep::domain::node::Preimage;
use satkeep::lightning::node::{Cursor, NodeError, PaymentAtNode, SendOutcome};

use super::fakes::{FakeNode, Fate, Fault, Kind, Op, SECRET};
use super::world::{MSAT, World, made, payment};

const KINDS: [Kind; 4] = [Kind::Lnd, Kind::Cln, Kind::Phoenixd, Kind::Lnbits];

/// Answers that say nothing, of the node or of what stands before it.
const NOTHING: [Fault; 8] = [
    Fault::Silent,
    Fault::Half,
    Fault::Status(200, "<html>"),
    Fault::Status(200, "{}"),
    Fault::Status(500, "something has gone wrong"),
    Fault::Status(502, "<html>bad gateway</html>"),
    Fault::Status(404, "<html>not found</html>"),
    Fault::Status(503, r#"{"code": 14, "message": "unavailable"}"#),
];

#[test]
fn what_is_not_understood_is_no_failure_of_a_payment() {
    for kind in KINDS {
        for fault in NOTHING {
            let world = FakeNode::start(kind);
            let foreign = world.book.lock().foreign(MSAT);
            world.book.lock().spoil(Op::Send, fault);
            let outcome = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
            assert!(matches!(outcome, SendOutcome::Unclear(_)), "{kind:?} {fault:?}: {outcome:?}");
            let was_done = !matches!(fault, Fault::Status(..));
            match world.found(foreign.hash) {
                PaymentAtNode::Settled(_) => assert!(was_done, "{kind:?} {fault:?}"),
                PaymentAtNode::NotFound => assert!(!was_done, "{kind:?} {fault:?}"),
                other => panic!("{kind:?} {fault:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_not_understood_is_no_state_of_a_payment() {
    for kind in KINDS {
        let world = FakeNode::start(kind);
        let foreign = world.book.lock().foreign(MSAT);
        world.book.lock().fate = Fate::Fails;
        let _ = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
        for fault in NOTHING {
            // A lookup may be repeated on a new connection.
            for _ in 0..2 {
                world.book.lock().spoil(Op::FindPayment, fault);
            }
            let found = world.run(world.node.find_payment(foreign.hash, Duration::ZERO));
            let is_second = matches!(fault, Fault::Silent | Fault::Half);
            let is_right = found.is_err() || is_second && matches!(found, Ok(PaymentAtNode::Failed { .. }));
            assert!(is_right, "{kind:?} {fault:?}: {found:?}");
            while matches!(fault, Fault::Silent | Fault::Half) && world.book.take_fault(Op::FindPayment).is_some() {}
        }
    }
}

#[test]
fn what_is_not_understood_is_no_state_of_an_invoice() {
    for kind in KINDS {
        let world = FakeNode::start(kind);
        let hash = made(&world).payment_hash;
        for fault in NOTHING.into_iter().filter(|fault| matches!(fault, Fault::Status(..))) {
            world.book.lock().spoil(Op::FindInvoice, fault);
            let found = world.run(world.node.find_invoice(hash));
            assert!(found.is_err(), "{kind:?} {fault:?}: {found:?}");
            world.book.lock().spoil(Op::Receive, fault);
            let received = world.run(world.node.received_since(Cursor(7), Duration::from_millis(500)));
            assert!(received.is_err(), "{kind:?} {fault:?}: {received:?}");
            world.book.lock().spoil(Op::Create, fault);
            let order = satkeep::lightning::node::InvoiceOrder {
                preimage: Preimage::generate(),
                amount: satkeep::domain::money::Amount::from_msat(MSAT).unwrap(),
                description: satkeep::lightning::node::Description::Text(String::new()),
                expiry_seconds: 60,
            };
            let made = world.run(world.node.create_invoice(order));
            assert!(made.is_err(), "{kind:?} {fault:?}: {made:?}");
        }
    }
}

#[test]
fn a_success_without_its_preimage_is_none() {
    let wrong = [Preimage::generate().reveal(), "00".repeat(32), "abc".to_owned(), String::new()];
    for kind in KINDS {
        for preimage in &wrong {
            // What has no form in base64 or hex at all, a node cannot tell.
            let world = FakeNode::start(kind);
            let foreign = world.book.lock().foreign(MSAT);
            world.book.lock().wrong_preimage = Some(preimage.clone());
            let outcome = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
            assert!(!matches!(outcome, SendOutcome::Refused(_)), "{kind:?}: {outcome:?}");
            let found = world.run(world.node.find_payment(foreign.hash, Duration::ZERO));
            assert!(matches!(found, Err(NodeError::Unreadable(_))), "{kind:?} {preimage:?}: {found:?}");
        }
    }
}

/// What each answers where a payment is there already, for whatever reason, and where it is busy.
const THERE_ALREADY: [(Kind, Fault); 9] = [
    (Kind::Lnd, Fault::Status(409, r#"{"error": {"code": 6, "message": "payment already exists", "details": []}}"#)),
    (Kind::Lnd, Fault::Status(409, r#"{"error": {"code": 6, "message": "payment is in transition", "details": []}}"#)),
    (Kind::Lnd, Fault::Status(409, r#"{"error": {"code": 6, "message": "invoice is already paid", "details": []}}"#)),
    (Kind::Lnd, Fault::Status(500, r#"{"error": {"code": 2, "message": "some other thing", "details": []}}"#)),
    (Kind::Lnd, Fault::Status(503, r#"{"error": {"code": 14, "message": "shutting down", "details": []}}"#)),
    (Kind::Cln, Fault::Status(500, r#"{"code": null, "message": "Error calling method", "data": null}"#)),
    (Kind::Phoenixd, Fault::Status(500, "java.lang.IllegalStateException")),
    (Kind::Lnbits, Fault::Status(500, r#"{"detail": "Unexpected error! ID: abc"}"#)),
    (Kind::Lnbits, Fault::Status(520, "<html>an error of a proxy with this number</html>")),
];

#[test]
fn what_is_there_already_is_neither_success_nor_failure() {
    for (kind, fault) in THERE_ALREADY {
        let world = FakeNode::start(kind);
        let foreign = world.book.lock().foreign(MSAT);
        world.book.lock().spoil(Op::Send, fault);
        let outcome = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
        assert!(!matches!(outcome, SendOutcome::Refused(_)), "{fault:?}: {outcome:?}");
    }
}

/// Errors of payments that were not made, as documented.
const REFUSALS: [(Kind, Fault); 9] = [
    (Kind::Lnd, Fault::Status(500, r#"{"error": {"code": 2, "message": "self-payments not allowed", "details": []}}"#)),
    (Kind::Lnd, Fault::Status(500, r#"{"error": {"code": 2, "message": "permission denied", "details": []}}"#)),
    (Kind::Lnd, Fault::Status(400, r#"{"code": 3, "message": "proto: syntax error", "details": []}"#)),
    (Kind::Cln, Fault::Status(500, r#"{"code": -32602, "message": "Invalid bolt11", "data": null}"#)),
    (Kind::Cln, Fault::Status(500, r#"{"code": 205, "message": "no route", "data": {"x": 1}}"#)),
    (Kind::Cln, Fault::Status(404, r#"{"code": -32601, "message": "Unknown command", "data": null}"#)),
    (Kind::Phoenixd, Fault::Status(400, "Request parameter invoice couldn't be parsed")),
    (Kind::Phoenixd, Fault::Status(200, r#"{"type": "payment_failed", "reason": "not enough funds"}"#)),
    (Kind::Lnbits, Fault::Status(520, r#"{"detail": "Insufficient balance.", "status": "failed"}"#)),
];

#[test]
fn what_was_refused_before_anything_was_stored_is_refused() {
    for (kind, fault) in REFUSALS {
        let world = FakeNode::start(kind);
        let foreign = world.book.lock().foreign(MSAT);
        world.book.lock().spoil(Op::Send, fault);
        let outcome = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
        assert!(matches!(outcome, SendOutcome::Refused(_)), "{fault:?}: {outcome:?}");
        assert!(matches!(world.found(foreign.hash), PaymentAtNode::NotFound));
    }
}

#[test]
fn an_error_after_which_the_payment_is_there_is_not_refused() {
    for (kind, fault) in REFUSALS.into_iter().filter(|(kind, _)| *kind != Kind::Lnd) {
        let world = FakeNode::start(kind);
        let foreign = world.book.lock().foreign(MSAT);
        world.book.lock().fate = Fate::Held;
        // Somebody else starts it between the lookup before and the lookup after.
        world.book.lock().spoil(Op::Send, fault);
        world.book.lock().start_at_fault = Some(foreign.bolt11.clone());
        let outcome = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
        let is_unknown_command = matches!(fault, Fault::Status(404, _));
        assert!(is_unknown_command || outcome == SendOutcome::Accepted, "{fault:?}: {outcome:?}");
    }
}

#[test]
fn a_secret_that_is_not_accepted_is_told_without_it() {
    let repeated: &'static str =
        format!(r#"{{"code": 16, "detail": "no: {SECRET}", "message": "no: {SECRET}"}}"#).leak();
    for kind in KINDS {
        let world = FakeNode::start(kind);
        let foreign = world.book.lock().foreign(MSAT);
        let _ = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
        world.book.lock().spoil(Op::FindPayment, Fault::Status(401, repeated));
        let found = world.run(world.node.find_payment(foreign.hash, Duration::ZERO));
        let Err(error @ NodeError::Unauthorized(_)) = found else { panic!("{kind:?}: {found:?}") };
        let shown = format!("{error} {error:?} {:?} {}", world.node, world.node.name());
        assert!(!shown.contains(SECRET) && shown.contains("no: …"), "{shown}");
    }
}

#[test]
fn on_core_lightning_a_pause_between_parts_is_no_failure() {
    let world = FakeNode::start(Kind::Cln);
    let foreign = world.book.lock().foreign(MSAT);
    world.book.lock().fate = Fate::Fails;
    // The command answers nothing that would say that it has ended: it may make another part.
    world.book.lock().spoil(Op::Send, Fault::Silent);
    let outcome = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
    assert!(matches!(outcome, SendOutcome::Unclear(_)), "{outcome:?}");
    let found = world.found(foreign.hash);
    assert!(matches!(found, PaymentAtNode::InFlight), "{found:?}");
    // By the node's clock its time is over.
    world.book.lock().payments[0].created_ms -= 300_000;
    let found = world.found(foreign.hash);
    assert!(matches!(found, PaymentAtNode::Failed { .. }), "{found:?}");
}
