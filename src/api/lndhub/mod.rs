//! LNDHub, the protocol that wallet apps such as Zeus and BlueWallet speak to a wallet kept
//! elsewhere: the paths and shapes of LNbits' extension of that name, over the same use cases as
//! everything else. It has tokens, errors and units (sat) of its own.

mod document;
mod error;
pub(crate) mod links;
pub(crate) mod routes;
mod token;
mod views;

pub use document::complete;
