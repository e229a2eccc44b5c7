//! What nodes do under load and in between, which looks like something else.

use std::time::Duration;

use satkeep::domain::ids::PaymentHash;
use satkeep::lightning::node::{Cursor, NodeError, PaymentAtNode};
use serde_json::json;

use super::fakes::{FakeNode, Fault, Kind, Op};
use super::world::{MSAT, World, made};

fn paid(world: &FakeNode, count: usize) -> Vec<PaymentHash> {
    let hashes: Vec<_> = (0..count).map(|_| made(world).payment_hash).collect();
    for hash in &hashes {
        world.book.lock().pay(*hash, MSAT);
    }
    hashes
}

fn told_after(world: &FakeNode, cursor: i64) -> Vec<PaymentHash> {
    let received = world.run(world.node.received_since(Cursor(cursor), Duration::from_secs(5))).unwrap();
    received.iter().map(|it| it.receipt.payment_hash).collect()
}

/// What the node answers next, in words that last.
fn answer(world: &FakeNode, op: Op, status: u16, body: &serde_json::Value) {
    world.book.lock().spoil(op, Fault::Status(status, body.to_string().leak()));
}

#[test]
fn a_settlement_that_a_stream_leaves_out_is_told_all_the_same() {
    let world = FakeNode::start(Kind::Lnd);
    let hashes = paid(&world, 3);
    world.book.lock().untold = Some((2, 1));
    assert_eq!(told_after(&world, 1), hashes[1..]);
    // One that is left out for ever, as that of a payment of another kind, stops nothing.
    world.book.lock().untold = Some((2, u32::MAX));
    assert_eq!(told_after(&world, 1), hashes[2..]);
}

#[test]
fn the_first_settlements_are_whole_although_the_list_is_read_while_they_happen() {
    let world = FakeNode::start(Kind::Lnd);
    let hashes = paid(&world, 3);
    world.book.lock().unlisted = Some((1, 1));
    assert_eq!(told_after(&world, 0), hashes);
}

#[test]
fn what_is_overpaid_is_told_as_it_came() {
    for kind in [Kind::Lnd, Kind::Cln, Kind::Phoenixd] {
        let world = FakeNode::start(kind);
        let hash = made(&world).payment_hash;
        world.book.lock().pay(hash, 2 * MSAT);
        let received = world.run(world.node.received_since(Cursor(0), Duration::ZERO)).unwrap();
        let amount = received[0].receipt.amount.msat();
        // phoenixd rounds down to a sat.
        assert!((2 * MSAT - 999..=2 * MSAT).contains(&amount), "{kind:?}: {amount}");
    }
}

#[test]
fn lnd_has_not_failed_while_a_part_is_under_way() {
    let world = FakeNode::start(Kind::Lnd);
    let hash = world.book.lock().foreign(MSAT).hash;
    let payment = |status: &str, htlc: &str| {
        json!({"result": {
            "payment_hash": hash, "payment_preimage": "", "value_msat": "1000", "status": status, "fee_msat": "0",
            "payment_index": "1", "creation_time_ns": "1", "failure_reason": "FAILURE_REASON_TIMEOUT",
            "htlcs": [{"status": "FAILED", "resolve_time_ns": "0"}, {"status": htlc, "resolve_time_ns": "0"}],
        }})
    };
    answer(&world, Op::FindPayment, 200, &payment("FAILED", "IN_FLIGHT"));
    assert!(matches!(world.found(hash), PaymentAtNode::InFlight));
    answer(&world, Op::FindPayment, 200, &payment("FAILED", "FAILED"));
    assert!(matches!(world.found(hash), PaymentAtNode::Failed { .. }));
    // A status of a later version is none that we know.
    answer(&world, Op::FindPayment, 200, &payment("REFUNDED", "FAILED"));
    let found = world.run(world.node.find_payment(hash, Duration::ZERO));
    assert!(matches!(found, Err(NodeError::Unreadable(_))), "{found:?}");
    // An unknown path is no unknown payment.
    answer(&world, Op::FindPayment, 404, &json!({"code": 5, "message": "Not Found", "details": []}));
    let found = world.run(world.node.find_payment(hash, Duration::ZERO));
    assert!(found.is_err(), "{found:?}");
}

#[test]
fn core_lightning_decides_by_all_parts() {
    let world = FakeNode::start(Kind::Cln);
    let foreign = world.book.lock().foreign(MSAT);
    let hash = foreign.hash;
    world.book.lock().start(&foreign.bolt11, i64::MAX).unwrap();
    let preimage = world.book.lock().attempts(hash)[0].preimage.clone();
    let part = |index: i64, group: i64, status: &str| {
        json!({
            "created_index": index, "groupid": group, "partid": index, "payment_hash": hash, "status": status,
            "amount_msat": 400, "amount_sent_msat": 410, "created_at": 1_700_000_000, "payment_preimage": preimage,
        })
    };
    let found = |parts: &[serde_json::Value]| {
        answer(&world, Op::FindPayment, 201, &json!({"payments": parts}));
        world.run(world.node.find_payment(hash, Duration::ZERO)).unwrap()
    };
    let all_failed = found(&[part(1, 7, "failed"), part(2, 3, "failed"), part(3, 3, "failed")]);
    let PaymentAtNode::Failed { attempt, .. } = all_failed else { panic!("{all_failed:?}") };
    assert_eq!(attempt.0, 2, "the first part of the newest attempt");
    // One that is under way, of whichever attempt.
    for parts in [
        [part(1, 7, "pending"), part(2, 3, "failed")],
        [part(1, 3, "failed"), part(2, 3, "pending")],
        [part(1, 3, "complete"), part(2, 3, "pending")],
    ] {
        let state = found(&parts);
        assert!(matches!(state, PaymentAtNode::InFlight), "{state:?}");
    }
    // A success wins over a failure that came later, and only its own parts count.
    let state = found(&[part(1, 3, "failed"), part(2, 7, "complete"), part(3, 7, "complete"), part(4, 3, "failed")]);
    let PaymentAtNode::Settled(sent) = state else { panic!("{state:?}") };
    assert_eq!((sent.amount.msat(), sent.fee.get()), (800, 20));
}
