//! Where deliveries go, and in which order.

use bitcoin_hashes::{Hash, HashEngine, sha256};

use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, LineId, OwnerId};

/// The queue in which the events of one wallet wait for one target: a digest, because only equality
/// matters.
pub fn line(account: Option<AccountId>, owner: OwnerId, destination: &str) -> LineId {
    let mut engine = sha256::Hash::engine();
    engine.input(account.map_or([0; 16], |account| *account.as_bytes()).as_slice());
    engine.input(owner.as_bytes());
    engine.input(destination.as_bytes());
    let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        sha256::Hash::from_engine(engine).to_byte_array();
    LineId::new(first)
}

/// Where deliveries go, as far as fairness matters: a slow host affects only its own tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The consumer that the deliveries are charged to.
    pub consumer: Consumer,
    /// Host and port of the target.
    pub host: String,
}
