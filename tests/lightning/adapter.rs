//! What satkeep asks of a node, answered by a real LND.

use std::sync::Arc;
use std::time::Duration;

use satkeep::domain::ids::PaymentHash;
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::node::Preimage;
use satkeep::domain::time::UnixMs;
use satkeep::lightning::connect;
use satkeep::lightning::node::{
    Answer, Cancelled, Cursor, Description, InvoiceAtNode, InvoiceOrder, Node, NodeError, PaymentAtNode, PaymentOrder,
    Received, SendOutcome,
};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{Invoice, Lnd, RIGHTS, Secret, network, router_fee_msat};

const NOT_AT_ALL: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

/// A node as satkeep sees it.
struct Asked {
    node: Arc<dyn Node>,
    runtime: Runtime,
}

impl Asked {
    fn new(setting: &str) -> Self {
        let node = connect(&setting.parse().unwrap()).unwrap();
        Self { node, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap() }
    }

    fn of(node: &Lnd) -> Self {
        Self::new(&node.setting())
    }

    fn ask<'a, T>(&'a self, question: impl FnOnce(&'a dyn Node) -> Answer<'a, T>) -> T {
        self.runtime.block_on(question(&*self.node))
    }

    fn send(&self, invoice: &Invoice, fee_max_msat: u64) -> SendOutcome {
        let order = PaymentOrder {
            bolt11: invoice.bolt11.clone(),
            payment_hash: hash(invoice),
            amount: None,
            fee_max: Msat::new(fee_max_msat.cast_signed()),
            time: LONG,
        };
        self.ask(|node| node.send(order))
    }

    fn payment(&self, hash: PaymentHash, wait: Duration) -> Result<PaymentAtNode, NodeError> {
        self.ask(|node| node.find_payment(hash, wait))
    }

    fn received(&self, cursor: Cursor, wait: Duration) -> Vec<Received> {
        self.ask(|node| node.received_since(cursor, wait)).unwrap()
    }
}

fn hash(invoice: &Invoice) -> PaymentHash {
    invoice.hash.parse().unwrap()
}

fn order(preimage: &Preimage, sat: i64, description: Description) -> InvoiceOrder {
    let amount = Amount::from_sat(sat).unwrap();
    InvoiceOrder { preimage: preimage.clone(), amount, description, expiry_seconds: 3600 }
}

#[test]
fn a_node_says_who_it_is() {
    let Some(network) = network() else { return };
    let ours = Asked::of(&network.ours);
    let identity = ours.ask(|node| node.identity()).unwrap();
    assert_eq!((identity.id, identity.alias), (network.ours.identity(), "ours".to_owned()));
    assert_eq!(identity.network.as_deref(), Some("regtest"));
    assert!(identity.version.starts_with("0.21.2-beta"), "{}", identity.version);
    let balance = ours.ask(|node| node.balance()).unwrap();
    assert!(balance.local > Msat::new(1_000_000_000) && balance.remote > Some(Msat::new(1_000_000_000)), "{balance:?}");
}

#[test]
fn a_node_with_another_certificate_or_secret_is_not_believed() {
    let Some(network) = network() else { return };
    let (ours, world) = (&network.ours, &network.world);
    let setting = |node: &Lnd, macaroon: &std::path::Path, certificate: &std::path::Path| {
        format!("lnd://{}?macaroon={}&cert={}", node.address(), macaroon.display(), certificate.display())
    };
    let identify = |setting: &str| Asked::new(setting).ask(|node| node.identity()).unwrap_err();
    let error = identify(&setting(ours, &ours.bake(&RIGHTS), &world.certificate()));
    assert!(matches!(error, NodeError::Unreachable(_)), "{error}");
    let error = identify(&setting(ours, &world.bake(&RIGHTS), &ours.certificate()));
    assert!(matches!(error, NodeError::Unauthorized(_)), "{error}");
    let error = identify(&setting(ours, &ours.bake(&[("invoices", "read")]), &ours.certificate()));
    assert!(matches!(error, NodeError::Unauthorized(_)), "{error}");
}

