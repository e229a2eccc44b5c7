//! The Lightning node behind the ledger: what satkeep asks of one ([`node::Node`]), and the nodes
//! that it knows.

pub mod node;
