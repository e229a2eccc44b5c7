//! A node and its surroundings, as the suite of all nodes needs them.

use std::time::Duration;

use satkeep::domain::ids::PaymentHash;
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::node::Preimage;
use satkeep::lightning::node::{
    Attempt, Description, InvoiceMade, InvoiceOrder, Node, PaymentAtNode, PaymentOrder, SendOutcome,
};

/// The amount of all that is paid and received here.
pub(super) const MSAT: i64 = 1_000_000;
/// More than any of them takes for routing that.
pub(super) const FEE_MAX: i64 = 20_000;
/// How long it is waited for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A node, and others who pay it and are paid.
pub(super) trait World {
    fn node(&self) -> &dyn Node;
    fn run<T>(&self, answer: impl Future<Output = T>) -> T;
    /// Pays invoices of the node, from wherever it is called.
    fn payer(&self) -> Box<dyn Fn(&InvoiceMade) + Send>;
    /// An invoice of somebody else, for the usual amount.
    fn foreign(&self) -> (String, PaymentHash);
    /// What routing costs.
    fn fee_msat(&self) -> i64;
    /// How often an invoice of somebody else was paid.
    fn times_paid(&self, hash: PaymentHash) -> usize;
}

pub(super) fn order() -> InvoiceOrder {
    InvoiceOrder {
        preimage: Preimage::generate(),
        amount: Amount::from_msat(MSAT).unwrap(),
        description: Description::Text("a test".to_owned()),
        expiry_seconds: 3600,
    }
}

pub(super) fn made(world: &impl World) -> InvoiceMade {
    world.run(world.node().create_invoice(order())).unwrap()
}

pub(super) fn payment(bolt11: &str, payment_hash: PaymentHash) -> PaymentOrder {
    let (fee_max, time) = (Msat::new(FEE_MAX), Duration::from_secs(30));
    PaymentOrder { bolt11: bolt11.to_owned(), payment_hash, amount: None, fee_max, time }
}

/// Sends, and what comes of it in the end.
pub(super) fn send_and_wait(world: &impl World, order: PaymentOrder) -> (SendOutcome, PaymentAtNode) {
    let hash = order.payment_hash;
    let outcome = world.run(world.node().send(order));
    (outcome, found(world, hash, PATIENCE))
}

pub(super) fn found(world: &impl World, hash: PaymentHash, wait: Duration) -> PaymentAtNode {
    world.run(world.node().find_payment(hash, wait)).unwrap()
}

pub(super) fn attempt_of(found: &PaymentAtNode) -> Attempt {
    let PaymentAtNode::Failed { attempt, .. } = found else { panic!("{found:?}") };
    *attempt
}