#[test]
fn one_preimage_makes_one_invoice_which_is_paid() {
    let Some(network) = network() else { return };
    let ours = Asked::of(&network.ours);
    for description in [Description::Text("Grüße".to_owned()), Description::Hash([7; 32])] {
        let preimage = Preimage::generate();
        let order = order(&preimage, 21, description.clone());
        let made = ours.ask(|node| node.create_invoice(order.clone())).unwrap();
        let again = ours.ask(|node| node.create_invoice(order)).unwrap();
        assert_eq!(made.payment_hash, preimage.payment_hash());
        assert_eq!((&again.bolt11, again.payment_hash), (&made.bolt11, made.payment_hash));
        let decoded = network.world.get(&format!("/v1/payreq/{}", made.bolt11)).unwrap();
        match description {
            Description::Text(text) => assert_eq!(decoded["description"], text),
            Description::Hash(_) => assert_eq!(decoded["description_hash"], "07".repeat(32)),
        }
        let find = || ours.ask(|node| node.find_invoice(made.payment_hash)).unwrap();
        assert!(matches!(find(), InvoiceAtNode::Open));
        assert_eq!(network.world.pay(&made.bolt11, 10_000).unwrap()["status"], "SUCCEEDED");
        let InvoiceAtNode::Settled(receipt) = find() else { panic!("{:?}", find()) };
        assert_eq!((receipt.payment_hash, receipt.amount.msat()), (made.payment_hash, 21_000));
        assert_eq!(receipt.preimage.map(|known| known.reveal()), Some(preimage.reveal()));
        let cancelled = ours.ask(|node| node.cancel_invoice(made.payment_hash)).unwrap();
        assert_eq!(cancelled, Cancelled::TooLate);
    }
}

#[test]
fn an_invoice_is_cancelled_unless_money_is_there() {
    let Some(network) = network() else { return };
    let ours = Asked::of(&network.ours);
    let cancel = |hash| ours.ask(|node| node.cancel_invoice(hash)).unwrap();
    let find = |hash| ours.ask(|node| node.find_invoice(hash)).unwrap();
    let unknown = Preimage::generate().payment_hash();
    assert_eq!(cancel(unknown), Cancelled::NotFound);
    assert!(matches!(find(unknown), InvoiceAtNode::NotFound));
    let open = network.ours.add_invoice(1_000_000);
    assert_eq!([cancel(hash(&open)), cancel(hash(&open))], [Cancelled::Done; 2]);
    assert!(matches!(find(hash(&open)), InvoiceAtNode::Cancelled));
    let failed = network.world.pay(&open.bolt11, 10_000).unwrap();
    assert_eq!(failed["failure_reason"], "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS");
}

#[test]
fn every_receipt_is_told_also_the_first_one_ever() {
    let Some(network) = network() else { return };
    let node = network.join("payee");
    let asked = Asked::of(&node);
    // Nothing has ever arrived; and nothing is known of any invoice.
    assert!(asked.received(Cursor::default(), NOT_AT_ALL).is_empty());
    let unknown = Preimage::generate().payment_hash();
    assert!(matches!(asked.ask(|node| node.find_invoice(unknown)), Ok(InvoiceAtNode::NotFound)));
    let paid = |amount_msat: u64, more_msat: u64| {
        let invoice = node.add_invoice(amount_msat);
        let paid = network.world.pay_amount(&invoice.bolt11, amount_msat + more_msat, 10_000).unwrap();
        assert_eq!(paid["status"], "SUCCEEDED", "{paid}");
        (hash(&invoice), (amount_msat + more_msat).cast_signed())
    };
    let told = |received: &[Received]| -> Vec<_> {
        received.iter().map(|one| (one.receipt.payment_hash, one.receipt.amount.msat())).collect()
    };
    // While nobody listened.
    let first = [paid(1_000_000, 0), paid(2_000_000, 1)];
    let received = asked.received(Cursor::default(), NOT_AT_ALL);
    assert_eq!(told(&received), first);
    let one_later = asked.received(received[0].cursor, LONG);
    assert_eq!(told(&one_later), first[1..]);
    // After a restart, and while somebody waits.
    node.kill();
    node.restart();
    node.wait_until_connected();
    let (cursor, waiting) = (received[1].cursor, Asked::of(&node));
    let (last, received) = std::thread::scope(|scope| {
        let received = scope.spawn(move || waiting.received(cursor, LONG));
        (paid(3_000_000, 0), received.join().unwrap())
    });
    assert_eq!(told(&received), [last]);
    let listed = asked.ask(|node| node.receipts_since(UnixMs::new(0))).unwrap();
    let listed: Vec<_> = listed.iter().map(|receipt| (receipt.payment_hash, receipt.amount.msat())).collect();
    assert_eq!(listed, [first[0], first[1], last]);
}

