//! The node's books against the rows: every payment and receipt of the node, and every one of satkeep's.

use std::collections::HashMap;

use serde::Serialize;

use super::outside;
use crate::domain::ids::PaymentHash;
use crate::domain::money::Msat;
use crate::domain::send::{NodeName, SendState};
use crate::domain::time::UnixMs;
use crate::lightning::node::{PaymentAtNode, PaymentListed, Receipt};
use crate::services::{Error, Services};
use crate::store::node::{self, BookedReceipt};
use crate::store::sends::{self, BookedSend};

/// What the node's books and the rows say, where they differ, and what both hold.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The node.
    pub node: String,
    /// How many payments of the node were looked at.
    pub payments: usize,
    /// How many of its receipts.
    pub receipts: usize,
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// What the node holds in its channels, in msat. Channels and the chain cost fees that no payment shows, so that
    /// this tells of solvency, and promises nothing.
    pub node_balance_msat: Option<Msat>,
    /// What all wallets hold, in msat.
    pub liabilities_msat: Msat,
}

/// One payment or receipt of which the node's books say something else than the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which.
    pub payment_hash: PaymentHash,
    /// How they differ.
    pub what: What,
    /// How much, as the node says, or else the row, in msat.
    pub amount_msat: Msat,
}

/// How the node's books and the rows differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The node has paid what no row knows of.
    PaidUnknown,
    /// The node has paid what the row does not count as settled.
    PaidNotBooked,
    /// The row says that this node has paid, and the node does not know of it.
    PaidMissing,
    /// The node has spent another fee than the row says.
    FeeDiffers,
    /// The node has received what was not booked, for an invoice of satkeep's.
    ReceivedNotBooked,
    /// The node has received something for an invoice that satkeep has not made.
    ReceivedUnknown,
    /// The row says that this node has received, and the node does not know of it.
    ReceivedMissing,
    /// The node has received another amount than the row says.
    AmountDiffers,
}

impl What {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PaidUnknown => "paid by the node, and no payment of satkeep",
            Self::PaidNotBooked => "paid by the node, and not booked",
            Self::PaidMissing => "booked as paid, and unknown to the node",
            Self::FeeDiffers => "paid with another fee than booked",
            Self::ReceivedNotBooked => "received by the node, and not booked",
            Self::ReceivedUnknown => "received by the node, for no invoice of satkeep",
            Self::ReceivedMissing => "booked as received, and unknown to the node",
            Self::AmountDiffers => "received in another amount than booked",
        }
    }
}

/// Compares all that the node has paid and received with the rows.
pub(crate) async fn compare(services: &Services) -> Result<Comparison, Error> {
    let connected = services.lightning.required()?;
    let identity = outside::identify(services, connected).await?;
    let name = NodeName::new(identity.id);
    // The node's books first: what it does afterwards may be booked by the time that the rows are read, and what
    // the rows say then, the node has done before.
    let since = UnixMs::new(0);
    let payments = connected.node.payments_since(since).await?;
    let receipts = connected.node.receipts_since(since).await?;
    let balance = connected.node.balance().await?;
    let node = name.clone();
    let hashes: Vec<_> = receipts.iter().map(|receipt| receipt.payment_hash).collect();
    let rows = services.store.read_audit(move |connection| {
        let (sent, received) = (sends::booked(connection, &node)?, node::booked(connection, &node)?);
        Ok((sent, received, node::own_hashes(connection, &hashes)?, sends::liabilities(connection)?))
    });
    let (sent, received, own, liabilities) = rows.await?;
    let mut differences = of_payments(&payments, sent);
    differences.extend(of_receipts(&receipts, received, |hash| own.contains(&hash)));
    Ok(Comparison {
        node: name.as_str().to_owned(),
        payments: payments.len(),
        receipts: receipts.len(),
        differences,
        node_balance_msat: Some(balance.local),
        liabilities_msat: liabilities,
    })
}

/// What the node has paid against the rows. Of one payment hash there may be failed rows beside the one that
/// counts.
fn of_payments(payments: &[PaymentListed], rows: Vec<BookedSend>) -> Vec<Difference> {
    let mut of_hash: HashMap<PaymentHash, BookedSend> = HashMap::with_capacity(rows.len());
    for row in rows {
        let counts = |row: &BookedSend| row.state == SendState::Settled || row.is_late;
        let before = of_hash.get(&row.payment_hash).is_some_and(counts);
        if !before {
            of_hash.insert(row.payment_hash, row);
        }
    }
    let mut found = Vec::new();
    for payment in payments {
        let PaymentAtNode::Settled(sent) = &payment.state else { continue };
        let payment_hash = payment.payment_hash;
        let difference = |what| Difference { payment_hash, what, amount_msat: sent.amount.incoming() };
        match of_hash.remove(&payment_hash) {
            None => found.push(difference(What::PaidUnknown)),
            Some(row) if row.is_late => {}
            Some(row) if row.state != SendState::Settled => found.push(difference(What::PaidNotBooked)),
            Some(row) if row.fee != sent.fee.min(row.fee_max) => found.push(difference(What::FeeDiffers)),
            Some(_) => {}
        }
    }
    let missing = of_hash.into_values().filter(|row| row.is_of_node && row.state == SendState::Settled);
    let mut missing: Vec<_> = missing
        .map(|row| Difference { payment_hash: row.payment_hash, what: What::PaidMissing, amount_msat: row.amount })
        .collect();
    missing.sort_unstable_by_key(|difference| difference.payment_hash);
    found.extend(missing);
    found
}

fn of_receipts(
    receipts: &[Receipt],
    rows: Vec<BookedReceipt>,
    is_own: impl Fn(PaymentHash) -> bool,
) -> Vec<Difference> {
    let mut of_hash: HashMap<_, _> = rows.into_iter().map(|row| (row.payment_hash, row.amount)).collect();
    let mut found = Vec::new();
    for receipt in receipts {
        let (payment_hash, amount_msat) = (receipt.payment_hash, receipt.amount.incoming());
        let what = match of_hash.remove(&payment_hash) {
            Some(amount) if amount == amount_msat => continue,
            Some(_) => What::AmountDiffers,
            None if is_own(payment_hash) => What::ReceivedNotBooked,
            None => What::ReceivedUnknown,
        };
        found.push(Difference { payment_hash, what, amount_msat });
    }
    let missing = of_hash.into_iter();
    let mut missing: Vec<_> = missing
        .map(|(payment_hash, amount_msat)| Difference { payment_hash, what: What::ReceivedMissing, amount_msat })
        .collect();
    missing.sort_unstable_by_key(|difference| difference.payment_hash);
    found.extend(missing);
    found
}
