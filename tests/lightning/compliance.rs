//! What every kind of node does in the same way: one suite, passed by each.

use std::collections::BTreeSet;
use std::time::Duration;

use satkeep::domain::ids::PaymentHash;
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::node::Preimage;
use satkeep::domain::time::UnixMs;
use satkeep::lightning::node::{
    Cancelled, Cursor, Description, InvoiceAtNode, InvoiceOrder, NodeError, PaymentAtNode, PaymentOrder, Received,
    SendOutcome,
};

use super::fakes::{FakeNode, Fate, Kind};
use super::world::{MSAT, PATIENCE, World, attempt_of, found, made, order, payment, send_and_wait};

/// The suite, for each kind.
macro_rules! compliance {
    ($($test:ident),* $(,)?) => {
        compliance!(@kind lnd, Lnd, $($test),*);
        compliance!(@kind cln, Cln, $($test),*);
        compliance!(@kind phoenixd, Phoenixd, $($test),*);
        compliance!(@kind lnbits, Lnbits, $($test),*);
    };
    (@kind $module:ident, $kind:ident, $($test:ident),*) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test(&super::FakeNode::start(super::Kind::$kind));
                }
            )*
        }
    };
}

compliance!(
    says_who_it_is,
    invoices_are_made_and_found,
    invoices_are_cancelled_or_not,
    receipts_are_told_in_order,
    a_receipt_ends_the_wait,
    payments_arrive_once,
    payments_fail_attempt_by_attempt,
    what_is_held_is_under_way,
    the_fee_has_a_limit,
    what_has_expired_is_refused,
    lists_are_whole,
);

fn told(received: &[Received]) -> Vec<PaymentHash> {
    received.iter().map(|it| it.receipt.payment_hash).collect()
}

fn says_who_it_is(world: &FakeNode) {
    let identity = world.run(world.node.identity()).unwrap();
    assert!(!identity.id.is_empty() && identity.is_synced, "{identity:?}");
    let network = identity.network.as_deref();
    assert_eq!(network, (world.kind != Kind::Lnbits).then_some("regtest"));
    assert!(identity.time.unwrap() > UnixMs::new(1_700_000_000_000), "{identity:?}");
    let balance = world.run(world.node.balance()).unwrap();
    let local = if world.kind == Kind::Phoenixd { 7000 } else { 7001 };
    assert_eq!(balance.local, Msat::new(local));
    assert_eq!(balance.remote, (world.kind != Kind::Lnbits).then_some(Msat::new(3000)));
    assert!(world.node.name().contains("127.0.0.1:"));
}

pub(super) fn invoices_are_made_and_found(world: &impl World) {
    let abilities = world.node().abilities();
    let order = order();
    let invoice = world.run(world.node().create_invoice(order.clone())).unwrap();
    if abilities.takes_preimage {
        assert_eq!(invoice.payment_hash, order.preimage.payment_hash());
        let again = world.run(world.node().create_invoice(order.clone())).unwrap();
        assert_eq!(again.bolt11, invoice.bolt11);
    } else {
        assert!(invoice.preimage.iter().all(|preimage| preimage.payment_hash() == invoice.payment_hash));
    }
    let hash = invoice.payment_hash;
    let find = |hash| world.run(world.node().find_invoice(hash)).unwrap();
    assert!(matches!(find(hash), InvoiceAtNode::Open));
    // An invoice is no payment.
    assert!(matches!(found(world, hash, Duration::ZERO), PaymentAtNode::NotFound));
    assert!(matches!(find(Preimage::generate().payment_hash()), InvoiceAtNode::NotFound));
    world.payer()(&invoice);
    let InvoiceAtNode::Settled(receipt) = find(hash) else { panic!("it is paid") };
    assert_eq!((receipt.payment_hash, receipt.amount.msat()), (hash, MSAT));
    assert_eq!(receipt.preimage.unwrap().payment_hash(), hash);
    let of_hash = InvoiceOrder { description: Description::Hash([7; 32]), ..super::world::order() };
    let made = world.run(world.node().create_invoice(of_hash));
    assert_eq!(made.is_ok(), abilities.description_hash, "{made:?}");
}

fn invoices_are_cancelled_or_not(world: &FakeNode) {
    let cancel = |hash| world.run(world.node.cancel_invoice(hash)).unwrap();
    let (open, paid) = (made(world).payment_hash, made(world).payment_hash);
    world.book.lock().pay(paid, MSAT);
    if !world.node.abilities().cancels {
        assert_eq!((cancel(open), cancel(paid)), (Cancelled::Unsupported, Cancelled::Unsupported));
        return;
    }
    assert_eq!((cancel(open), cancel(paid)), (Cancelled::Done, Cancelled::TooLate));
    let found = world.run(world.node.find_invoice(open)).unwrap();
    assert!(matches!(found, InvoiceAtNode::Cancelled | InvoiceAtNode::NotFound), "{found:?}");
    assert!(matches!(cancel(open), Cancelled::Done | Cancelled::NotFound));
    assert_eq!(cancel(Preimage::generate().payment_hash()), Cancelled::NotFound);
}

