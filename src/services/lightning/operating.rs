//! What the operator sees of the Lightning node, and can do where a payment waits for too long.

use std::collections::HashSet;

use super::{outside, receiving, sending};
use crate::clock;
use crate::domain::ids::HoldId;
use crate::domain::money::Msat;
use crate::domain::node::Preimage;
use crate::domain::send::NodeName;
use crate::ledger::command::SendEnd;
use crate::ledger::outcome::SendEnded;
use crate::lightning::node::{Identity, NodeBalance, Sent};
use crate::services::callers::{Caller as _, Operator};
use crate::services::{Error, Missing, Services};
use crate::store::Db;
use crate::store::sends;

pub use crate::store::sends::Send as Pending;

/// What is known of the node and of what is under way, at one moment.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What the node is, and where.
    pub name: String,
    /// Who it is.
    pub identity: Identity,
    /// What it could send and receive.
    pub balance: NodeBalance,
    /// Payments to other nodes that have not ended.
    pub under_way: i64,
    /// For how many seconds the oldest of them has been.
    pub oldest_s: Option<i64>,
    /// What all wallets hold.
    pub liabilities: Msat,
}

/// Asks the node who it is, and counts what is under way.
pub(crate) async fn look(services: &Services) -> Result<Looked, Error> {
    let connected = services.lightning.required()?;
    let identity = outside::identify(services, connected).await?;
    let balance = connected.node.balance().await?;
    let Load { under_way, oldest_s, liabilities } = load(services).await?;
    Ok(Looked { name: connected.node.name(), identity, balance, under_way, oldest_s, liabilities })
}

/// What is under way, and what is owed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Payments to other nodes that have not ended.
    pub under_way: i64,
    /// For how many seconds the oldest of them has been.
    pub oldest_s: Option<i64>,
    /// What all wallets hold.
    pub liabilities: Msat,
}

/// What is under way, and what is owed.
pub(crate) async fn load(services: &Services) -> Result<Load, Error> {
    let read = services.store.read(|connection| {
        let (under_way, oldest) = sends::standing(connection)?;
        Ok((under_way, oldest, sends::liabilities(connection)?))
    });
    let (under_way, oldest, liabilities) = read.await?;
    let oldest_s = oldest.map(|since| clock::now().seconds().saturating_sub(since.seconds()));
    Ok(Load { under_way, oldest_s, liabilities })
}

/// What came of looking everything up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reconciled {
    /// Payments under way that were looked up.
    pub looked_up: usize,
    /// How many of them have ended.
    pub ended: usize,
    /// Receipts that were booked.
    pub booked: usize,
}

/// Looks up every payment that is due, and every invoice at the node, beside running servers.
pub(crate) async fn reconcile(services: &Services) -> Result<Reconciled, Error> {
    let connected = services.lightning.required()?;
    let answer = Ok((outside::identify(services, connected).await?, None));
    connected.standing.note(answer);
    receiving::meet(services, connected).await?;
    let before = load(services).await?.under_way;
    let mut looked_up = HashSet::new();
    // Those that have not ended are due again before long.
    while let [send] = sending::take_some(services, connected, Vec::new(), 1).await?.as_slice() {
        let is_new = looked_up.insert(send.hold);
        sending::advance(services, connected, send).await;
        if !is_new {
            break;
        }
    }
    let name = NodeName::new(connected.identity()?.id);
    let booked = receiving::reconcile(services, connected, &name).await?;
    let ended = before.saturating_sub(load(services).await?.under_way);
    Ok(Reconciled { looked_up: looked_up.len(), ended: usize::try_from(ended).unwrap_or_default(), booked })
}

/// Payments to other nodes that have not ended, the oldest first.
pub(crate) async fn under_way(
    services: &Services,
    operator: Operator,
    offset: i64,
    limit: i64,
) -> Result<Vec<Pending>, Error> {
    let list = move |connection: &mut Db| {
        operator.recheck(connection)?;
        sends::under_way(connection, offset, limit)
    };
    Ok(services.store.read(list).await?)
}

/// How an operator ends a payment by hand.
#[derive(Clone, Debug)]
pub(crate) enum ByHand {
    /// It has arrived: the proof, and what routing has cost.
    Settled {
        /// The preimage.
        preimage: Preimage,
        /// The routing fee.
        fee: Msat,
    },
    /// It has failed for good, as the operator has made sure of at the node.
    Failed,
}

/// Ends a payment by hand, for a reason that is kept with it.
pub(crate) async fn end_by_hand(
    services: &Services,
    operator: Operator,
    hold: HoldId,
    how: ByHand,
    reason: &str,
) -> Result<SendEnded, Error> {
    let find = move |connection: &mut Db| {
        operator.recheck(connection)?;
        sends::find(connection, hold)
    };
    let send = services.store.read(find).await.map_err(Error::of(Missing::Payment))?;
    let note = format!("by an operator: {reason}");
    tracing::warn!(%hold, %reason, settled = matches!(how, ByHand::Settled { .. }), "an operator ends a payment by hand");
    let end = match how {
        ByHand::Failed => SendEnd::Failed,
        ByHand::Settled { preimage, fee } => {
            if preimage.payment_hash() != send.payment_hash {
                let message = "must be the preimage of the payment hash".to_owned();
                return Err(Error::Invalid { field: "preimage", message });
            }
            let sent = Sent { preimage, fee, amount: send.amount, at: clock::now() };
            sending::settled_end(services, hold, &send, &sent)
        }
    };
    sending::end_with(services, &send, end, Some(note)).await
}
