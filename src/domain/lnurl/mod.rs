//! LNURL, as the LUDs have it: codes and addresses, and what they lead to; what a pay link says,
//! and which payments it takes.

pub(crate) mod address;
pub(crate) mod bech32;
pub(crate) mod code;
pub(crate) mod link;
pub(crate) mod metadata;
pub(crate) mod pay_range;
pub(crate) mod places;
pub(crate) mod sendable;
pub(crate) mod service;
pub(crate) mod service_invoice;
pub(crate) mod service_url;
pub(crate) mod success;
pub(crate) mod webhook;