#[test]
fn a_payment_costs_at_most_its_limit_and_its_attempts_are_told_apart() {
    let Some(network) = network() else { return };
    let ours = Asked::of(&network.ours);
    let invoice = network.world.add_invoice(3_000_000);
    let fee_msat = router_fee_msat(3_000_000);
    assert!(matches!(ours.payment(hash(&invoice), NOT_AT_ALL), Ok(PaymentAtNode::NotFound)));
    let mut attempts = Vec::new();
    for _ in 0..2 {
        assert_eq!(ours.send(&invoice, fee_msat - 1), SendOutcome::Accepted);
        let state = ours.payment(hash(&invoice), LONG).unwrap();
        let PaymentAtNode::Failed { attempt, reason } = state else { panic!("{state:?}") };
        assert!(!reason.is_empty());
        attempts.push(attempt);
    }
    assert_ne!(attempts[0], attempts[1]);
    assert_eq!(ours.send(&invoice, fee_msat), SendOutcome::Accepted);
    let state = ours.payment(hash(&invoice), LONG).unwrap();
    let PaymentAtNode::Settled(sent) = state else { panic!("{state:?}") };
    assert_eq!((sent.fee.get(), sent.amount.msat()), (fee_msat.cast_signed(), 3_000_000));
    assert_eq!(sent.preimage.payment_hash(), hash(&invoice));
    // Once more is no second payment.
    assert_eq!(ours.send(&invoice, fee_msat), SendOutcome::Accepted);
    let listed = ours.ask(|node| node.payments_since(UnixMs::new(0))).unwrap();
    let listed: Vec<_> = listed.iter().filter(|payment| payment.payment_hash == hash(&invoice)).collect();
    assert!(matches!(listed[..], [payment] if matches!(payment.state, PaymentAtNode::Settled(_))), "{listed:?}");
}

#[test]
fn what_is_held_elsewhere_is_in_flight() {
    let Some(network) = network() else { return };
    let ours = Asked::of(&network.ours);
    let (taken, given_back) = (Secret::random(), Secret::random());
    for secret in [&taken, &given_back] {
        let invoice = network.world.add_hold_invoice(secret, 1_000_000, 3600);
        assert_eq!(ours.send(&invoice, 10_000), SendOutcome::Accepted);
        network.world.wait_for_invoice(&secret.hash, "ACCEPTED");
        let state = ours.payment(hash(&invoice), Duration::from_millis(200));
        assert!(matches!(state, Ok(PaymentAtNode::InFlight)), "{state:?}");
    }
    network.world.settle(&taken);
    network.world.cancel(&given_back.hash).unwrap();
    let state = ours.payment(taken.hash.parse().unwrap(), LONG);
    assert!(matches!(state, Ok(PaymentAtNode::Settled(_))), "{state:?}");
    let state = ours.payment(given_back.hash.parse().unwrap(), LONG);
    assert!(matches!(state, Ok(PaymentAtNode::Failed { .. })), "{state:?}");
}

#[test]
fn what_cannot_be_paid_is_refused_and_not_found() {
    let Some(network) = network() else { return };
    let ours = Asked::of(&network.ours);
    let expired = network.world.add_invoice_with(&json!({"value": "1000", "expiry": "1"}));
    network.world.wait_until_expired(&expired);
    let to_ourselves = network.ours.add_invoice(1_000_000);
    let amountless = network.world.add_invoice_with(&json!({}));
    for (invoice, words) in [(&expired, "expired"), (&to_ourselves, "self-payments"), (&amountless, "zero amount")] {
        let outcome = ours.send(invoice, 10_000);
        assert!(matches!(&outcome, SendOutcome::Refused(reason) if reason.contains(words)), "{outcome:?}");
        assert!(matches!(ours.payment(hash(invoice), NOT_AT_ALL), Ok(PaymentAtNode::NotFound)));
    }
}

#[test]
fn nothing_is_known_of_a_node_that_is_away() {
    let Some(network) = network() else { return };
    let node = network.start_node("away");
    let asked = Asked::of(&node);
    let invoice = network.world.add_invoice(1_000_000);
    node.kill();
    let outcome = asked.send(&invoice, 10_000);
    assert!(matches!(outcome, SendOutcome::Unclear(_)), "{outcome:?}");
    let state = asked.payment(hash(&invoice), NOT_AT_ALL);
    assert!(matches!(state, Err(NodeError::Unreachable(_))), "{state:?}");
    let received = asked.ask(|node| node.received_since(Cursor(1), NOT_AT_ALL));
    assert!(matches!(received, Err(NodeError::Unreachable(_))), "{received:?}");
    node.restart();
    assert!(matches!(asked.payment(hash(&invoice), NOT_AT_ALL), Ok(PaymentAtNode::NotFound)));
    // It has no channel: a payment is begun, and fails.
    assert_eq!(asked.send(&invoice, 10_000), SendOutcome::Accepted);
    let state = asked.payment(hash(&invoice), LONG);
    assert!(matches!(state, Ok(PaymentAtNode::Failed { .. })), "{state:?}");
}
