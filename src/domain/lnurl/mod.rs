//! LNURL, as the LUDs have it: codes and addresses, and what they lead to; what a pay link says,
//! and which payments it takes.

pub mod address;
pub mod bech32;
pub mod code;
pub mod metadata;
pub mod pay_range;
pub mod places;
pub mod sendable;
pub mod service_url;
pub mod success;
