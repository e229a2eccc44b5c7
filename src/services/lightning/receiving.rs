//! Books what has arrived at the node, and looks after the invoices that stand at it (promise I13).

use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::Connected;
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{InvoiceId, TransferId};
use crate::domain::send::NodeName;
use crate::domain::time::UnixMs;
use crate::ledger::command::Receive;
use crate::ledger::outcome;
use crate::lightning::incoming::{self, Next};
use crate::lightning::node::{Cursor, InvoiceAtNode, Receipt};
use crate::services::transfers::movement;
use crate::services::{Error, Services, payments};
use crate::store::node::{self, Watched};

/// How long one process reads what the node has received before another may.
const LEAD_S: i64 = 60;
/// How long the node is listened to at a time.
pub(crate) const LISTEN: Duration = Duration::from_secs(20);
/// Invoices that are looked up at once.
const AT_ONCE: usize = 8;
/// Invoices that are looked at in one go.
const SOME: i64 = 200;
/// How long after its end an invoice is still looked up: what has arrived in time may be told late.
const WATCH_AFTER_S: i64 = 3600;

/// Makes this process the one that reads what the node has received, if no other one does. Returns up to where
/// that was read.
pub(crate) async fn lead(services: &Services, connected: &Connected) -> Result<Option<(NodeName, Cursor)>, Error> {
    let name = NodeName::new(connected.identity()?.id);
    let (worker, node) = (connected.worker, name.clone());
    let led = services.store.write_in_background(move |connection| {
        let now = clock::now();
        node::lead(connection, &node, worker, now, now.plus_seconds(LEAD_S))
    });
    Ok(led.await?.map(|cursor| (name, Cursor(cursor))))
}

/// Makes sure that the database knows the node. Tells the operator of one that is another than before.
pub(crate) async fn meet(services: &Services, connected: &Connected) -> Result<(), Error> {
    let name = NodeName::new(connected.identity()?.id);
    let known = services.store.read(node::known).await?;
    let node = name.clone();
    let is_new = services.store.write_in_background(move |connection| node::meet(connection, &node, clock::now()));
    if is_new.await? && !known.is_empty() {
        let before: Vec<_> = known.iter().map(NodeName::as_str).collect();
        tracing::error!(node = %name, ?before, "this is another Lightning node than before: payments that are under way at the other one wait for it");
    }
    Ok(())
}

/// Listens to the node for a while, and books what has arrived.
pub(crate) async fn listen(
    services: &Services,
    connected: &Connected,
    name: &NodeName,
    cursor: Cursor,
    wait: Duration,
) -> Result<usize, Error> {
    let received = connected.node.received_since(cursor, wait).await?;
    let count = received.len();
    for one in received {
        book(services, name, &one.receipt).await?;
        let (node, Cursor(place)) = (name.clone(), one.cursor);
        // What is told again because this was lost is not booked again.
        services.store.write_in_background(move |connection| node::advance(connection, &node, place)).await?;
    }
    Ok(count)
}

/// Books what has arrived.
pub(crate) async fn book(services: &Services, name: &NodeName, receipt: &Receipt) -> Result<outcome::Received, Error> {
    let command = Receive {
        node: name.clone(),
        payment_hash: receipt.payment_hash,
        amount: receipt.amount,
        received_at: receipt.at,
        preimage: preimage_of(services, receipt).await?,
        transfer: TransferId::next(),
        beside: movement(&services.sealer),
    };
    let booked = services.settle(command, Consumer::NOBODY).await?;
    let (payment_hash, amount_msat) = (receipt.payment_hash, receipt.amount.msat());
    match booked {
        outcome::Received::Booked { is_adjustment: true, .. } => {
            tracing::error!(%payment_hash, amount_msat, "something has arrived for a wallet that cannot be credited; it lies with the operator's adjustments");
        }
        outcome::Received::Booked { as_usual: false, .. } => {
            tracing::warn!(%payment_hash, amount_msat, "more has arrived than was asked for, or for an invoice that was paid already; it is credited");
        }
        outcome::Received::Unknown => {
            tracing::debug!(%payment_hash, "something has arrived for an invoice that satkeep has not made");
        }
        outcome::Received::Booked { .. } | outcome::Received::Before => {}
    }
    Ok(booked)
}

/// The preimage, where the node has chosen it and satkeep does not have it yet.
async fn preimage_of(
    services: &Services,
    receipt: &Receipt,
) -> Result<Option<(InvoiceId, crate::crypto::secret::Sealed)>, Error> {
    let Some(preimage) = receipt.preimage.as_ref().filter(|it| it.payment_hash() == receipt.payment_hash) else {
        return Ok(None);
    };
    let sides = payments::sides(services, receipt.payment_hash).await?;
    let invoice = sides.first().filter(|side| !side.amount.is_negative() && side.preimage.is_none());
    Ok(invoice.map(|side| (side.invoice, preimage.seal(&services.sealer, side.invoice))))
}