pub(super) fn receipts_are_told_in_order(world: &impl World) {
    let since = |cursor| world.run(world.node().received_since(cursor, Duration::ZERO)).unwrap();
    let never = made(world).payment_hash;
    // What was there before is none of ours.
    let before = told(&since(Cursor(0)));
    let mut cursor = since(Cursor(0)).last().map_or(Cursor(0), |last| last.cursor);
    let mut paid: Vec<_> = (0..25).map(|_| made(world)).collect();
    // Not in the order in which they were made, and some at the same time.
    paid.reverse();
    let pay = world.payer();
    let mut firsts = Vec::new();
    for some in paid.chunks(7) {
        some.iter().for_each(&pay);
        loop {
            let received = since(cursor);
            let Some(last) = received.last() else { break };
            cursor = last.cursor;
            for hash in told(&received) {
                if !firsts.contains(&hash) && !before.contains(&hash) {
                    firsts.push(hash);
                }
            }
        }
    }
    let position = |hash: &PaymentHash| paid.iter().position(|it| it.payment_hash == *hash).unwrap() / 7;
    assert!(firsts.len() == paid.len() && firsts.is_sorted_by_key(position), "{firsts:?}");
    assert!(!firsts.contains(&never));
    // From the beginning, all are told again.
    let again: BTreeSet<_> = told(&since(Cursor(0))).into_iter().collect();
    let expected: BTreeSet<_> = before.into_iter().chain(firsts).collect();
    assert_eq!(again, expected);
}

pub(super) fn a_receipt_ends_the_wait(world: &impl World) {
    let since = |cursor, wait| world.run(world.node().received_since(cursor, wait)).unwrap();
    let mut cursor = since(Cursor(0), Duration::ZERO).last().map_or(Cursor(0), |last| last.cursor);
    for _ in 0..2 {
        let invoice = made(world);
        let hash = invoice.payment_hash;
        let pay = world.payer();
        let payer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            pay(&invoice);
        });
        let received = since(cursor, PATIENCE);
        payer.join().unwrap();
        assert_eq!(told(&received), [hash]);
        cursor = received[0].cursor;
    }
}

pub(super) fn payments_arrive_once(world: &impl World) {
    let (bolt11, hash) = world.foreign();
    let unknown = found(world, hash, Duration::ZERO);
    assert!(matches!(unknown, PaymentAtNode::NotFound), "{unknown:?}");
    for _ in 0..2 {
        let (outcome, found) = send_and_wait(world, payment(&bolt11, hash));
        assert_eq!(outcome, SendOutcome::Accepted);
        let PaymentAtNode::Settled(sent) = found else { panic!("{found:?}") };
        assert_eq!((sent.fee, sent.amount.msat()), (Msat::new(world.fee_msat()), MSAT));
        assert_eq!(sent.preimage.payment_hash(), hash);
        assert_eq!(world.times_paid(hash), 1);
    }
}

fn payments_fail_attempt_by_attempt(world: &FakeNode) {
    let foreign = world.book.lock().foreign(MSAT);
    world.book.lock().fate = Fate::Fails;
    let (outcome, found) = send_and_wait(world, payment(&foreign.bolt11, foreign.hash));
    assert_eq!(outcome, SendOutcome::Accepted);
    let first = attempt_of(&found);
    assert_eq!(attempt_of(&world.found(foreign.hash)), first, "an attempt keeps its number");
    let (outcome, found) = send_and_wait(world, payment(&foreign.bolt11, foreign.hash));
    if world.kind == Kind::Lnbits {
        // It does not try again, so that the attempt is the same.
        assert!(matches!(outcome, SendOutcome::Refused(_)), "{outcome:?}");
        assert_eq!(attempt_of(&found), first);
        return;
    }
    assert_eq!(outcome, SendOutcome::Accepted);
    assert_ne!(attempt_of(&found), first);
    world.book.lock().fate = Fate::Arrives;
    let (outcome, found) = send_and_wait(world, payment(&foreign.bolt11, foreign.hash));
    assert_eq!(outcome, SendOutcome::Accepted);
    assert!(matches!(found, PaymentAtNode::Settled(_)), "{found:?}");
    assert_eq!(world.book.lock().attempts(foreign.hash).len(), 3);
}

