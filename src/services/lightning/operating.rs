//! What the operator sees of the Lightning node, and can do where a payment waits for too long.

use super::{NodeStanding, sending};
use crate::domain::ids::HoldId;
use crate::domain::money::Msat;
use crate::domain::node::Preimage;
use crate::domain::time::UnixMs;
use crate::ledger::command::SendEnd;
use crate::ledger::outcome::SendEnded;
use crate::lightning::node::Sent;
use crate::services::callers::Operator;
use crate::services::{Error, Missing, Services};
use crate::store::sends::{self, Send};

/// How payments over Lightning are, for metrics.
#[derive(Clone, Debug, Default)]
pub struct LightningStanding {
    /// Payments to other nodes that have not ended.
    pub under_way: i64,
    /// When the oldest of them began.
    pub oldest: Option<UnixMs>,
    /// What all wallets hold.
    pub liabilities: Msat,
    /// How the node is; `None` where none is configured.
    pub(crate) node: Option<NodeStanding>,
}

/// How payments over Lightning are.
pub(crate) async fn standing(services: &Services) -> Result<LightningStanding, Error> {
    let Some(connected) = services.lightning.connected() else { return Ok(LightningStanding::default()) };
    let node = Some(connected.standing.now());
    let standing = services.store.read(|connection| {
        let (under_way, oldest) = sends::standing(connection)?;
        Ok((under_way, oldest, sends::liabilities(connection)?))
    });
    let (under_way, oldest, liabilities) = standing.await?;
    Ok(LightningStanding { under_way, oldest, liabilities, node })
}

/// Payments to other nodes that have not ended, the oldest first.
pub(crate) async fn under_way(
    services: &Services,
    operator: Operator,
    offset: i64,
    limit: i64,
) -> Result<Vec<Send>, Error> {
    let list = move |connection: &mut crate::store::Db| {
        use crate::services::callers::Caller as _;
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
    let find = move |connection: &mut crate::store::Db| {
        use crate::services::callers::Caller as _;
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
            let sent = Sent { preimage, fee, amount: send.amount, at: crate::clock::now() };
            sending::settled_end(services, hold, &send, &sent)
        }
    };
    sending::end_with(services, &send, end, Some(note)).await
}