/// Looks up every invoice that stands at the node, some at once: something may have arrived while nobody listened.
pub(crate) async fn reconcile(services: &Services, connected: &Connected, name: &NodeName) -> Result<usize, Error> {
    let (mut after, mut booked) = (None, 0_usize);
    loop {
        let page = services.store.read(move |connection| node::watched(connection, after, None, SOME)).await?;
        let Some(last) = page.last() else { return Ok(booked) };
        after = Some((last.expires_at, last.id));
        let look =
            |watched: Watched| async move { or_other(look_up(services, connected, name, &watched).await, &watched) };
        let mut looked = stream::iter(page).map(look).buffer_unordered(AT_ONCE);
        while let Some(has_arrived) = looked.next().await {
            booked = booked.saturating_add(usize::from(has_arrived?));
        }
    }
}

/// Looks an invoice up, and books what has arrived for it. Returns whether anything has.
async fn look_up(
    services: &Services,
    connected: &Connected,
    name: &NodeName,
    watched: &Watched,
) -> Result<bool, Error> {
    match connected.node.find_invoice(watched.payment_hash).await? {
        InvoiceAtNode::Settled(receipt) => {
            let booked = book(services, name, &receipt).await?;
            Ok(matches!(booked, outcome::Received::Booked { .. }))
        }
        InvoiceAtNode::NotFound | InvoiceAtNode::Open | InvoiceAtNode::Cancelled => Ok(false),
    }
}

/// What an invoice has come to. One that the node cannot tell of keeps nobody from looking at the others.
fn or_other(result: Result<bool, Error>, watched: &Watched) -> Result<bool, Error> {
    match result {
        Err(Error::Node(error)) if error.is_of_one_question() => {
            tracing::warn!(%error, payment_hash = %watched.payment_hash, "the node cannot tell of an invoice");
            Ok(false)
        }
        result => result,
    }
}

/// Before all invoices.
const FIRST: InvoiceId = InvoiceId::new([0; InvoiceId::LEN]);

/// Up to where invoices were tidied up.
#[derive(Debug)]
pub(crate) struct TidyPlace {
    ended: InvoiceId,
    over: Option<(UnixMs, InvoiceId)>,
}

impl Default for TidyPlace {
    fn default() -> Self {
        Self { ended: FIRST, over: None }
    }
}

/// Cancels invoices at the node that were paid inside or can no longer be paid, and stops looking after those
/// whose time is long over. Returns whether there may be more that can be tidied up at once.
pub(crate) async fn tidy(
    services: &Services,
    connected: &Connected,
    name: &NodeName,
    place: &mut TidyPlace,
) -> Result<bool, Error> {
    let ended = if connected.node.abilities().cancels {
        let after = place.ended;
        services.store.read(move |connection| node::to_cancel(connection, after, SOME)).await?
    } else {
        Vec::new()
    };
    let over_before = clock::now().plus_seconds(-WATCH_AFTER_S);
    let after = place.over;
    let over = services.store.read(move |connection| node::watched(connection, after, Some(over_before), SOME)).await?;
    // Those that are not done with are come back to when all others were looked at.
    place.ended = ended.last().map_or(FIRST, |last| last.id);
    place.over = over.last().map(|last| (last.expires_at, last.id));
    let is_full = |found: &[Watched]| i64::try_from(found.len()).is_ok_and(|found| found >= SOME);
    for watched in ended.iter().chain(&over) {
        or_other(cancel(services, connected, name, watched, over_before).await, watched)?;
    }
    Ok(is_full(&ended) || is_full(&over))
}

/// Makes an invoice unpayable at the node, and stops looking after it once it is. Returns whether it is done with.
async fn cancel(
    services: &Services,
    connected: &Connected,
    name: &NodeName,
    watched: &Watched,
    over_before: UnixMs,
) -> Result<bool, Error> {
    let cancelled = connected.node.cancel_invoice(watched.payment_hash).await?;
    let found = connected.node.find_invoice(watched.payment_hash).await?;
    match incoming::next(cancelled, found, watched.expires_at, over_before) {
        Next::Book(receipt) => drop(book(services, name, &receipt).await?),
        Next::Conclude => {
            let id = watched.id;
            services.store.write_in_background(move |connection| node::conclude(connection, id)).await?;
        }
        Next::Wait => return Ok(false),
    }
    Ok(true)
}
