//! How the Lightning node is, as this process knows it.

use parking_lot::RwLock;

use crate::domain::time::UnixMs;
use crate::lightning::node::{Identity, NodeBalance, NodeError};

/// How the node is.
#[derive(Debug)]
pub(crate) struct Standing(RwLock<NodeStanding>);

/// How the node is, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct NodeStanding {
    /// Who it is, where it has answered last.
    pub(crate) identity: Option<Identity>,
    /// What it could send and receive.
    pub(crate) balance: Option<NodeBalance>,
    /// Why it does not answer, where it does not.
    pub(crate) problem: Option<String>,
    /// When this process has read what it has received last, or else when it began.
    pub(crate) heard_at: UnixMs,
}

impl Standing {
    /// Of a node that was not asked yet.
    pub(crate) fn unknown(now: UnixMs) -> Self {
        Self(RwLock::new(NodeStanding { identity: None, balance: None, problem: None, heard_at: now }))
    }

    /// The node has answered, or has not. Returns whether it is there again after it was away, for the first time, or
    /// as another one.
    pub(crate) fn note(&self, answer: Result<(Identity, Option<NodeBalance>), NodeError>) -> bool {
        let mut standing = self.0.write();
        let before = standing.identity.as_ref().map(|identity| identity.id.clone());
        *standing = match answer {
            Ok((identity, balance)) => {
                let heard_at = standing.heard_at;
                NodeStanding { identity: Some(identity), balance, problem: None, heard_at }
            }
            Err(error) => NodeStanding {
                identity: None,
                balance: standing.balance,
                problem: Some(error.to_string()),
                heard_at: standing.heard_at,
            },
        };
        standing.identity.as_ref().is_some_and(|identity| before.as_ref() != Some(&identity.id))
    }

    /// What the node has received was read.
    pub(crate) fn heard(&self, now: UnixMs) {
        self.0.write().heard_at = now;
    }

    /// Who the node is; `None` while it does not answer.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.0.read().identity.clone()
    }

    /// All that is known.
    pub(crate) fn now(&self) -> NodeStanding {
        self.0.read().clone()
    }
}