fn what_is_held_is_under_way(world: &FakeNode) {
    world.book.lock().fate = Fate::Held;
    for end in [Fate::Arrives, Fate::Fails] {
        let foreign = world.book.lock().foreign(MSAT);
        let outcome = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
        assert!(matches!(outcome, SendOutcome::Accepted | SendOutcome::Unclear(_)), "{outcome:?}");
        let found = world.run(world.node.find_payment(foreign.hash, Duration::from_millis(50))).unwrap();
        assert!(matches!(found, PaymentAtNode::InFlight), "{found:?}");
        // It is not sent a second time.
        let again = world.run(world.node.send(payment(&foreign.bolt11, foreign.hash)));
        assert!(matches!(again, SendOutcome::Accepted | SendOutcome::Unclear(_)), "{again:?}");
        assert_eq!(world.book.lock().attempts(foreign.hash).len(), 1);
        let book = world.book.clone();
        let ender = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            book.lock().end(foreign.hash, end);
        });
        let found = world.run(world.node.find_payment(foreign.hash, PATIENCE)).unwrap();
        ender.join().unwrap();
        match end {
            Fate::Arrives => assert!(matches!(found, PaymentAtNode::Settled(_)), "{found:?}"),
            _ => assert!(matches!(found, PaymentAtNode::Failed { .. }), "{found:?}"),
        }
    }
}

fn the_fee_has_a_limit(world: &FakeNode) {
    // What phoenixd takes for this amount.
    world.book.lock().fee_msat = 8_000;
    let foreign = world.book.lock().foreign(MSAT);
    let with = |fee_max| PaymentOrder { fee_max: Msat::new(fee_max), ..payment(&foreign.bolt11, foreign.hash) };
    let (outcome, found) = send_and_wait(world, with(7_999));
    match outcome {
        SendOutcome::Refused(_) => assert!(matches!(found, PaymentAtNode::NotFound), "{found:?}"),
        _ => assert!(matches!(found, PaymentAtNode::Failed { .. }), "{found:?}"),
    }
    let (_, found) = send_and_wait(world, with(8_000));
    let PaymentAtNode::Settled(sent) = found else { panic!("{found:?}") };
    assert_eq!(sent.fee, Msat::new(8_000));
}

fn what_has_expired_is_refused(world: &FakeNode) {
    let foreign = world.book.lock().foreign_until(MSAT, -60);
    let (outcome, found) = send_and_wait(world, payment(&foreign.bolt11, foreign.hash));
    assert!(matches!(outcome, SendOutcome::Refused(_)), "{outcome:?}");
    assert!(matches!(found, PaymentAtNode::NotFound), "{found:?}");
}

fn lists_are_whole(world: &FakeNode) {
    // More than a page of any of them.
    let count = if world.kind == Kind::Lnbits { 150 } else { 520 };
    let mut received = Vec::new();
    {
        let mut book = world.book.lock();
        book.fill(count);
        received.extend(book.invoices.iter().map(|invoice| invoice.hash));
    }
    let mut listed: Vec<_> = world.run(world.node.receipts_since(UnixMs::new(0))).unwrap();
    assert!(listed.iter().all(|receipt| receipt.amount.msat() == MSAT));
    listed.sort_by_key(|receipt| receipt.payment_hash);
    listed.dedup_by_key(|receipt| receipt.payment_hash);
    assert_eq!(listed.len(), count);
    let sent = world.run(world.node.payments_since(UnixMs::new(0))).unwrap();
    let hashes: BTreeSet<_> = sent.iter().map(|payment| payment.payment_hash).collect();
    assert_eq!(hashes.len(), count);
    assert!(sent.iter().all(|payment| matches!(payment.state, PaymentAtNode::Settled(_))));
    let later = UnixMs::new(super::fakes::now_ms() + 5_000);
    assert!(world.run(world.node.receipts_since(later)).unwrap().is_empty());
    let first = world.run(world.node.received_since(Cursor(0), Duration::ZERO)).unwrap();
    assert!(!first.is_empty());
}

#[test]
fn what_it_cannot_do_it_says() {
    for kind in [Kind::Phoenixd, Kind::Lnbits] {
        let world = FakeNode::start(kind);
        let odd = InvoiceOrder { amount: Amount::from_msat(1_001).unwrap(), ..order() };
        let refused = world.run(world.node.create_invoice(odd));
        assert!(matches!(refused, Err(NodeError::Unsupported(_))), "{refused:?}");
        assert!(world.book.lock().invoices.is_empty());
        // But these tell their preimages at once.
        let invoice = made(&world);
        assert_eq!(invoice.preimage.unwrap().payment_hash(), invoice.payment_hash);
    }
    let world = FakeNode::start(Kind::Lnbits);
    let foreign = world.book.lock().foreign(MSAT);
    let with_amount = PaymentOrder { amount: Amount::from_msat(MSAT).ok(), ..payment(&foreign.bolt11, foreign.hash) };
    let outcome = world.run(world.node.send(with_amount));
    assert!(matches!(outcome, SendOutcome::Refused(_)), "{outcome:?}");
}
