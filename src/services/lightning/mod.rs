//! Payments to and from other nodes, through the one Lightning node that is configured.
//!
//! [`outside`] says what a payment may cost and hands it to the ledger; [`sending`] takes up what the ledger has
//! reserved, and asks the node; [`receiving`] books what has arrived, and looks after the invoices that stand at
//! the node; [`operating`] and [`comparison`] are for the operator.

pub(crate) mod comparison;
pub(crate) mod operating;
pub(crate) mod outside;
pub(crate) mod receiving;
pub(crate) mod sending;
mod standing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::{Error, Services};
use crate::clock;
use crate::crypto::random;
use crate::domain::ids::{HoldId, OwnerId};
use crate::domain::send::SendTerms;
use crate::lightning::node::{Identity, Node};
use crate::store::{node, sends};
pub(crate) use standing::{NodeStanding, Standing};

/// The way to the Lightning node; or none.
#[derive(Clone, Debug, Default)]
pub struct Lightning(Option<Arc<Connected>>);

/// The node, and what this process knows of it.
#[derive(Debug)]
pub(crate) struct Connected {
    /// The node.
    pub(crate) node: Arc<dyn Node>,
    /// What the operator has set.
    pub(crate) terms: SendTerms,
    /// How the node is.
    pub(crate) standing: Standing,
    /// What this process is called where several work on the same.
    pub(crate) worker: OwnerId,
    /// Somebody waits for a payment to be taken up.
    wanted: Notify,
    /// Who waits for the end of a payment.
    waiting: Mutex<HashMap<HoldId, oneshot::Sender<()>>>,
}

impl Lightning {
    /// The way to a node.
    pub fn to(node: Arc<dyn Node>, terms: SendTerms) -> Self {
        Self(Some(Arc::new(Connected {
            node,
            terms,
            standing: Standing::unknown(clock::now()),
            worker: OwnerId::new(random::bytes()),
            wanted: Notify::new(),
            waiting: Mutex::default(),
        })))
    }

    /// The node, if there is one.
    pub(crate) const fn connected(&self) -> Option<&Arc<Connected>> {
        self.0.as_ref()
    }

    /// Whether there is a node that does not answer.
    pub(crate) fn is_away(&self) -> bool {
        self.connected().is_some_and(|connected| connected.standing.identity().is_none())
    }

    /// The node, which must be there.
    pub(crate) fn required(&self) -> Result<&Arc<Connected>, Error> {
        self.connected().ok_or(Error::NoNode)
    }
}

/// Lets other processes go on at once with what this one has in its hands, whose tasks have stopped.
pub(crate) async fn leave(services: &Services) -> Result<(), Error> {
    let Some(connected) = services.lightning.connected() else { return Ok(()) };
    let worker = connected.worker;
    let left = services.store.write_in_background(move |connection| {
        node::stop_leading(connection, worker)?;
        sends::give_back(connection, worker, clock::now())
    });
    Ok(left.await?)
}

/// Somebody waits for the end of a payment, until this is dropped.
pub(crate) struct Expected<'a> {
    connected: &'a Connected,
    hold: HoldId,
    end: oneshot::Receiver<()>,
}

impl Expected<'_> {
    /// Has the payment taken up, and waits for its end, but not for long.
    pub(crate) async fn take_up(mut self, patience: Duration) {
        self.connected.want();
        // Whatever it is, the payment's row tells how it has ended, or that it has not.
        drop(tokio::time::timeout(patience, &mut self.end).await);
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.connected.waiting.lock().remove(&self.hold);
    }
}

impl Connected {
    /// Who the node is, which answers.
    pub(crate) fn identity(&self) -> Result<Identity, Error> {
        self.standing.identity().ok_or(Error::NodeAway)
    }

    /// Says that somebody will wait for the end of a payment that is about to begin.
    pub(crate) fn expect(&self, hold: HoldId) -> Expected<'_> {
        let (ended, end) = oneshot::channel();
        self.waiting.lock().insert(hold, ended);
        Expected { connected: self, hold, end }
    }

    /// Has payments that wait taken up.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// Nobody has to wait for a payment any more.
    pub(crate) fn release(&self, hold: HoldId) {
        if let Some(ended) = self.waiting.lock().remove(&hold) {
            // Who is gone does not need to know.
            let (Ok(()) | Err(())) = ended.send(());
        }
    }

    /// Resolves when a payment waits to be taken up.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }
}
